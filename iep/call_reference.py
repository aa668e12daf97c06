"""A call reference in an address: `IEP-261122-014`."""


class CallReference:
    """Its shape, so that nothing else of an address is taken for one."""

    regex = r"IEP-\d{6}-[0-9A-Z]\d{2}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value
