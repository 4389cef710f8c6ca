"""Weights that another framework has saved: how they are understood, what they leave open, and what they become."""
