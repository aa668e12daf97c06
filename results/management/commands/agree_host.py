"""manage.py agree_host PARTNER HOST --by YOU: links in this partner's reports may go there.

docs/runbooks/add-a-partner.md says when. Without HOST it shows those that are agreed.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.policies import Acting
from accounts.queries import acting_as, memberships_of
from messaging.policies import may_change_partners
from requesting.queries.reconciling import partner_by_slug
from results import services


class Command(BaseCommand):
    help = "Agrees a host to which a partner's reports may point (OBX-2 RP), or shows the agreed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("partner", help="its slug")
        parser.add_argument("host", nargs="?", help="such as pacs.hospital.example")
        parser.add_argument("--by", default="", help="Your user name, of the central team.")

    def handle(self, *, partner: str, host: str | None, by: str, **_: Any) -> None:
        row = partner_by_slug(partner)
        if row is None:
            raise CommandError(f"No partner is called “{partner}”.")
        if host:
            try:
                services.agree_host(row, host=host, by=acting_for(by))
            except ValueError as refusal:
                raise CommandError(str(refusal)) from None
        for each in row.agreed_hosts.order_by("host"):
            self.stdout.write(f"https://{each.host}/")


def acting_for(username: str) -> Acting:
    """That person where they may change partners. Raises CommandError."""
    user = User.objects.filter(username=username, is_active=True).first()
    for membership in memberships_of(user.pk) if user else ():
        if may_change_partners(acting := acting_as(membership)):
            return acting
    raise CommandError("Say who agrees it: --by with the name of a user of the central team.")
