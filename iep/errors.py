"""What the room refuses, in a person's words."""

from iep.states.waits import NoSuchMove


class NotAccepted(ValueError):
    """What was asked cannot be done. `code` names why for machines, the words are for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


class Incomplete(NotAccepted):
    """A form with missing or wrong fields: `problems` is field → what is wrong, in words."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("incomplete", ". ".join(problems.values()))
        self.problems = problems


__all__ = ["Incomplete", "NoSuchMove", "NotAccepted"]
