"""The stand-ins for other people's machines and the seeded world. No room imports this."""
