"""The settings of a training run: what each may be, what they mean together, and named ones."""
