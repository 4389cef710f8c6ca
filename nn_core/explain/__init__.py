"""Why a network reads an image as it does: filters, units, maps, saliency."""
