"""Who may open which page: what the product promises, written down once more by hand.

`ordercomms/access.py` is what the product does; this is what it ought to do. They are compared,
role by role and method by method, and a route that is missing from either fails the build.
"""

# A demo user of each role
ROLES = (
    "gp", "ahp", "practice-admin", "radiologist", "lab", "mbp", "mbp-lead", "ward", "on-call",
    "central",
)  # fmt: skip

EVERYBODY = frozenset({"", *ROLES})  # "" is a stranger
STAFF = frozenset(ROLES)
# The places that ask and the places that are asked; the image exchange has no part in that.
ORDERING = frozenset({"gp", "ahp", "practice-admin", "radiologist", "lab", "central"})
NOBODY: frozenset[str] = frozenset()
CLINICIANS = frozenset({"gp", "ahp"})
PRACTICE = CLINICIANS | {"practice-admin"}
VETTERS = frozenset({"radiologist"})
DEPARTMENTS = frozenset({"radiologist", "lab"})
CENTRAL = frozenset({"central"})
OPERATORS = frozenset({"lab", "central"})
READERS = PRACTICE | VETTERS
DESK = frozenset({"mbp", "mbp-lead"})  # the image exchange's service desk
EXCHANGE_VIEWERS = DESK | {"radiologist", "on-call", "central"}
KEEPERS = frozenset({"mbp-lead", "central"})  # of the directory of institutions
IMAGE_ASKERS = DESK | {"radiologist", "ward", "on-call"}
TICKET_READERS = EXCHANGE_VIEWERS | {"ward"}
TRAUMA_SENDERS = DESK | {"on-call"}

