"""The stand-in hospital: RIS and laboratories of the demo's trusts, behind real MLLP.

A separate system for the same reasons as the real one is: it shares no code with the product and
knows only what comes over the wire. `python -m demo.hospital` runs it; tests use `Hospital`.
See `docs/hl7/hospital.md`.
"""

from .actions import Refused
from .hospital import Hospital

__all__ = ["Hospital", "Refused"]
