"""The rules of this room that can be broken, each holding what a person needs to be told."""

from dataclasses import dataclass


class AccountsError(Exception):
    """Any of the below."""


class SignInRefused(AccountsError):
    """The username or the password is wrong, or the account may not be used. Never says which."""


class TooManyAttempts(AccountsError):
    """This source guessed wrongly too often."""


class NotAMember(AccountsError):
    """The person has no current role at that organisation."""


@dataclass
class LaunchRefused(AccountsError):
    """A launch link that does not open. `reason` is a slug of `accounts.launch.REFUSALS`."""

    reason: str

    def __str__(self) -> str:
        return self.reason
