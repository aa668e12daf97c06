"""Roles as data: an auditor can read this page. Plain Python; stored as short slugs."""

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """What a role may do. Named as the verb a person would say."""

    REQUEST_TESTS = "request_tests"  # compose, send, undo, cancel, fix, answer
    TRACK_REQUESTS = "track_requests"  # see what was ordered and how far it is
    VIEW_RESULTS = "view_results"
    REVIEW_RESULTS = "review_results"  # file with an outcome
    FIND_PATIENTS = "find_patients"
    VET_REQUESTS = "vet_requests"
    VIEW_DEPARTMENT_REQUESTS = "view_department_requests"
    KEY_IN_FORMS = "key_in_forms"  # downtime forms: keyed in, matched, let go
    OPEN_TICKETS = "open_tickets"  # the downtime form for a colleague who cannot get in
    OPERATE_MESSAGES = "operate_messages"  # parked and failed messages
    MERGE_PATIENTS = "merge_patients"  # decide, refuse and undo merges of two records
    DECLARE_DOWNTIME = "declare_downtime"  # say that a link is down, and that it is over
    OPERATE_MAIL = "operate_mail"  # mails, the directory of mailboxes, held news
    CHANGE_PARTNERS = "change_partners"  # what was agreed with a partner: two people, always
    ASK_FOR_IMAGES = "ask_for_images"  # open an image exchange ticket, follow one's own
    VIEW_EXCHANGE = "view_exchange"  # the lists of the image exchange
    EXCHANGE_IMAGES = "exchange_images"  # tickets, transactions, matching, discs
    CONTROL_LANES = "control_lanes"  # pause, reorder, cancel transfers
    SEND_TRAUMA = "send_trauma"  # a trauma patient's scan, out of hours
    KEEP_INSTITUTIONS = "keep_institutions"  # the directory and its nodes
    VIEW_EXCHANGE_FIGURES = "view_exchange_figures"  # compliance, twice a year and yearly
    HOLD_PACK_KEY = "hold_pack_key"  # the passphrase of the place's downtime pack
    VIEW_SERVICES = "view_services"  # the status page; everybody has it


@dataclass(frozen=True)
class Role:
    """A role's name as people see it, its sentence, and what it may do."""

    label: str
    sentence: str
    permissions: frozenset[Permission]


P = Permission
REQUESTER = {
    P.REQUEST_TESTS, P.TRACK_REQUESTS, P.VIEW_RESULTS, P.REVIEW_RESULTS, P.FIND_PATIENTS,
    P.VIEW_SERVICES, P.OPEN_TICKETS,
}  # fmt: skip
VETTER = {
    P.VET_REQUESTS, P.VIEW_DEPARTMENT_REQUESTS, P.VIEW_RESULTS, P.VIEW_SERVICES, P.KEY_IN_FORMS,
    P.ASK_FOR_IMAGES, P.VIEW_EXCHANGE,
}  # fmt: skip

EXCHANGER = {
    P.ASK_FOR_IMAGES, P.VIEW_EXCHANGE, P.EXCHANGE_IMAGES, P.CONTROL_LANES, P.VIEW_SERVICES,
    P.VIEW_EXCHANGE_FIGURES,
}  # fmt: skip

