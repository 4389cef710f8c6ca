"""What the page Evaluate is made of: a line of figures, and four views of one split."""
