"""What can be asked of the image exchange, a module for each screen or thing."""