ROLES: dict[str, Role] = {
    "gp": Role(
        "GP",
        "Requests every test and acts on the results.",
        frozenset(REQUESTER | {P.HOLD_PACK_KEY}),
    ),
    "ahp": Role(
        "Allied health professional",
        "Requests the tests of their role, imaging only while entitled.",
        frozenset(REQUESTER),
    ),
    "practice-admin": Role(
        "Practice admin",
        "Sees what was ordered, its progress and its results; changes nothing.",
        frozenset(
            {P.TRACK_REQUESTS, P.VIEW_RESULTS, P.FIND_PATIENTS, P.VIEW_SERVICES, P.OPEN_TICKETS}
        ),
    ),
    "radiology-vetter": Role(
        "Radiology vetting",
        "Accepts, changes, questions or rejects requests to their department.",
        frozenset(VETTER),
    ),
    "laboratory": Role(
        "Laboratory",
        "Sees requests to their laboratory and looks after messages that need a person.",
        frozenset(
            {
                P.VIEW_DEPARTMENT_REQUESTS,
                P.OPERATE_MESSAGES,
                P.VIEW_SERVICES,
                P.KEY_IN_FORMS,
                P.MERGE_PATIENTS,
            }
        ),
    ),
    "mbp": Role(
        "Image exchange service desk",
        "Moves images in and out: tickets, transactions, queues, matching.",
        frozenset(EXCHANGER),
    ),
    "mbp-lead": Role(
        "Image exchange lead",
        "Sees that the exchange works; keeps the directory of institutions.",
        frozenset(EXCHANGER | {P.KEEP_INSTITUTIONS}),
    ),
    "hospital-clinician": Role(
        "Hospital clinician",
        "Asks other hospitals for a patient’s images, and follows what becomes of it.",
        frozenset({P.ASK_FOR_IMAGES, P.VIEW_SERVICES}),
    ),
    "on-call": Role(
        "On-call imaging",
        "Sends a trauma patient’s scan out of hours.",
        frozenset({P.SEND_TRAUMA, P.ASK_FOR_IMAGES, P.VIEW_EXCHANGE, P.VIEW_SERVICES}),
    ),
    "central": Role(
        "Central team",
        "Runs the service: messages, partners and their state.",
        frozenset(
            {
                P.OPERATE_MESSAGES,
                P.DECLARE_DOWNTIME,
                P.VIEW_SERVICES,
                P.KEY_IN_FORMS,
                P.OPERATE_MAIL,
                P.OPEN_TICKETS,
                P.MERGE_PATIENTS,
                P.CHANGE_PARTNERS,
                P.KEEP_INSTITUTIONS,
                P.VIEW_EXCHANGE,
                P.VIEW_EXCHANGE_FIGURES,
            }
        ),
    ),
}

# Each permission as the end of the sentence "You cannot ...".
DEEDS: dict[Permission, str] = {
    P.REQUEST_TESTS: "request tests",
    P.TRACK_REQUESTS: "follow requests",
    P.VIEW_RESULTS: "see results",
    P.REVIEW_RESULTS: "review results",
    P.FIND_PATIENTS: "search for patients",
    P.VET_REQUESTS: "vet requests",
    P.VIEW_DEPARTMENT_REQUESTS: "see a department’s requests",
    P.KEY_IN_FORMS: "key in downtime forms",
    P.OPEN_TICKETS: "use the downtime form for a colleague",
    P.OPERATE_MESSAGES: "look after messages",
    P.MERGE_PATIENTS: "merge patients’ records",
    P.DECLARE_DOWNTIME: "say that a link is down",
    P.OPERATE_MAIL: "look after mail",
    P.CHANGE_PARTNERS: "change what was agreed with a partner",
    P.HOLD_PACK_KEY: "make the passphrase of the downtime pack",
    P.ASK_FOR_IMAGES: "ask for images",
    P.VIEW_EXCHANGE: "see the image exchange",
    P.EXCHANGE_IMAGES: "exchange images",
    P.CONTROL_LANES: "change the order of transfers",
    P.SEND_TRAUMA: "send a trauma patient’s scan",
    P.KEEP_INSTITUTIONS: "change the directory of institutions",
    P.VIEW_EXCHANGE_FIGURES: "see the figures of the image exchange",
    P.VIEW_SERVICES: "see the state of the services",
}


def deed(permission: object) -> str:
    """The end of "You cannot ..."; for what nobody may do, "do this"."""
    return DEEDS[permission] if isinstance(permission, Permission) else "do this"


def role_label(slug: str) -> str:
    """The role as people call it."""
    return ROLES[slug].label if slug in ROLES else ""


def role_may(slug: str, permission: str) -> bool:
    """Whether the role has the permission, wherever it is held."""
    return slug in ROLES and Permission(permission) in ROLES[slug].permissions
