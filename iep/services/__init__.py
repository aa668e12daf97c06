"""What can be done in the image exchange, a module for each thing; each verb in one transaction."""
