"""Training: batches, updates, scores along the way, early stopping, exact checkpoints, the film of the weights."""
