"""What came back, who has seen it, what they did."""
