"""The screens of the image exchange, a module for each."""
