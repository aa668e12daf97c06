"""What is done with transactions, their reports and the directory."""
