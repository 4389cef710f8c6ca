"""Pure functions from data to figures and images."""
