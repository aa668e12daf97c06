"""What the viewer shows: the series of a study, one picture, perhaps another beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

from django.utils import timezone

from accounts.models import AccessEvent
from accounts.policies import Acting
from iep.dicom.header import day
from iep.models import ReceivedFile, Study
from iep.states.studies import FileState

VIEWED = "view_images"
ONE_LOOK = timedelta(minutes=10)
MOST_FRAMES = 5_000  # of one file that the viewer goes through
WINDOW_WORDS = {
    "auto": "As sent", "full": "Full range", "lung": "Lung", "bone": "Bone", "soft": "Soft tissue",
}  # fmt: skip
ZOOMS = {"fit": "Fit", "100": "100%", "200": "200%", "400": "400%"}


@dataclass(frozen=True)
class Frame:
    """One picture: a file and its frame, counted from 0."""

    file_id: UUID
    frame: int
    header: dict[str, str] = field(default_factory=dict, repr=False)  # whose the file says it is


@dataclass(frozen=True)
class Series:
    """One series, numbered from 1 in the order of the screen."""

    place: int
    number: int | None  # as the sender counts
    modality: str
    description: str
    frames: tuple[Frame, ...]

    @property
    def title(self) -> str:
        """`CT, series 3`: no description, which may hold anything."""
        return f"{self.modality or 'Images'}, series {self.number or self.place}"


def series_of(study: Study) -> list[Series]:
    """Kept files only, in the order in which they were made."""
    rows = ReceivedFile.objects.filter(study=study, state=FileState.KEPT).order_by(
        "series_number", "series_uid", "instance_number", "sop_uid"
    )
    groups: dict[str, list[ReceivedFile]] = {}
    for row in rows:
        groups.setdefault(row.series_uid, []).append(row)
    return [_series(place, group) for place, group in enumerate(groups.values(), 1)]


def _series(place: int, rows: list[ReceivedFile]) -> Series:
    first = rows[0]
    return Series(
        place, first.series_number, first.modality, first.series_description, tuple(_frames(rows))
    )


def _frames(rows: Iterable[ReceivedFile]) -> Iterable[Frame]:
    for row in rows:
        for number in range(min(max(row.frames, 1), MOST_FRAMES)):
            yield Frame(row.pk, number, row.header)


def opened_lately(acting: Acting, study: Study) -> bool:
    """Whether this person's opening of the study is on record already: going from image to image
    is one look."""
    if acting.user is None:
        return False
    rows = AccessEvent.objects.filter(
        user_id=acting.user.pk, action=VIEWED, object_id=str(study.pk)
    )
    return rows.filter(at__gte=timezone.now() - ONE_LOOK).exists()


def is_of_study(study: Study, file_id: UUID) -> bool:
    return ReceivedFile.objects.filter(study=study, pk=file_id, state=FileState.KEPT).exists()


# --- Where one is ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """What the address says: series and image counted from 1, and how they are looked at."""

    series: int = 1
    image: int = 1
    window: str = "auto"
    zoom: str = "fit"
    is_inverted: bool = False
    is_bare: bool = False  # without the overlays
    beside: tuple[int, int] | None = None  # series and image of the second picture
    is_alone: bool = False  # the picture on a page of its own

    @property
    def query(self) -> str:
        """As the address has it; numbers and words of ours only."""
        parts = [f"s={self.series}", f"n={self.image}"]
        parts += [f"w={self.window}"] if self.window != "auto" else []
        parts += [f"z={self.zoom}"] if self.zoom != "fit" else []
        parts += ["i=1"] if self.is_inverted else []
        parts += ["o=0"] if self.is_bare else []
        parts += [f"b={self.beside[0]}.{self.beside[1]}"] if self.beside else []
        parts += ["f=1"] if self.is_alone else []
        return "?" + "&".join(parts)


@dataclass(frozen=True, repr=False)
class Whose:
    """Whom one image names in its own head; `differs`: what is not as its study has it (H41)."""

    name: str
    born: date | None
    nhs_number: str
    differs: tuple[str, ...]


def whose(study: Study, frame: Frame) -> Whose:
    said, number = frame.header, frame.header.get("nhs_number", "")
    born = day(said.get("birth_date", ""))
    pairs = (
        ("name", said.get("name", ""), study.header_name),
        ("date of birth", born, study.header_birth_date),
        ("sex", said.get("sex", ""), study.header_sex),
        ("patient ID", said.get("patient_id", ""), study.header_patient_id),
        ("NHS number", number or study.header_nhs_number, study.header_nhs_number or number),
    )
    unlike = tuple(words for words, mine, its in pairs if mine != its)
    return Whose(said.get("name", ""), born, number, unlike)


@dataclass(frozen=True)
class Pane:
    """One picture on the page, with the ways from it. A way that is "" leads nowhere."""

    series: Series
    image: int
    frame: Frame
    whose: Whose
    previous: str
    following: str
    first: str
    last: str

    @property
    def alt(self) -> str:
        return f"{self.series.title}, image {self.image} of {len(self.series.frames)}"


@dataclass(frozen=True)
class Viewer:
    """The whole page."""

    study: Study
    series: list[Series]
    place: Place
    pane: Pane | None
    second: Pane | None
    windows: list[tuple[str, str, str]] = field(default_factory=list)  # code, words, address
    zooms: list[tuple[str, str, str]] = field(default_factory=list)
    invert: str = ""
    compare: str = ""
    overlays: str = ""  # with them, or without
    alone: str = ""  # the first picture on a page of its own, or back

    def opens(self, series: Series) -> str:
        """The address of the first image of a series, looked at in the same way."""
        return replace(self.place, series=series.place, image=1).query


def place_of(said: dict[str, str]) -> Place:
    """What an address says; nonsense is the beginning."""
    window, zoom = said.get("w", "auto"), said.get("z", "fit")
    pair = said.get("b", "").split(".")
    if "bs" in said:  # the slider of the second picture
        pair = [said["bs"], said.get("bn", "")]
    beside = (_count(pair[0]), _count(pair[1])) if len(pair) == 2 else None
    return Place(
        _count(said.get("s", "")), _count(said.get("n", "")),
        window if window in WINDOW_WORDS else "auto", zoom if zoom in ZOOMS else "fit",
        said.get("i") == "1", said.get("o") == "0", beside, said.get("f") == "1",
    )  # fmt: skip


def _count(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 7 and int(text) else 1


def viewer_for(study: Study, place: Place) -> Viewer:
    """The page at that place; a place that is not there is the nearest that is."""
    found = series_of(study)
    if not found:
        return Viewer(study, [], place, None, None)
    place = _inside(found, place)
    first = _pane(study, found, place, is_second=False)
    second = _pane(study, found, place, is_second=True) if place.beside else None
    other = replace(place, beside=None if place.beside else (place.series, place.image))
    return Viewer(
        study, found, place, first, second,
        [(code, words, replace(place, window=code).query) for code, words in WINDOW_WORDS.items()],
        [(code, words, replace(place, zoom=code).query) for code, words in ZOOMS.items()],
        replace(place, is_inverted=not place.is_inverted).query, other.query,
        replace(place, is_bare=not place.is_bare).query,
        replace(place, is_alone=not place.is_alone).query,
    )  # fmt: skip


def _inside(found: list[Series], place: Place) -> Place:
    series, image = _nearest(found, place.series, place.image)
    beside = _nearest(found, *place.beside) if place.beside else None
    return replace(place, series=series, image=image, beside=beside)


def _nearest(found: list[Series], series: int, image: int) -> tuple[int, int]:
    series = min(series, len(found))
    return series, min(image, len(found[series - 1].frames))


def _pane(study: Study, found: list[Series], place: Place, *, is_second: bool) -> Pane:
    at = place.beside if is_second and place.beside else (place.series, place.image)
    series, image = found[at[0] - 1], at[1]
    most = len(series.frames)

    def way(number: int) -> str:
        if not 1 <= number <= most or number == image:
            return ""
        if is_second:
            return replace(place, beside=(at[0], number)).query
        return replace(place, image=number).query

    frame = series.frames[image - 1]
    ways = (way(image - 1), way(image + 1), way(1), way(most))
    return Pane(series, image, frame, whose(study, frame), *ways)
