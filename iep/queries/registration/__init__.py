"""What is shown to match, to file and to look at images."""
