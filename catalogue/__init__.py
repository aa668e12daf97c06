"""What can be asked for, from whom, in which tube."""
