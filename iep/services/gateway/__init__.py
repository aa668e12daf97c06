"""What is said to and heard from other installations."""
