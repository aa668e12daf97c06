"""The proofs: a folder per room; `house` holds the rules, `journeys` a clinician's day."""
