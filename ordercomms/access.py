"""Who may open which address. A route that is missing here is refused to everybody.

Values: PUBLIC (nobody need sign in), ANYONE_NAMED (signed in, though no place is chosen yet),
SIGNED_IN (anyone acting for an organisation), or the permission that is needed; where methods
differ, a dict by method ("GET" covers HEAD; a method that is not there is refused). Several
permissions in a tuple: one of them is enough.
"""

from accounts.middleware import ANYONE_NAMED, PUBLIC, SIGNED_IN
from accounts.roles import Permission as P

# A downtime form, for those who asked and those who key it in.
FORM_READERS = (P.TRACK_REQUESTS, P.OPEN_TICKETS, P.KEY_IN_FORMS)
# Of those who asked, and of the department that was asked.
EITHER_SIDE = (P.TRACK_REQUESTS, P.VIEW_DEPARTMENT_REQUESTS)

ACCESS: dict[str, str | P | tuple[P, ...] | dict[str, str | P]] = {
    # The house
    "home": SIGNED_IN,
    "record": P.VIEW_RESULTS,
    "services": P.VIEW_SERVICES,
    "keyboard": PUBLIC,
    "accessibility": PUBLIC,
    "healthz": PUBLIC,
    "readyz": PUBLIC,
    "metrics": PUBLIC,
    "launch": PUBLIC,
    # Who you are
    "accounts:sign-in": PUBLIC,
    "accounts:sign-out": {"POST": PUBLIC},
    "accounts:signed-out": PUBLIC,
    "accounts:place": ANYONE_NAMED,
    "accounts:settings": SIGNED_IN,
    "accounts:entitlement": SIGNED_IN,
    # Patients
    "patients:find": P.FIND_PATIENTS,
    "patients:former": P.VIEW_RESULTS,
    "patients:merges": P.MERGE_PATIENTS,
    "patients:merge": P.MERGE_PATIENTS,
    "patients:decide-merge": {"POST": P.MERGE_PATIENTS},
    "patients:undo-merge": {"POST": P.MERGE_PATIENTS},
    # Asking
    "requesting:compose": P.REQUEST_TESTS,
    "requesting:suggest": P.REQUEST_TESTS,
    "requesting:check": P.REQUEST_TESTS,
    "requesting:stay": {"POST": P.REQUEST_TESTS},
    "requesting:sent": P.REQUEST_TESTS,
    "requesting:undo": {"POST": P.REQUEST_TESTS},
    "requesting:details": P.TRACK_REQUESTS,
    # How far it is
    "requesting:mine": P.REQUEST_TESTS,
    "requesting:practice": P.TRACK_REQUESTS,
    "requesting:changes": P.TRACK_REQUESTS,
    "requesting:download": P.TRACK_REQUESTS,
    "requesting:detail": EITHER_SIDE,
    "requesting:status": EITHER_SIDE,
    "requesting:act": {"POST": P.REQUEST_TESTS},
    "requesting:cancel": P.REQUEST_TESTS,
    "requesting:amend": P.REQUEST_TESTS,
    # While a link is down
    "requesting:downtime": P.REQUEST_TESTS,
    "requesting:form": P.REQUEST_TESTS,
    "requesting:form-out": FORM_READERS,
    "requesting:form-act": {"POST": P.OPEN_TICKETS},
    "requesting:form-sheet": FORM_READERS,
    "requesting:form-pdf": FORM_READERS,
    "requesting:tickets": P.OPEN_TICKETS,
    "requesting:ticket": P.OPEN_TICKETS,
    "requesting:keying": P.KEY_IN_FORMS,
    "requesting:take": {"POST": P.KEY_IN_FORMS},
    "requesting:keying-form": P.KEY_IN_FORMS,
    # The department that was asked
    "requesting:vetting": P.VET_REQUESTS,
    "requesting:vetting-changes": P.VET_REQUESTS,
    "requesting:vetting-start": {"POST": P.VET_REQUESTS},
    "requesting:vet": P.VET_REQUESTS,
    "requesting:department": P.VIEW_DEPARTMENT_REQUESTS,
    # Results. The list is of the place that asks; a department may open what it reported.
    "results:inbox": P.TRACK_REQUESTS,
    "results:changes": P.TRACK_REQUESTS,
    "results:normal": P.REVIEW_RESULTS,
    "results:detail": P.VIEW_RESULTS,
    "results:review": {"POST": P.REVIEW_RESULTS},
    "results:seen": {"POST": P.REVIEW_RESULTS},
    "results:print": P.VIEW_RESULTS,
    "results:download": P.VIEW_RESULTS,
    "results:document": P.VIEW_RESULTS,
    "results:original": P.REVIEW_RESULTS,
    "results:over-time": P.VIEW_RESULTS,
    # Messages
    "messaging:queue": P.OPERATE_MESSAGES,
    "messaging:in": P.OPERATE_MESSAGES,
    "messaging:retry-in": {"POST": P.OPERATE_MESSAGES},
    "messaging:handle-in": {"POST": P.OPERATE_MESSAGES},
    "messaging:out": P.OPERATE_MESSAGES,
    "messaging:retry-out": {"POST": P.OPERATE_MESSAGES},
    "messaging:handle-out": {"POST": P.OPERATE_MESSAGES},
    "messaging:correct-in": P.OPERATE_MESSAGES,
    "messaging:correct-out": P.OPERATE_MESSAGES,
    "messaging:bytes-in": P.OPERATE_MESSAGES,
    "messaging:bytes-out": P.OPERATE_MESSAGES,
    "messaging:raw-in": P.OPERATE_MESSAGES,
    "messaging:raw-out": P.OPERATE_MESSAGES,
    "messaging:streams": P.OPERATE_MESSAGES,
    "messaging:streams-now": P.OPERATE_MESSAGES,
    "messaging:causes": P.OPERATE_MESSAGES,
    "messaging:cause-in": P.OPERATE_MESSAGES,
    "messaging:cause-out": P.OPERATE_MESSAGES,
    "messaging:replay-in": P.OPERATE_MESSAGES,
    "messaging:replay-out": P.OPERATE_MESSAGES,
    "messaging:replays": P.OPERATE_MESSAGES,
    "messaging:replay": P.OPERATE_MESSAGES,
    "messaging:replay-now": P.OPERATE_MESSAGES,
    "messaging:corrections": P.OPERATE_MESSAGES,
    "messaging:correction": P.OPERATE_MESSAGES,
    "messaging:stop-replay": {"POST": P.OPERATE_MESSAGES},
    "messaging:approve": {"POST": P.OPERATE_MESSAGES},
    "messaging:decline": {"POST": P.OPERATE_MESSAGES},
    "messaging:partner": P.OPERATE_MESSAGES,
    "messaging:pause": {"POST": P.OPERATE_MESSAGES},
    "messaging:resume": {"POST": P.OPERATE_MESSAGES},
    # Mail
    "messaging:mails": P.OPERATE_MAIL,
    "messaging:mail": P.OPERATE_MAIL,
    "messaging:retry-mail": {"POST": P.OPERATE_MAIL},
    "messaging:handle-mail": {"POST": P.OPERATE_MAIL},
    "messaging:readdress-mail": {"POST": P.OPERATE_MAIL},
    "messaging:bounce": P.OPERATE_MAIL,
    "messaging:handle-bounce": {"POST": P.OPERATE_MAIL},
    "messaging:mailboxes": P.OPERATE_MAIL,
    "messaging:new-mailbox": P.OPERATE_MAIL,
    "messaging:mailbox": P.OPERATE_MAIL,
    "messaging:verify-mailbox": {"POST": P.OPERATE_MAIL},
    "messaging:correct-mailbox": {"POST": P.OPERATE_MAIL},
    "messaging:end-mailbox": {"POST": P.OPERATE_MAIL},
    "results:holds": P.OPERATE_MAIL,
    "results:release-news": {"POST": P.OPERATE_MAIL},
}
