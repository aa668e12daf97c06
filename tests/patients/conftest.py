"""The surgery, for the tests that merge records with requests on them."""

from tests.requesting.conftest import _surgery, surgery

__all__ = ["_surgery", "surgery"]
