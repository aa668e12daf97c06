"""What is done with tickets: opened, chased, told of, corrected."""
