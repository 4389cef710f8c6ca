"""The JavaScript components with their Python faces."""
