"""What pages show of what came, and of discs."""
