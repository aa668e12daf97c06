"""What the people of one installation do, in a process of that installation: prints JSON.

`python -m tests.end_to_end.exchange_steps <step> <words>`, with the installation's environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from io import StringIO
from typing import Any

import django


def seed(us: str, them: str) -> Any:
    """People and the directory; our key, and its fingerprint."""
    from accounts.models import Organisation
    from demo.people import seed_people
    from iep.models import Institution

    seed_people()
    for code in (us, them):
        trust = Organisation.objects.get(ods_code=code)
        ours = trust if code == us else None
        Institution.objects.create(code=code, name=trust.name, organisation=ours)
    return {"fingerprint": _agree(them).rsplit(":", 1)[1].strip()}


def agree(them: str, url: str, fingerprint: str) -> Any:
    """What the runbook says, typed by the lead of the service desk."""
    return {"said": _agree(them, "--url", url, "--theirs", fingerprint, "--by", "mbp-lead")}


def ask(them: str) -> Any:
    """Somebody of the service desk asks the other hospital for images."""
    from iep.models import Institution
    from iep.services.exchange import transactions
    from tests.iep.gateway.sides import about

    made = transactions.create(
        kind="request", institution=Institution.objects.get(code=them), by=_acting("mbp"), **about()
    )
    return {"shared_id": str(made.shared_id), "state": made.state}


def send(shared_id: str, count: str) -> Any:
    """They accept, and put a study that lies in their storage on the exchange and into a lane."""
    from django.db.transaction import atomic

    from iep import storage
    from iep.models import Transaction
    from iep.services.exchange import sending, transactions
    from iep.states.transactions import TransactionEvent
    from tests.iep.lanes.images import outgoing

    by = _acting("mbp")
    row = transactions.accept(Transaction.objects.get(shared_id=shared_id), by=by)
    study = outgoing(int(count), pixels=20_000, series=2)
    for file in study.files.all():
        raw = storage.path_of(file.pk).read_bytes()
        study.files.filter(pk=file.pk).update(sha256=hashlib.sha256(raw).hexdigest())
    study.organisation, study.transaction, study.expected = row.organisation, row, int(count)
    study.save()
    with atomic():
        transactions.record(row, TransactionEvent.STARTED, by=by)
        sending.send_held(row, study, by=by)
    return {"study_uid": study.study_uid}


# --- With peers that speak DICOM ------------------------------------------------------------------

PATIENT_NUMBER = "S1234567"


def peers(far_port: str, pacs_port: str) -> Any:
    """A far hospital with an archive that may call us, our own PACS, our RIS, and Agnes."""
    from accounts.models import Organisation
    from iep.models import Institution, Node
    from tests.requesting.surgery import seed_partners
    from tests.world import World

    people = World()
    seed_partners()
    people.patient(s_number=PATIENT_NUMBER)
    trust = Organisation.objects.get(ods_code=os.environ["ODS_CODE"])
    ours = Institution.objects.create(code=trust.ods_code, name=trust.name, organisation=trust)
    far = Institution.objects.create(code="FAR", name="Faraway", city="Elsewhere")
    there = {"kind": "dimse", "ae_title": "ORTHANC", "host": "127.0.0.1", "is_default": True}
    Node.objects.create(institution=far, name="FARPACS", port=int(far_port), may_call=True, **there)
    Node.objects.create(
        institution=ours, name="OURPACS", port=int(pacs_port), is_our_pacs=True, commits=False,
        **there,
    )  # fmt: skip
    return {}


def fetch(study_uid: str) -> Any:
    """The service desk asks the far hospital, and fetches the study from its archive."""
    from django.db.transaction import atomic

    from iep.models import Institution
    from iep.services.exchange import transactions
    from iep.services.lanes import transfers
    from iep.states.priorities import Priority
    from iep.states.transactions import TransactionEvent
    from tests.iep.gateway.sides import about

    by, far = _acting("mbp"), Institution.objects.get(code="FAR")
    made = transactions.create(kind="request", institution=far, by=by, **about())
    with atomic():
        transactions.record(made, TransactionEvent.STARTED, by=by)
        transfer = transfers.queue_fetch(
            far.nodes.get(), study_uid, priority=Priority.NORMAL, purpose="in", by=by,
            title="CT head from Faraway", transaction=made,
        )  # fmt: skip
        transactions.record(made, TransactionEvent.DOWNLOAD_ASKED, by=by)
    return {"transfer": transfer.pk, "transaction": str(made.pk)}


def match(study_uid: str) -> Any:
    """A person says whose it is."""
    from iep.models import Study
    from iep.services.registration import matching
    from patients.models import Patient

    study = Study.objects.get(study_uid=study_uid)
    patient = Patient.objects.get(family_name="Testpatient")
    matched = matching.match(
        study, patient=patient, exam=None, exam_code="CSKUH", by=_acting("mbp")
    )
    return {"state": matched.state}


def ris_answers(study_uid: str) -> Any:
    """The RIS has the examination."""
    from iep.models import Study
    from messaging.models import Partner
    from patients.models import Patient
    from tests.iep.matching.room import Desk

    class There(Desk):
        def __init__(self) -> None:
            self.ris = Partner.objects.get(slug="ris-rz1")
            self.agnes = Patient.objects.get(family_name="Testpatient")

    study = Study.objects.get(study_uid=study_uid)
    There().answers(study)
    study.refresh_from_db()
    return {"state": study.state}


def _acting(username: str) -> Any:
    from accounts.models import User
    from accounts.queries import acting_as, memberships_of

    here = os.environ["ODS_CODE"]
    user = User.objects.get(username=username)
    place = memberships_of(user.pk).first()
    if place.organisation.ods_code != here:  # the demo's desk is at Kingsmere
        from accounts.models import Organisation

        place.organisation = Organisation.objects.get(ods_code=here)
    return acting_as(place)


def _agree(*words: str) -> str:
    from django.core.management import call_command

    said = StringIO()
    call_command("agree_gateway", *words, "--key", "ours", stdout=said)
    return said.getvalue().strip()


STEPS = {each.__name__: each for each in (seed, agree, ask, send, peers, fetch, match, ris_answers)}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordercomms.settings")
    django.setup()
    print(json.dumps(STEPS[sys.argv[1]](*sys.argv[2:])))  # noqa: T201 - that is its answer
