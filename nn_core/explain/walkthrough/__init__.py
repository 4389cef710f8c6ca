"""One training step, number by number: the passes, the update, and what a single weight has to do with them."""
