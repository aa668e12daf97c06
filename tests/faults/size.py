"""How much of each fault is done: three sizes of the same thing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """`small` is for every change, `usual` for `make faults`, `long` has the plan's own numbers."""

    name: str
    out: int  # orders
    into: int  # results
    kills: int
    answers: int  # orders that meet a badly behaved receiver
    outage: int  # orders that wait while the receiver is away
    broker_cuts: int
    idle: int  # connections that say nothing
    slow: int  # connections that say a byte at a time
    repeats: int  # of each crash point
    losses: int  # of each kind of silent loss
    mails: int
    hostile: int  # messages that mean harm; the codec alone gets twice as many
    files: int = 2000  # DICOM files that mean harm; one in ten goes the whole way
    study: int = 30  # images of a study in a lane
    waiting: int = 500  # transfers that wait, each way
    blue: int = 20  # blue lights at random moments, each way


SMALL = Size("small", 200, 150, 4, 120, 100, 2, 200, 40, 1, 2, 6, 1000)
USUAL = Size("usual", 3000, 2000, 20, 1000, 1000, 10, 3000, 300, 1, 10, 50, 100_000, files=40_000,
             study=300, waiting=10_000, blue=200)  # fmt: skip
LONG = Size("long", 60_000, 40_000, 200, 50_000, 20_000, 100, 10_000, 1000, 3, 17, 5000, 1_000_000,
            files=1_000_000, study=300, waiting=10_000, blue=1000)  # fmt: skip
SIZES = {size.name: size for size in (SMALL, USUAL, LONG)}
