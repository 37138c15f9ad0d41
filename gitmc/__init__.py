"""Run many coding agents in parallel on one repository and bring their work together."""
