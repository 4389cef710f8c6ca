"""What is measured about training."""
