"""What the room refuses, in a person's words."""

from iep.states.waits import NoSuchMove


class NotAccepted(ValueError):
    """What was asked cannot be done. `code` names why for machines, the words are for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


__all__ = ["NoSuchMove", "NotAccepted"]
