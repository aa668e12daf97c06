"""The alert rules that the demo starts with. Words and numbers are ours or the law's.

Intervals are local defaults after domain.md 3.8 and 4 (RCPath G147 by reference only): advisory,
to be changed by each site, with a reason to go on where one is asked for.
"""

from dataclasses import dataclass, field
from typing import Any

from accounts.policies import SYSTEM
from requesting.services import publish_rule

IRMER = "IR(ME)R 2017"
LOCAL = "local retest interval"
GUIDE = "local guide; iRefer if licensed"


@dataclass(frozen=True)
class SeedRule:
    """A rule before it is published."""

    key: str
    kind: str
    level: str
    source: str
    parameters: dict[str, Any] = field(default_factory=dict)


def _interval(key: str, groups: list[str], days: int, source: str, level: str = "L2") -> SeedRule:
    parameters = {"groups": groups, "days": days}
    return SeedRule(f"dup-normal-{key}", "retest_interval", level, source, parameters)


def _imaging(key: str, groups: list[str], days: int, level: str = "L2") -> SeedRule:
    """Inside 28 days of the same radiation a reason is asked for; after it this is advice."""
    parameters = {"groups": groups, "days": days, "reason_days": 28}
    return SeedRule(f"img-recent-{key}", "retest_interval", level, "local guide", parameters)


def _ultrasound_first(key: str, service: str, words: str) -> SeedRule:
    """Gallstones show on ultrasound, mostly not on CT, and an X-ray seldom answers it."""
    return SeedRule(
        f"img-alt-{key}", "better_test", "L1", GUIDE,
        {
            "from": [service], "to": "us-abdomen", "from_words": words,
            "to_words": "Ultrasound", "for_words": "right upper abdominal pain",
            "reasons": ["right-upper-abdominal-pain-possible"],
            "phrases": ["right upper", "ruq", "gallstone", "biliary colic"],
        },
    )  # fmt: skip


RULES = (
    # What stops a request
    SeedRule("deceased", "deceased", "L3", "patient record"),
    SeedRule("entitlement", "entitlement", "L3", IRMER),
    SeedRule("min-age", "min_age", "L3", "department rule"),
    SeedRule(
        "preg-yes", "pregnancy_answer", "L3", IRMER,
        {"question": "pregnant", "stops_on": ["yes"], "agreed": "pregnant-agreed-with"},
    ),
    SeedRule(
        "preg-yes-mri", "pregnancy_answer", "L3", "local MRI safety rule",
        {"question": "mri-pregnant", "stops_on": ["yes"], "agreed": "mri-pregnant-agreed-with"},
    ),
    # What asks for a reason
    SeedRule("dup-open", "duplicate_open", "L2", "duplicate check"),
    SeedRule("side-words", "side_words", "L2", "side check"),
    _interval("hba1c", ["hba1c"], 40, LOCAL),
    _interval("vitamin-d", ["vitamin-d"], 90, LOCAL),
    _interval("lipids", ["lipids"], 90, LOCAL),
    _interval("thyroid", ["tft"], 60, LOCAL),
    _interval("haematinics", ["b12", "ferritin", "folate"], 56, LOCAL),
    _interval("bone", ["bone-profile"], 30, LOCAL),
    _interval("liver", ["lft"], 30, LOCAL),
    _interval("psa", ["psa"], 42, LOCAL),
    _imaging("chest", ["chest-xray"], 42),
    _imaging("joints", ["knee-xray", "hip-xray", "shoulder-xray"], 365),
    _imaging("lumbar", ["lumbar-spine-xray"], 365),
    _imaging("ct-head", ["ct-head"], 30),
    _imaging("ct-body", ["ct-abdomen-pelvis", "ct-chest"], 90),
    _imaging("us-abdomen", ["us-abdomen", "us-pelvis"], 180, level="L1"),
    # What suggests another test
    _ultrasound_first("ct", "ct-abdomen-pelvis", "CT"),
    _ultrasound_first("xray", "abdomen-xray", "X-ray"),
    SeedRule(
        "img-alt-cough", "better_test", "L1", GUIDE,
        {
            "from": ["ct-chest", "ct-chest-hr"], "to": "chest-xray",
            "from_words": "CT", "to_words": "Chest X-ray", "for_words": "a cough",
            "phrases": ["cough"],
        },
    ),
    SeedRule(
        "img-alt-sciatica", "better_test", "L1", GUIDE,
        {
            "from": ["lumbar-spine-xray"], "to": "mri-lumbar-spine",
            "from_words": "X-ray", "to_words": "MRI", "for_words": "pain down the leg",
            "phrases": ["sciatica", "leg pain", "nerve root"],
        },
    ),
)  # fmt: skip


def seed_rules() -> None:
    """Publish every rule as it stands here; what is published so already stays as it is."""
    for rule in RULES:
        publish_rule(
            rule.key, kind=rule.kind, level=rule.level, source=rule.source,
            parameters=rule.parameters, by=SYSTEM,
        )  # fmt: skip
