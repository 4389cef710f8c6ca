"""Measurements: each module is run by itself, `python -m benchmarks.<name>`, and prints what it found."""
