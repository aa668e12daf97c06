"""The NHS number: read it, check it, write it. Plain Python; any room may enter.

Ten digits, the last a modulus 11 check of the nine before it: weights 10 to 2, and 11 minus the
remainder; 11 is written 0, and a sum that asks for 10 is never issued (NHS Data Dictionary,
"NHS NUMBER"; ISB 0149). It is shown 3-3-4 and typed with any separators (ISB 1504).
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import Final

LENGTH: Final = 10

# Two letters, six digits, a letter A to D: never mistaken for a mistyped NHS number.
NATIONAL_INSURANCE: Final = re.compile(r"[A-Z]{2}[0-9]{6}[A-D]")


class Problem(StrEnum):
    """What is wrong with a number, as a person is told. None of them repeats what was typed."""

    EMPTY = "Enter an NHS number"
    LENGTH = "Enter an NHS number with 10 digits"
    LETTERS = "An NHS number has only digits. Enter an NHS number with 10 digits"
    NATIONAL_INSURANCE = (
        "That looks like a National Insurance number. Enter an NHS number with 10 digits"
    )
    CHECK_DIGIT = "NHS number is not correct. Check each digit, the last one too"
    PLACEHOLDER = "That number is not given to anyone. Enter the patient’s own NHS number"


class NotAnNhsNumber(ValueError):
    """The text is not an NHS number. Holds the problem and never the text."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem


def normalise(text: str) -> str:
    """The letters and digits of what was typed, pasted or scanned, without separators.

    Full-width digits become ordinary ones; spaces of every width, hyphens, dots and invisible
    characters go. Letters stay, in capitals, so that `problem` can speak of them.
    """
    plain = unicodedata.normalize("NFKC", text)
    kept = [_digit(character) for character in plain if character.isalnum()]
    return "".join(kept).upper()


def _digit(character: str) -> str:
    """A decimal digit of any script as 0 to 9; every other character as it is."""
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def check_digit(nine: str) -> str | None:
    """The tenth digit of these nine; None where no number may begin with them.

    Raises ValueError for anything but nine digits.
    """
    if len(nine) != LENGTH - 1 or not _all_digits(nine):
        raise ValueError("A check digit is made from nine digits")
    total = sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True))
    check = 11 - total % 11
    if check == 10:
        return None
    return "0" if check == 11 else str(check)


def problem(text: str) -> Problem | None:
    """What is wrong with the number that was typed; None when nothing is."""
    number = normalise(text)
    if not number:
        return Problem.EMPTY
    if not _all_digits(number):
        looks_national = NATIONAL_INSURANCE.fullmatch(number)
        return Problem.NATIONAL_INSURANCE if looks_national else Problem.LETTERS
    if len(number) != LENGTH:
        return Problem.LENGTH
    if len(set(number)) == 1:  # 9999999999 passes the check and means "we had to type something"
        return Problem.PLACEHOLDER
    return None if check_digit(number[:-1]) == number[-1] else Problem.CHECK_DIGIT


def is_valid(text: str) -> bool:
    """Whether this is an NHS number, whatever separates its digits."""
    return problem(text) is None


def parse(text: str) -> str:
    """The ten digits. Raises NotAnNhsNumber with the problem in words."""
    found = problem(text)
    if found is not None:
        raise NotAnNhsNumber(found)
    return normalise(text)


def spaced(number: str) -> str:
    """`9990000018` as people read it: `999 000 0018`. Other text comes back as it was."""
    if len(number) != LENGTH or not _all_digits(number):
        return number
    return f"{number[:3]} {number[3:6]} {number[6:]}"


def _all_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
