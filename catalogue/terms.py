"""The words by which a service is found, worked out from its row of the release. Plain Python."""

from collections.abc import Iterator

from .rows import ServiceRow
from .wording import spellings

_MODALITY_WORDS = {
    "XR": "x-ray xr xrays radiograph radiography film plain",
    "US": "ultrasound uss us sonogram scan",
    "CT": "ct cat scan computed tomography",
    "MR": "mri mr scan magnetic resonance",
    "DX": "dexa dxa scan",
    "RF": "fluoroscopy contrast study",
    "NM": "nuclear medicine isotope scan nm",
    "MG": "mammogram mammography",
    "": "test",
}
_LONGEST = 500
_KINDS = (
    "name",
    "abbreviation",
    "code",
    "synonym",
    "symptom",
    "words",
)  # the first to have it wins

Term = tuple[str, str, int]  # text as compared, kind, rank


def terms_of(row: ServiceRow) -> list[Term]:
    """Each text once, under the kind that ranks highest."""
    found: dict[str, Term] = {}
    for text, kind, rank in sorted(_all(row), key=lambda term: _KINDS.index(term[1])):
        found.setdefault(text, (text, kind, rank))
    return list(found.values())


def _all(row: ServiceRow) -> Iterator[Term]:
    sources = {
        "name": [row.name],
        "abbreviation": [row.short_name, *row.abbreviations],
        "code": [code.code for code in row.codes],
        "synonym": row.synonyms,
    }
    for kind, texts in sources.items():
        for text in texts:
            yield from ((spelling, kind, row.rank) for spelling in spellings(text))
    for symptom, place in row.symptoms:
        yield from ((spelling, "symptom", place) for spelling in spellings(symptom))
    yield _words(row), "words", row.rank


def _words(row: ServiceRow) -> str:
    """Every word of the service once, so that "left knee xr" finds it."""
    sides = "left right both" if row.sides else ""
    texts = [row.name, row.short_name, *row.abbreviations, *row.synonyms]
    texts += [row.body_region, row.region_both, _MODALITY_WORDS[row.modality], sides]
    words = {word: None for text in texts for part in spellings(text) for word in part.split()}
    return " ".join(words)[:_LONGEST]
