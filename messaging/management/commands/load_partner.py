"""manage.py load_partner FOLDER: a partner as data. docs/runbooks/add-a-partner.md says how.

Looks at everything in the folder, tries its samples, and shows what would be different. A partner
that nobody has yet is written with --first; any other becomes a proposal that a second person of
the central team applies.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.policies import SYSTEM, Acting
from accounts.queries import acting_as, memberships_of
from messaging import services
from messaging.agreement import Agreement, BadAgreement, Value, differences, words_of
from messaging.errors import NothingChanged, ReasonMissing
from messaging.models import Partner
from messaging.partner_folder import Folder, read_folder
from messaging.policies import may_change_partners


class Command(BaseCommand):
    help = "Loads a partner from its folder: at once when new, else as a proposal."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--check", action="store_true", help="Look, and write nothing.")
        parser.add_argument("--first", action="store_true", help="A new partner: write it at once.")
        parser.add_argument("--by", default="", help="Your user name: it is your proposal.")
        parser.add_argument("--why", default="", help="Why it is to change.")

    def handle(
        self, *, folder: Path, check: bool, first: bool, by: str, why: str, **_: Any
    ) -> None:
        try:
            found = read_folder(folder)
            wanted = self._looked_at(found)
            self._show(found.slug, wanted)
            if check:
                self.stdout.write("Nothing was written (--check).")
            elif first:
                self._load(found.slug, wanted)
            else:
                self._propose(found.slug, wanted, by, why)
        except BadAgreement as refusal:
            raise CommandError(_list(refusal.problems)) from None

    def _looked_at(self, found: Folder) -> Agreement:
        """The whole agreement. Raises BadAgreement, also for a sample that becomes otherwise."""
        wanted = services.completed(found.wanted, found.slug)
        if problems := services.wrong_with(found.slug, wanted):
            raise BadAgreement(problems)
        if problems := services.rehearse_samples(found, wanted):
            raise BadAgreement(problems)
        self.stdout.write(f"{found.slug}: {len(found.samples)} samples become what was said.")
        return wanted

    def _show(self, slug: str, wanted: Agreement) -> None:
        for each in differences(services.standing(slug), wanted):
            before, after = _short(each.before), _short(each.after)
            if before != after:
                self.stdout.write(f"  {words_of(each.path)}: {before} -> {after}")

    def _load(self, slug: str, wanted: Agreement) -> None:
        if Partner.objects.filter(slug=slug).exists():
            words = f"{slug} is known already. Leave --first out: a second person has to agree."
            raise CommandError(words)
        services.load_first(slug, wanted, by=SYSTEM)
        self.stdout.write(f"{slug} is loaded.")

    def _propose(self, slug: str, wanted: Agreement, by: str, why: str) -> None:
        if not Partner.objects.filter(slug=slug).exists() and not by:
            raise CommandError(f"{slug} is new. Load it with --first, or propose it with --by.")
        acting = _acting(by)
        try:
            change = services.propose_change(slug, wanted, why=why, by=acting)
        except NothingChanged:
            self.stdout.write("Nothing is different.")
        except ReasonMissing:
            raise CommandError("Say why it is to change: --why.") from None
        else:
            words = (
                f"Proposed as change {change.pk}. A second person of the central team applies it."
            )
            self.stdout.write(words)


def _acting(username: str) -> Acting:
    """That person where they may change partners. Raises CommandError."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError("Say who proposes it: --by with your user name.")
    for membership in memberships_of(user.pk):
        if may_change_partners(acting := acting_as(membership)):
            return acting
    raise CommandError(f"{username} cannot change partners: that is the central team's.")


def _short(value: Value) -> str:
    text = "nothing" if value in (None, "") else str(value)
    return text if len(text) <= 60 and "\n" not in text else f"{len(text.splitlines())} lines"


def _list(problems: list[tuple[str, str]]) -> str:
    lines = "\n".join(f"  {path}: {words}" for path, words in problems)
    return f"This folder cannot be loaded:\n{lines}"