# Route → who may read it, who may do something there. A missing second part: nobody may.
WHO: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    # The house
    "home": (STAFF, NOBODY),
    "record": (READERS, NOBODY),
    "services": (STAFF, NOBODY),
    "link": (OPERATORS, NOBODY),
    "declare-down": (NOBODY, frozenset({"central"})),
    "declare-over": (NOBODY, frozenset({"central"})),
    "standby-page": (STAFF, NOBODY),
    "pack": (PRACTICE, NOBODY),
    "pack-file": (PRACTICE, NOBODY),
    "pack-passphrase": (NOBODY, frozenset({"gp"})),
    "keyboard": (EVERYBODY, NOBODY),
    "accessibility": (EVERYBODY, NOBODY),
    "healthz": (EVERYBODY, NOBODY),
    "readyz": (EVERYBODY, NOBODY),
    "metrics": (EVERYBODY, NOBODY),
    "launch": (EVERYBODY, NOBODY),
    # Who you are
    "accounts:sign-in": (EVERYBODY, EVERYBODY),
    "accounts:sign-out": (NOBODY, EVERYBODY),
    "accounts:signed-out": (EVERYBODY, NOBODY),
    "accounts:place": (STAFF, STAFF),
    "accounts:settings": (STAFF, STAFF),
    "accounts:entitlement": (STAFF, NOBODY),
    # Patients
    "patients:find": (PRACTICE, PRACTICE),
    "patients:former": (READERS, NOBODY),
    "patients:merges": (OPERATORS, NOBODY),
    "patients:merge": (OPERATORS, NOBODY),
    "patients:decide-merge": (NOBODY, OPERATORS),
    "patients:undo-merge": (NOBODY, OPERATORS),
    # Asking
    "requesting:compose": (CLINICIANS, CLINICIANS),
    "requesting:suggest": (CLINICIANS, NOBODY),
    "requesting:check": (CLINICIANS, CLINICIANS),
    "requesting:stay": (NOBODY, CLINICIANS),
    "requesting:sent": (CLINICIANS, NOBODY),
    "requesting:undo": (NOBODY, CLINICIANS),
    "requesting:details": (PRACTICE, NOBODY),
    # How far it is
    "requesting:mine": (CLINICIANS, CLINICIANS),
    "requesting:practice": (PRACTICE, PRACTICE),
    "requesting:changes": (PRACTICE, NOBODY),
    "requesting:download": (PRACTICE, NOBODY),
    "requesting:detail": (PRACTICE | DEPARTMENTS, NOBODY),
    "requesting:status": (PRACTICE | DEPARTMENTS, NOBODY),
    "requesting:act": (NOBODY, CLINICIANS),
    "requesting:cancel": (CLINICIANS, CLINICIANS),
    "requesting:amend": (CLINICIANS, CLINICIANS),
    # While a link is down
    "requesting:downtime": (CLINICIANS, NOBODY),
    "requesting:form": (CLINICIANS, CLINICIANS),
    "requesting:form-out": (ORDERING, NOBODY),
    "requesting:form-act": (NOBODY, PRACTICE | {"central"}),
    "requesting:form-sheet": (ORDERING, NOBODY),
    "requesting:form-pdf": (ORDERING, NOBODY),
    "requesting:tickets": (PRACTICE | {"central"}, PRACTICE | {"central"}),
    "requesting:ticket": (PRACTICE | {"central"}, PRACTICE | {"central"}),
    "requesting:drills": (ORDERING, NOBODY),
    "requesting:plan-drill": (NOBODY, CENTRAL),
    "requesting:drill": (ORDERING, NOBODY),
    "requesting:drill-act": (NOBODY, STAFF),
    "requesting:drill-report": (ORDERING, NOBODY),
    "requesting:drill-file": (ORDERING, NOBODY),
    "requesting:practice-form": (ORDERING, ORDERING),
    "requesting:practice-pdf": (ORDERING, NOBODY),
    "requesting:keying": (DEPARTMENTS | {"central"}, NOBODY),
    "requesting:take": (NOBODY, DEPARTMENTS | {"central"}),
    "requesting:keying-form": (DEPARTMENTS | {"central"}, DEPARTMENTS | {"central"}),
    # The department that was asked
    "requesting:vetting": (VETTERS, NOBODY),
    "requesting:vetting-changes": (VETTERS, NOBODY),
    "requesting:vetting-start": (NOBODY, VETTERS),
    "requesting:vet": (VETTERS, VETTERS),
    "requesting:department": (DEPARTMENTS, NOBODY),
    # Results
    "results:inbox": (PRACTICE, NOBODY),
    "results:changes": (PRACTICE, NOBODY),
    "results:normal": (CLINICIANS, CLINICIANS),
    "results:detail": (READERS, NOBODY),
    "results:review": (NOBODY, CLINICIANS),
    "results:seen": (NOBODY, CLINICIANS),
    "results:print": (READERS, NOBODY),
    "results:download": (READERS, NOBODY),
    "results:document": (READERS, NOBODY),
    "results:original": (CLINICIANS, NOBODY),
    "results:over-time": (READERS, NOBODY),
    "results:reconciliation": (OPERATORS, NOBODY),
    "results:compare-list": (NOBODY, OPERATORS),
    "results:difference": (OPERATORS, OPERATORS),
    "results:unmatched": (OPERATORS, NOBODY),
    "results:unmatched-one": (OPERATORS, NOBODY),
    "results:attach": (OPERATORS, OPERATORS),
    "results:decide-attachment": (NOBODY, OPERATORS),
    # Messages
    "messaging:queue": (OPERATORS, NOBODY),
    "messaging:in": (OPERATORS, NOBODY),
    "messaging:retry-in": (NOBODY, OPERATORS),
    "messaging:handle-in": (NOBODY, OPERATORS),
    "messaging:out": (OPERATORS, NOBODY),
    "messaging:retry-out": (NOBODY, OPERATORS),
    "messaging:handle-out": (NOBODY, OPERATORS),
    "messaging:correct-in": (OPERATORS, OPERATORS),
    "messaging:correct-out": (OPERATORS, OPERATORS),
    "messaging:replay-in": (OPERATORS, OPERATORS),
    "messaging:replay-out": (OPERATORS, OPERATORS),
    "messaging:bytes-in": (OPERATORS, NOBODY),
    "messaging:bytes-out": (OPERATORS, NOBODY),
    "messaging:raw-in": (OPERATORS, NOBODY),
    "messaging:raw-out": (OPERATORS, NOBODY),
    "messaging:streams": (OPERATORS, NOBODY),
    "messaging:streams-now": (OPERATORS, NOBODY),
    "messaging:causes": (OPERATORS, NOBODY),
    "messaging:cause-in": (OPERATORS, NOBODY),
    "messaging:cause-out": (OPERATORS, NOBODY),
    "messaging:replays": (OPERATORS, NOBODY),
    "messaging:replay": (OPERATORS, NOBODY),
    "messaging:replay-now": (OPERATORS, NOBODY),
    "messaging:corrections": (OPERATORS, NOBODY),
    "messaging:correction": (OPERATORS, NOBODY),
    "messaging:stop-replay": (NOBODY, OPERATORS),
    "messaging:approve": (NOBODY, OPERATORS),
    "messaging:decline": (NOBODY, OPERATORS),
    "messaging:partner": (OPERATORS, NOBODY),
    "messaging:pause": (NOBODY, OPERATORS),
    "messaging:resume": (NOBODY, OPERATORS),
    "messaging:agreement": (frozenset({"central"}), frozenset({"central"})),
    "messaging:partner-changes": (frozenset({"central"}), NOBODY),
    "messaging:partner-change": (frozenset({"central"}), NOBODY),
    "messaging:apply-change": (NOBODY, frozenset({"central"})),
    "messaging:refuse-change": (NOBODY, frozenset({"central"})),
    "messaging:withdraw-change": (NOBODY, frozenset({"central"})),
    # Mail
    "messaging:mails": (CENTRAL, NOBODY),
    "messaging:mail": (CENTRAL, NOBODY),
    "messaging:retry-mail": (NOBODY, CENTRAL),
    "messaging:handle-mail": (NOBODY, CENTRAL),
    "messaging:readdress-mail": (NOBODY, CENTRAL),
    "messaging:bounce": (CENTRAL, NOBODY),
    "messaging:handle-bounce": (NOBODY, CENTRAL),
    "messaging:mailboxes": (CENTRAL, NOBODY),
    "messaging:new-mailbox": (CENTRAL, CENTRAL),
    "messaging:mailbox": (CENTRAL, NOBODY),
    "messaging:verify-mailbox": (NOBODY, CENTRAL),
    "messaging:correct-mailbox": (NOBODY, CENTRAL),
    "messaging:end-mailbox": (NOBODY, CENTRAL),
    "results:holds": (CENTRAL, CENTRAL),
    "results:release-news": (NOBODY, CENTRAL),
    # The gateway: machines that sign, and no person
    "iep:gateway-hello": (NOBODY, NOBODY),
    "iep:gateway-transaction": (NOBODY, NOBODY),
    "iep:gateway-event": (NOBODY, NOBODY),
    "iep:gateway-message": (NOBODY, NOBODY),
    "iep:gateway-document": (NOBODY, NOBODY),
    "iep:gateway-manifest": (NOBODY, NOBODY),
    "iep:gateway-received": (NOBODY, NOBODY),
    "iep:gateway-studies": (NOBODY, NOBODY),
    "iep:gateway-instance": (NOBODY, NOBODY),
    # Transactions of the image exchange, and the institutions
    "iep:home": (EXCHANGE_VIEWERS, EXCHANGE_VIEWERS),
    "iep:home-changes": (EXCHANGE_VIEWERS, NOBODY),
    "iep:create": (DESK, DESK),
    "iep:transaction": (EXCHANGE_VIEWERS, NOBODY),
    "iep:transaction-status": (EXCHANGE_VIEWERS, NOBODY),
    "iep:transaction-act": (NOBODY, DESK),
    "iep:choose-images": (DESK, DESK),
    "iep:again": (DESK, DESK),
    "iep:decline": (DESK, DESK),
    "iep:cancel": (DESK, DESK),
    "iep:attachment": (EXCHANGE_VIEWERS, NOBODY),
    "iep:institutions": (EXCHANGE_VIEWERS, NOBODY),
    "iep:institution": (EXCHANGE_VIEWERS, NOBODY),
    "iep:new-institution": (KEEPERS, KEEPERS),
    "iep:change-institution": (KEEPERS, KEEPERS),
    "iep:new-node": (KEEPERS, KEEPERS),
    "iep:change-node": (KEEPERS, KEEPERS),
    "iep:test-node": (NOBODY, KEEPERS),
    # Trauma, who is paged, and figures
    "iep:ask": (IMAGE_ASKERS, IMAGE_ASKERS),
    "iep:mine": (IMAGE_ASKERS, NOBODY),
    "iep:mine-now": (IMAGE_ASKERS, NOBODY),
    "iep:ticket": (TICKET_READERS, NOBODY),
    "iep:ticket-live": (TICKET_READERS, NOBODY),
    "iep:ticket-act": (NOBODY, IMAGE_ASKERS),
    "iep:ticket-scans": (IMAGE_ASKERS, IMAGE_ASKERS),
    "iep:queues": (EXCHANGE_VIEWERS, NOBODY),
    "iep:queues-now": (EXCHANGE_VIEWERS, NOBODY),
    "iep:transfer-act": (NOBODY, DESK),
    "iep:transfer-priority": (DESK, DESK),
    "iep:pause-lane": (DESK, DESK),
    "iep:pause-node": (DESK, DESK),
    "iep:failures": (EXCHANGE_VIEWERS, NOBODY),
    "iep:match": (DESK, DESK),
    "iep:arrivals": (EXCHANGE_VIEWERS, NOBODY),
    "iep:arrival": (EXCHANGE_VIEWERS, NOBODY),
    "iep:arrival-act": (NOBODY, DESK),
    "iep:file-act": (NOBODY, DESK),
    "iep:discs": (EXCHANGE_VIEWERS, NOBODY),
    "iep:disc-chart": (EXCHANGE_VIEWERS, NOBODY),
    "iep:disc": (EXCHANGE_VIEWERS, NOBODY),
    "iep:disc-progress": (EXCHANGE_VIEWERS, NOBODY),
    "iep:disc-act": (NOBODY, IMAGE_ASKERS),
    "iep:disc-upload": (NOBODY, DESK),
    "iep:disc-label": (EXCHANGE_VIEWERS, NOBODY),
    "iep:images": (IMAGE_ASKERS, NOBODY),
    "iep:picture": (IMAGE_ASKERS, NOBODY),
    "iep:trauma": (TRAUMA_SENDERS, TRAUMA_SENDERS),
    "iep:trauma-patient": (TRAUMA_SENDERS, TRAUMA_SENDERS),
    "iep:trauma-label": (TRAUMA_SENDERS, NOBODY),
    "iep:on-call": (EXCHANGE_VIEWERS, NOBODY),
    "iep:keep-on-call": (NOBODY, frozenset({"mbp-lead", "central"})),
    "iep:acknowledge": (NOBODY, TRAUMA_SENDERS),
    "iep:figures": (DESK | {"central"}, NOBODY),
    "iep:figures-download": (DESK | {"central"}, NOBODY),
}

# Runs the service for all organisations, so nothing of it is elsewhere.
EVERYWHERE = frozenset({"central"})

# One directory of other hospitals serves every trust of an installation.
OF_EVERY_TRUST = {
    "iep:institution", "iep:change-institution", "iep:new-node", "iep:change-node",
    "iep:test-node", "iep:pause-lane", "iep:pause-node",
}  # fmt: skip

# A role may do it where it works, and the examples are not its own: (route, role).
NOT_THEIR_OWN = {
    ("results:review", "ahp"), ("results:seen", "ahp"),
    ("messaging:withdraw-change", "central"),  # what a colleague proposed
}  # fmt: skip
# The original message of a report is for those who may review that very one.
NOT_THEIRS_TO_READ = {("results:original", "ahp")}
