"""What a job is and which moves are legal. Pure: no input or output, no clock, no environment."""
