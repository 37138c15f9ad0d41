"""Markers on disk, and the bell that rings when one arrives."""
