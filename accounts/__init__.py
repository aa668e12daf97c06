"""Who people are, where they work, what they may do, and what they looked at."""
