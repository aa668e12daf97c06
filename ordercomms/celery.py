"""The Celery app. Tasks carry a row id or a queue name; PostgreSQL holds the work."""

import os

from celery import Celery
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordercomms.settings")

app = Celery("ordercomms")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue("hl7_in"), Queue("hl7_out"), Queue("mail"), Queue("timers")]
# Lanes have no doorbell: PostgreSQL wakes them (iep/lanes.py). These names say which a worker runs.
app.conf.task_queues += [Queue("images"), Queue("lanes_out"), Queue("lanes_in")]
app.autodiscover_tasks()
