"""What pages show of lanes: the board, failures, pauses, how fast."""
