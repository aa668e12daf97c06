"""What was asked, by whom, and how far it has got."""
