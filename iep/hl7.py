"""The RIS's half of an imported examination: a study ↔ messages. Translation only."""
