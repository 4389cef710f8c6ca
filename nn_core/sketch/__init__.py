"""From a drawing to an MNIST image, and the network that reads drawings from the start."""
