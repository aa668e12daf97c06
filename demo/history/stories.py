"""What happened to whom in the demo's past: one request in every lane and status, and some trends.

A story is a request and the steps that follow it, in words that `steps.py` knows. Stories with
the same number are about the same patient; 0 to 4 are those whom `demo.patients` names.
"""

from __future__ import annotations

from dataclasses import dataclass

from demo.people import CLINIC, EASTMARSH, NORTHGATE

DONE_LAB = "accept; hours 25; report normal; hours 9; review normal"
DONE_XRAY = "accept; hours 46; report normal; hours 22; review normal"


@dataclass(frozen=True)
class Story:
    """A request so many days ago, and what came of it."""

    days: float
    patient: int
    codes: str  # of the catalogue, parted by spaces
    steps: str = ""
    by: str = "gp"
    place: str = NORTHGATE
    details: str = ""
    side: str = ""
    priority: str = "routine"
    hospital: str = ""  # the trust, where it is not the usual one
    who: str = "adult"  # adult, man, woman, older (over 55): whom it can be about


def _trend(patient: int, codes: str, values: list[tuple[int, str]], outcome: str) -> list[Story]:
    """The same test again and again: days ago, and what was measured."""
    return [
        Story(
            days, patient, codes,
            f"accept; hours 26; report abnormal {value}; hours 20; "
            f"review {outcome}",
        )
        for days, value in values
    ]  # fmt: skip


# Trends: diabetes that slips, kidneys that fail slowly, a prostate that is watched, low iron.
TRENDS = [
    *_trend(
        0, "hba1c",
        [(745, "HBA1C=44"), (560, "HBA1C=46"), (378, "HBA1C=47"), (246, "HBA1C=50"),
         (103, "HBA1C=52")],
        "discuss",
    ),
    *_trend(
        3, "ue",
        [(700, "CREA=124,EGFR=49"), (520, "CREA=131,EGFR=46"), (340, "CREA=139,EGFR=43"),
         (160, "CREA=151,EGFR=39")],
        "repeat",
    ),
    *_trend(
        3, "psa", [(690, "PSA=4.6"), (500, "PSA=5.1"), (320, "PSA=5.4"), (135, "PSA=6.0")],
        "repeat",
    ),
    *_trend(
        1, "ferritin", [(280, "FER=7"), (190, "FER=11"), (90, "FER=13")], "tell_patient"
    ),
    *_trend(1, "fbc", [(281, "HB=101,MCV=74.2"), (191, "HB=110,MCV=78.0")], "tell_patient"),
]  # fmt: skip

# Over and done: what a record looks like.
DONE = [
    Story(240, 0, "chest-xray", DONE_XRAY, details="Cough for 4 weeks. Ex-smoker, 20 pack years."),
    Story(395, 0, "ue lipids lft", DONE_LAB),
    Story(500, 1, "us-pelvis",
          "accept; book 9; arrive; hours 1; perform; hours 20; report abnormal; hours 30; "
          "review repeat", details="Heavy periods for 8 months. Bulky uterus?"),
    Story(60, 1, "fbc ferritin b12 folate tft", DONE_LAB),
    Story(140, 2, "forearm-xray", "accept; book 1; arrive; hours 1; perform; hours 4; "
          "report normal; hours 3; review tell_patient", side="L",
          details="Fell off a climbing frame. Tender distal radius."),
    Story(300, 3, "chest-xray", "accept; hours 5; receive; hours 20; report abnormal; hours 25; "
          "review refer", details="Breathless on the stairs. Ankle swelling."),
    Story(298, 3, "nt-probnp", "accept; hours 4; receive; hours 7; report abnormal; hours 20; "
          "review refer"),
    Story(410, 4, "vitamin-d bone-profile", DONE_LAB),
    Story(33, 6, "knee-xray", DONE_XRAY, by="ahp", place=CLINIC, side="R",
          details="Medial knee pain for 9 months, worse on stairs."),
    Story(75, 7, "urine-culture", "accept; hours 3; receive; hours 40; report abnormal; hours 2; "
          "review tell_patient"),
    Story(120, 8, "fit", "accept; hours 30; receive; hours 20; report critical; hours 1; "
          "review refer", details="Change of bowel habit for 6 weeks.", priority="2ww",
          who="older"),
    Story(52, 9, "fbc ue lft crp", DONE_LAB, by="gp2"),
    Story(90, 10, "shoulder-xray", DONE_XRAY, by="gp2", side="L",
          details="Fall on the outstretched hand. Painful arc."),
    Story(21, 11, "ue lft", "accept; hours 4; receive; hours 6; report normal; hours 3; amend; "
          "hours 5; review discuss"),
    Story(44, 12, "chest-xray", "ask_cancel Patient has moved away; hours 1; confirm_cancel",
          details="Persistent cough."),
    Story(35, 13, "tft", "accept; hours 20; cancel CP; hours 5; seen"),
    Story(18, 14, "hip-xray", "accept; hours 20; cancel CHPP Done at a private clinic; hours 3; "
          "seen", side="R", details="Groin pain for a year."),
]  # fmt: skip

