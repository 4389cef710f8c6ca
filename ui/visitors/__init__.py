"""A server that several people share: who asks, what is theirs, and how much each of them may take."""
