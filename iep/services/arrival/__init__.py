"""What comes in: kept, read, grouped; discs too."""
