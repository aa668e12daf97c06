"""Whom each page is about: one patient, and then it has one banner, or not, and then none (ux C2).

Every address that can be opened is in exactly one of these; a new one without a line fails the
build. An address that only takes deeds has no page of its own.
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ONE = _names(
    """
    record patients:former
    requesting:compose requesting:sent requesting:detail requesting:cancel requesting:amend
    requesting:form requesting:form-out requesting:keying-form requesting:vet
    results:detail results:print results:original results:over-time
    iep:ticket iep:ticket-scans
    iep:transaction iep:choose-images iep:again iep:decline iep:cancel iep:transfer-priority
    iep:arrival iep:images iep:disc iep:trauma-patient iep:trauma-label
    """
)

# One patient's once it is known whose it is; each has a test of its own for both.
ONCE_KNOWN = _names("requesting:check iep:ask iep:create iep:match")

# Nobody's, or of several: lists, settings, what sets people side by side, a message as such.
NONE = _names(
    """
    home services link pack keyboard accessibility healthz readyz metrics launch
    accounts:sign-in accounts:signed-out accounts:place accounts:settings accounts:entitlement
    patients:find patients:merges patients:merge
    requesting:mine requesting:practice requesting:downtime requesting:tickets requesting:ticket
    requesting:drills requesting:drill requesting:drill-report requesting:practice-form
    requesting:keying requesting:vetting requesting:department
    results:inbox results:normal results:holds results:reconciliation results:difference
    results:unmatched results:unmatched-one results:attach
    messaging:queue messaging:in messaging:out messaging:correct-in messaging:correct-out
    messaging:bytes-in messaging:bytes-out messaging:streams messaging:causes messaging:cause-in
    messaging:cause-out messaging:replay-in messaging:replay-out messaging:replays messaging:replay
    messaging:corrections messaging:correction messaging:partner messaging:agreement
    messaging:partner-changes messaging:partner-change messaging:mails messaging:mail
    messaging:bounce messaging:mailboxes messaging:new-mailbox messaging:mailbox
    iep:mine iep:home iep:institutions iep:institution iep:new-institution iep:change-institution
    iep:new-node iep:change-node iep:queues iep:pause-lane iep:pause-node iep:failures iep:arrivals
    iep:discs iep:trauma iep:on-call iep:figures
    """
)

# No page of the screen: a part of one, a file, paper whose own head says whose it is, a machine's.
NO_PAGE = _names(
    """
    standby-page pack-file
    requesting:suggest requesting:changes requesting:download requesting:status requesting:details
    requesting:form-sheet requesting:form-pdf requesting:drill-file requesting:practice-pdf
    requesting:vetting-changes
    results:changes results:download results:document
    messaging:raw-in messaging:raw-out messaging:streams-now messaging:replay-now
    iep:mine-now iep:ticket-live iep:home-changes iep:transaction-status iep:attachment
    iep:queues-now iep:picture iep:disc-chart iep:disc-progress iep:disc-label iep:figures-download
    """
)
