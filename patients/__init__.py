"""Who the patient is, and whose name is the same person."""
