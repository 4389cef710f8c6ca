"""Training in the background: runs on threads, all runs of a process, branches."""
