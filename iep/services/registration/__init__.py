"""What arrived becomes the patient's: matched, registered, filed, shown."""
