"""What the RIS says of the examinations that we asked it to register."""
