"""What happens when the disk, the power or another program fails a run."""
