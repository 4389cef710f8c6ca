"""What is no digit: letters, signs, shapes, scribbles, dots, lines, two digits, noise; and what finds it out."""