# Needs you: each of the reasons.
NEEDS_YOU = [
    Story(3.2, 15, "lumbar-spine-xray", "hours 4; reject CHRAD Duration and red flags, please",
          details="Low back pain."),
    Story(1.6, 16, "us-abdomen", "accept; hours 3; cancel CHUN Repeat within 4 weeks, no change",
          details="Abdominal discomfort."),
    Story(6, 17, "us-thyroid", "accept; book 4; dna", details="Lump in the neck for 2 months."),
    Story(2.4, 18, "mri-lumbar-spine", "hours 6; vet_ask How long has the leg been weak, and is "
          "there any bladder trouble?", details="Back pain with left leg pain.",
          hospital=EASTMARSH),
    Story(4.1, 19, "mri-knee", "hours 20; vet_reject not_justified Six weeks of physiotherapy "
          "first", details="Knee pain.", side="L", hospital=EASTMARSH),
    Story(0.8, 20, "ue", "accept; hours 5; receive; hours 12; report critical K=6.8,CREA=168"),
    Story(0.9, 21, "chest-xray", "accept; hours 2; receive; hours 17; report critical",
          details="Cough and weight loss. Smoker.", priority="urgent"),
    Story(5.5, 22, "lft ggt", "accept; hours 20; receive; hours 8; report abnormal"),
    Story(7.5, 23, "ferritin", "accept; hours 20; receive; hours 8; report abnormal", by="gp2"),
    Story(2.2, 24, "us-renal-tract", "accept; hours 2; ask_cancel Scan done elsewhere; hours 1; "
          "refuse_cancel The patient is here now", details="Recurrent infections."),
]  # fmt: skip

# Results to review: each group of the list.
TO_REVIEW = [
    *(Story(1.7 - n / 10, 25 + n, code, "accept; hours 3; receive; hours 6; report normal")
      for n, code in enumerate(("fbc", "tft", "lft", "hba1c", "ue", "vitamin-d"))),
    Story(1.9, 31, "fbc", "accept; hours 3; receive; hours 8; report abnormal HB=102,MCV=73.1"),
    Story(1.5, 32, "hba1c", "accept; hours 3; receive; hours 8; report abnormal HBA1C=49"),
    Story(1.4, 33, "knee-xray", "accept; hours 3; receive; hours 18; report abnormal",
          details="Knee pain for a year.", side="R"),
    Story(1.3, 34, "foot-xray", "accept; hours 2; receive; hours 16; report normal",
          details="Dropped a box on the foot.", side="L"),
    Story(1.2, 35, "us-abdomen", "accept; book 0.5; arrive; hours 1; perform; hours 4; "
          "report unflagged", details="Right upper abdominal pain after meals."),
    Story(2.6, 36, "ue", "accept; hours 3; receive; hours 6; report normal; hours 4; "
          "review normal; hours 8; amend"),
    Story(1.1, 37, "fbc esr crp", "accept; hours 2; receive; hours 5; report preliminary"),
    Story(1.0, 38, "wrist-xray", "accept; hours 2; receive; hours 12; report normal", by="gp2",
          details="Fall yesterday.", side="R"),
    Story(2.0, 39, "knee-xray", "accept; hours 4; receive; hours 20; report abnormal",
          by="ahp", place=CLINIC, details="Locking knee.", side="L"),
]  # fmt: skip

