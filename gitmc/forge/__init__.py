"""Forges, where pull requests are opened. Knows nothing of jobs, and of git only its URLs."""
