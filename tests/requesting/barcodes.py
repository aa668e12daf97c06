"""Reads a Code 128 from the widths of its bars, by the standard's table and nothing of ours."""

from __future__ import annotations

from collections.abc import Sequence

# ISO/IEC 15417, table 1: bar and space widths of the values 0 to 105.
_TABLE = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 "
    "122132 122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 "
    "321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 "
    "211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 "
    "213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 "
    "121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 "
    "241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 "
    "412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131 211412 "
    "211214 211232"
)
PATTERNS = _TABLE.split()
STOP = "2331112"


def read(bars: Sequence[tuple[int, int]]) -> str:
    """The text of a barcode whose (left, width) bars are in modules. Raises ValueError."""
    widths = _widths(bars)
    if not widths.endswith(STOP):
        raise ValueError("no stop")
    body = widths[: -len(STOP)]
    values = [PATTERNS.index(body[place : place + 6]) for place in range(0, len(body), 6)]
    *values, check = values
    total = values[0] + sum(place * value for place, value in enumerate(values[1:], 1))
    if total % 103 != check:
        raise ValueError("check")
    return _text(values)


def _widths(bars: Sequence[tuple[int, int]]) -> str:
    found = []
    for (left, width), (following, _) in zip(bars, [*bars[1:], (None, 0)], strict=True):
        found.append(str(width))
        if following is not None:
            found.append(str(following - left - width))
    return "".join(found)


def _text(values: Sequence[int]) -> str:
    sets, text = {103: "A", 104: "B", 105: "C"}, []
    code_set = sets[values[0]]
    for value in values[1:]:
        if value in (99, 100, 101) and not (value == 99 and code_set == "C"):
            changed = {99: "C", 100: "B", 101: "A"}[value]
            code_set = changed
        elif code_set == "C":
            text.append(f"{value:02d}")
        else:
            text.append(chr(value + 32))
    return "".join(text)
