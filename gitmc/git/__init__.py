"""The repository: where it is, its worktrees, refs and merges. Knows nothing of jobs."""
