"""What pages show of transactions and the directory."""
