"""The smallest pieces of text: what an escape means and how a text is spelt with them."""

import re

from messaging.errors import NotEncodable

UTF_8 = "UNICODE UTF-8"
NULL = '""'

# HL7 table 0211 to Python's codecs. What is not here is refused, not guessed.
CHARSETS = {
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "WINDOWS-1252": "cp1252",  # not in the table: only as a partner's agreed default
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
}

_ESCAPE = re.compile(r"\\([^\\]*)\\")
_HEX = re.compile(r"X((?:[0-9A-Fa-f]{2})+)\Z")
_SPACE = re.compile(r"\.sp\+?(\d{1,2})\Z")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")
_PICTURES = {code: 0x2400 + code for code in range(0x20) if code not in (9, 10)}
_MEANING = {
    "F": "|", "S": "^", "T": "&", "R": "~", "E": "\\",
    ".br": "\n", ".sp": "\n", ".ce": "\n", "H": "", "N": "",
}  # fmt: skip
_SPELLING = str.maketrans(
    {"|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\\": "\\E\\", "\n": "\\.br\\"}
)
_DELIMITER = re.compile(r"[|^~\\&\n]")


def unescape(leaf: str, charset: str = UTF_8) -> str:
    """What a leaf between delimiters says. Reads each escape once; loses nothing."""
    if "\\" in leaf:
        leaf = _ESCAPE.sub(lambda found: _meaning(found, charset), leaf)
    return leaf.translate(_PICTURES) if CONTROL.search(leaf) else leaf


def _meaning(found: re.Match[str], charset: str) -> str:
    code = found[1]
    if code in _MEANING:
        return _MEANING[code]
    if hexadecimal := _HEX.match(code):
        return _characters(hexadecimal[1], charset) or found[0]
    if space := _SPACE.match(code):
        return "\n" * max(1, int(space[1]))
    return found[0]


def _characters(digits: str, charset: str) -> str:
    """The characters that the bytes stand for; none when they stand for nothing readable."""
    try:
        text = bytes.fromhex(digits).decode(CHARSETS[charset])
    except UnicodeDecodeError:
        return ""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "" if CONTROL.search(text) else text


def escape(text: str, *, lines: bool = False) -> str:
    r"""The text as a leaf, in one pass. A new line is `\.br\` where `lines`, else a space.

    Raises NotEncodable for control characters and for half a character.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not lines:
        text = text.replace("\n", " ")
    if CONTROL.search(text):
        raise NotEncodable("control_character", "The text has a control character in it.")
    return text.translate(_SPELLING) if _DELIMITER.search(text) else text
