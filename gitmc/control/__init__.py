"""The use cases and the loop: settle, decide, act. The only floor where the others meet."""
