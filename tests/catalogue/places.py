"""Atoms for this room's tests: trusts, departments, sites, practices, and a GP who acts there."""

from itertools import count

from accounts.models import Organisation, Site, User
from accounts.policies import Acting
from accounts.roles import ROLES

_serial = count(1)


def practice() -> Organisation:
    return _organisation("practice", may_request=True)


def trust(*, serving: list[Organisation] = ()) -> Organisation:
    made = _organisation("trust")
    made.serves.set(serving)
    return made


def department(
    parent: Organisation, discipline: str = "radiology", *, serving: list[Organisation] = ()
) -> Organisation:
    made = _organisation("department", parent=parent, discipline=discipline)
    made.serves.set(serving)
    return made


def site(of: Organisation) -> Site:
    number = next(_serial)
    return Site.objects.create(
        department=of, ods_code=f"Y{number:05d}", name=f"Site {number}", address="1 Test Street"
    )


def gp_at(organisation: Organisation) -> Acting:
    user = User.objects.create_user(username=f"gp-{next(_serial)}")
    permissions = ROLES["gp"].permissions
    return Acting(user=user, organisation=organisation, role="gp", permissions=permissions)


def _organisation(kind: str, **fields: object) -> Organisation:
    number = next(_serial)
    return Organisation.objects.create(
        ods_code=f"Z{number:05d}", name=f"Place {number}", kind=kind, **fields
    )
