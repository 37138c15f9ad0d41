"""Terminals and the processes in them. Knows nothing of jobs."""
