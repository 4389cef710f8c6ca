"""Backprop: one training step of the network, from the pixels to the new weights, number by number."""

from ui.panels.backprop import walk

walk.page()
