"""The timers: rung for or not, what is due goes on its way."""

import time_machine
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from ordercomms.celery import app
from requesting import services, tasks
from requesting.services.doorbell import RELEASE


def test_the_doorbell_of_one_request_releases_it_and_no_other(surgery):
    first, second = surgery.item(), surgery.item()
    with surgery.after_undo(second.request):
        tasks.release(str(first.request_id))
    assert (surgery.fresh(first).status, surgery.fresh(second).status) == ("sent", "held")


def test_a_doorbell_that_rings_early_or_twice_changes_nothing(surgery):
    item = surgery.item()
    tasks.release(str(item.request_id))
    assert surgery.fresh(item).status == "held"
    with surgery.after_undo(item.request):
        tasks.release(str(item.request_id))
        tasks.release(str(item.request_id))
    assert item.events.filter(event="released").count() == 1


def test_the_sweep_does_what_nobody_rang_for(surgery):
    held = surgery.item()
    accepted = services.vet_accept(surgery.vetting(), by=surgery.acting("radiologist"))
    with time_machine.travel(timezone.now() + timezone.timedelta(seconds=30), tick=False):
        tasks.sweep()
    assert surgery.fresh(held).status == "sent"
    assert surgery.fresh(accepted).order_messages.count() == 1


def test_the_sweep_is_on_the_timers_list_and_the_task_has_its_name():
    sweeps = [import_string(path) for path in settings.SWEEPS["timers"]]
    assert tasks.sweep in sweeps
    assert RELEASE in app.tasks
