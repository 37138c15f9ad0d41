"""Which agents there are, and how each is started. Knows nothing of jobs."""
