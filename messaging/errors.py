"""What can go wrong on the wire, in families: try again, give up, or ask a person."""


class IntegrationError(Exception):
    """Anything about a message or a partner. `reason_code` is from a closed list; `sentence` is
    for a person and never carries the message's own content."""

    def __init__(self, reason_code: str, sentence: str) -> None:
        self.reason_code = reason_code
        self.sentence = sentence
        super().__init__(f"{reason_code}: {sentence}")


class Transient(IntegrationError):
    """It may work later: the message is tried again after a pause."""


class Permanent(IntegrationError):
    """It will never work by trying again."""


class Park(Permanent):
    """A person has to decide; the message waits on the operators' list with this reason."""


class Unparseable(Permanent):
    """The bytes are not a message that we can read without guessing."""


class NotEncodable(Permanent):
    """A value cannot go on the wire without changing its meaning."""


class NotSendable(Permanent):
    """A message may not go to this partner: wrong receiver, wrong processing id, altered text."""


class NotATime(ValueError):
    """A time or a date on the wire that does not say which day it means."""


class NoSuchMove(Exception):
    """That event does not apply in that state. Nothing was changed."""

    def __init__(self, event: str, state: str, what: str = "message") -> None:
        self.event = event
        self.state = state
        super().__init__(f"A {what} that is {state} cannot {event}.")


class ReasonMissing(Exception):
    """A person closes or stops something without saying why."""


class NothingChanged(Exception):
    """A correction that leaves the message as it is."""


class NothingToReplay(Exception):
    """No message is left of those that a replay was to send back."""


class MailboxRefused(Exception):
    """An entry of the directory of mailboxes that cannot stand; the words are for a person."""
