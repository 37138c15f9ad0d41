"""The files under `.git/mission-control`."""
