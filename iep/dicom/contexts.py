"""What is agreed when an association opens: kinds of objects, and in which encodings they go.

An object is stored as it came and never decoded on its way, so that what is taken is wide: every
storage class, those that are retired, and private ones. What is not stored is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.uid import UID
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.service_class import ServiceClass, StorageServiceClass
from pynetdicom.sop_class import uid_to_service_class

VERIFICATION = "1.2.840.10008.1.1"
COMMITMENT = "1.2.840.10008.1.20.1"  # Storage Commitment Push Model, PS3.4 J
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"  # the one that every AE has
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"  # study root, PS3.4 C.6.2
STUDY_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.3"

MOST_CONTEXTS = 128  # of one association: ids are the odd numbers of a byte (PS3.8 9.3.2.2)
_STANDARD = "1.2.840.10008."
_STORAGE = "1.2.840.10008.5.1.4.1.1."  # where the standard has its storage classes

# What every machine must be able to speak, and its two elder siblings (PS3.5 10.1, A.1 to A.3).
PLAIN = (
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2",  # Implicit VR Little Endian, the default
)
PLAIN_RETIRED = ("1.2.840.10008.1.2.2",)  # Explicit VR Big Endian: old archives send it
DEFLATED = ("1.2.840.10008.1.2.1.99",)  # the whole data set as one stream (PS3.5 A.5)
# Compressed without loss: how archives keep what they have.
LOSSLESS = (
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, the usual one
    "1.2.840.10008.1.2.4.90",  # JPEG 2000
    "1.2.840.10008.1.2.4.80",  # JPEG-LS
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.4.57",  # JPEG lossless, other predictors
    "1.2.840.10008.1.2.4.201",  # HTJ2K
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.92",  # JPEG 2000 of several components
    "1.2.840.10008.1.2.4.110",  # JPEG XL
    "1.2.840.10008.1.2.8.1",  # deflated frames
)
# With loss: the sender lost it, and says so in (0028,2110). We lose nothing more.
LOSSY = (
    "1.2.840.10008.1.2.4.50",  # JPEG baseline: ultrasound, photographs
    "1.2.840.10008.1.2.4.51",  # JPEG extended, 12 bit
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.81",  # JPEG-LS
    "1.2.840.10008.1.2.4.203",  # HTJ2K
    "1.2.840.10008.1.2.4.93",
    "1.2.840.10008.1.2.4.111",  # JPEG XL
    "1.2.840.10008.1.2.4.112",
)
# Films: endoscopy, angiography, theatre. Each also in the form that may be cut in fragments.
VIDEO = (
    *(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 107)),
    *(f"1.2.840.10008.1.2.4.{number}.1" for number in range(100, 107)),
    "1.2.840.10008.1.2.4.107",  # HEVC
    "1.2.840.10008.1.2.4.108",
)
# Retired processes of JPEG (PS3.5 of 2001, annex A): archives that old exist.
RETIRED = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (*range(52, 57), *range(58, 67)))
# Private ones of great makers. They are kept as they came; nobody here claims to read them.
PRIVATE = (
    "1.2.840.113619.5.2",  # GE: implicit VR, pixels big endian
    "1.3.46.670589.33.1.4.1",  # Philips
)
# Not taken, on purpose: JPIP (1.2.840.10008.1.2.4.94, 95, 204, 205), whose pixels are at an
# address somewhere else, so that what we would keep is no image; SMPTE ST 2110
# (1.2.840.10008.1.2.7), which is a live stream and no file.
TAKEN = (*PLAIN, *LOSSLESS, *LOSSY, *PLAIN_RETIRED, *DEFLATED, *VIDEO, *RETIRED, *PRIVATE)

# Asked for when we fetch: an archive sends what it keeps in the encoding that was agreed for it.
FETCHED = (*PLAIN, *LOSSLESS, *LOSSY, *PLAIN_RETIRED, *DEFLATED, *VIDEO[:7])


def is_stored(sop_class: str) -> bool:
    """Whether objects of this class are taken: storage classes, retired and private ones too."""
    if not sop_class.startswith(_STANDARD):
        return True  # private, or nothing that we know of: kept as it came
    service = uid_to_service_class(sop_class)
    is_nothing_else = service is ServiceClass  # what the library does not know
    return service is StorageServiceClass or (sop_class.startswith(_STORAGE) and is_nothing_else)


def supported(asked: Iterable[str]) -> list[PresentationContext]:
    """Of these abstract syntaxes the contexts that we take; for one association."""
    return [context for uid in dict.fromkeys(asked) if (context := _supported(uid))]


def _supported(uid: str) -> PresentationContext | None:
    if uid == VERIFICATION:
        return build_context(uid, list(PLAIN))
    if uid == COMMITMENT:  # they ask us, or they answer what we asked (PS3.4 J.3.1)
        return _in_both_roles(build_context(uid, list(PLAIN)))
    return build_context(uid, list(TAKEN)) if is_stored(uid) else None


def _in_both_roles(context: PresentationContext) -> PresentationContext:
    context.scu_role = context.scp_role = True
    return context


def plain(*abstract_syntaxes: str) -> list[PresentationContext]:
    """To ask for services whose messages any plain encoding carries."""
    return [build_context(uid, list(PLAIN)) for uid in abstract_syntaxes]


def to_send(kinds: Iterable[tuple[str, str]]) -> list[PresentationContext]:
    """One context for each (SOP class, transfer syntax): what lies there goes as it is.

    Verification is among them while there is room, so that an association stands even when they
    take no kind at all. Raises ValueError: more kinds than an association agrees on.
    """
    pairs = list(dict.fromkeys(kinds))
    if len(pairs) > MOST_CONTEXTS:
        raise ValueError(f"an association agrees on {MOST_CONTEXTS} kinds at the most")
    wanted = [build_context(UID(uid), syntax) for uid, syntax in pairs]
    return wanted if len(wanted) == MOST_CONTEXTS else [*wanted, *plain(VERIFICATION)]


def to_fetch(sop_classes: Iterable[str]) -> list[PresentationContext]:
    """C-GET, and storage of these classes: one context for each encoding, while there is room."""
    classes = list(dict.fromkeys(sop_classes))
    pairs = [(uid, syntax) for syntax in FETCHED for uid in classes]
    contexts = [build_context(UID(uid), syntax) for uid, syntax in pairs[: MOST_CONTEXTS - 1]]
    return [*plain(STUDY_GET), *contexts]