# Under way: every stage that somebody else has.
UNDER_WAY = [
    Story(0.3, 40, "chest-xray", "hours 0.5; accept", details="Night sweats."),
    Story(1.2, 41, "ankle-xray", "hours 1; accept", details="Twisted ankle, cannot weight bear.",
          side="R"),
    Story(3.0, 42, "us-pelvis", "hours 2; accept; hours 5; book 12", details="Pelvic pain.",
          who="woman"),
    Story(5.0, 43, "dexa-hip-spine", "hours 2; accept; hours 20; book 19",
          details="Fragility fracture of the wrist at 61.", who="older"),
    Story(2.0, 44, "ct-head", "hours 2; accept", details="New headaches with vomiting.",
          priority="urgent"),
    Story(0.9, 45, "fbc ue lft", "hours 3; accept; hours 10; receive"),
    Story(0.6, 46, "hba1c lipids", "hours 1; accept; hours 4; collect"),
    Story(1.4, 47, "tft", "hours 1; accept", by="gp2"),
    Story(0.2, 48, "us-testes", "", details="Swelling noticed a week ago.", priority="2ww",
          who="man"),
    Story(0.15, 49, "b12 folate", ""),
    Story(2.9, 50, "mri-knee", "", details="Locking after a twisting injury 2 months ago.",
          side="R", hospital=EASTMARSH),
    Story(1.9, 51, "mri-head", "", details="Seizure 3 weeks ago, first ever.", priority="urgent",
          hospital=EASTMARSH),
    Story(3.6, 52, "mri-lumbar-spine", "hours 5; vet_ask Has physiotherapy been tried?; hours 20; "
          "vet_answer Yes, 8 weeks with no change.", details="Sciatica for 4 months.",
          hospital=EASTMARSH),
    Story(1.0, 53, "mri-shoulder", "hours 6; vet_accept; hours 4; accept",
          details="Weak abduction after a fall.", side="L", hospital=EASTMARSH),
    Story(0.7, 54, "mri-iam", "", details="One-sided tinnitus and hearing loss.",
          hospital=EASTMARSH),
    Story(2.1, 55, "us-leg-veins", "hours 1; accept; hours 2; receive", side="L",
          details="Swollen calf for 3 days.", priority="urgent"),
    Story(1.6, 56, "knee-xray", "hours 1; accept", by="ahp", place=CLINIC, side="L",
          details="Osteoarthritis, considering injection."),
]  # fmt: skip

# Many ordinary requests that are over: the stuff of which a large world is made (see multiply.py).
_ORDINARY = (
    "fbc ue lft hba1c lipids", "fbc ferritin b12", "ue lipids", "hba1c ue urine-acr", "fbc crp esr",
    "fbc ue", "lft", "chest-xray", "foot-xray", "us-abdomen", "vitamin-d", "tft",
)  # fmt: skip
ORDINARY = [
    Story(
        20 + 13 * n, 57 + n, codes,
        DONE_LAB if "xray" not in codes and "us-" not in codes else DONE_XRAY,
        by=("gp", "gp2")[n % 2],
        details="Pain for several weeks." if "xray" in codes or "us-" in codes else "",
    )
    for n, codes in enumerate(_ORDINARY)
]  # fmt: skip

STORIES = [*TRENDS, *DONE, *NEEDS_YOU, *TO_REVIEW, *UNDER_WAY, *ORDINARY]
