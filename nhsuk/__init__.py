"""The Python half of the design system."""
