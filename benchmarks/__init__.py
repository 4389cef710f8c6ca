"""Measurements: `python -m benchmarks` compares speeds; other modules are run alone, `-m benchmarks.<name>`."""
