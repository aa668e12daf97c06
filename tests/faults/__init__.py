"""Faults on purpose: real processes, real servers, an outside world with ledgers, an oracle.

`make faults` runs them (reliability.md 3). Each prints its seed; the same seed repeats its choices.
The outside world is never killed and writes down what it saw; the oracle compares that with the
database when everything is quiet again.
"""
