"""Bytes in, bytes out, nothing lost, nothing twice."""
