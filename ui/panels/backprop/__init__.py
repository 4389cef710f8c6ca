"""The panels of the page Backprop: what is learned from, the stages, one weight, and trials of its gradient."""
