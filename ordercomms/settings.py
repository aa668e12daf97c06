"""One settings file, sections by concern.

A variable that production needs and lacks is named, with what to do; nothing falls back to a
secret that is in this file unless `DEBUG` is on.
"""

import os
from pathlib import Path

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from messaging import mail_server
from ordercomms.sweeps import SWEEPS as SWEEPS

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("DATA_DIR", BASE_DIR / "var"))
DEBUG = os.environ.get("DEBUG", "0") == "1"


def required(name: str, *, demo: str = "") -> str:
    """The variable, or its demo value when DEBUG is on; otherwise stop and name it."""
    value = os.environ.get(name, "")
    if value:
        return value
    if DEBUG and demo:
        return demo
    raise ImproperlyConfigured(f"Set {name}. For a demo on your own machine use `make run`.")


# --- Secrets and hosts -------------------------------------------------------------------------
DEMO_SECRET = "demo-only-secret-key-not-for-production-0000000000000000000000000"  # noqa: S105
SECRET_KEY = required("SECRET_KEY", demo=DEMO_SECRET)
if not DEBUG and SECRET_KEY == DEMO_SECRET:
    raise ImproperlyConfigured("SECRET_KEY is the demo secret. Set SECRET_KEY to one of your own.")
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost,testserver").split(",")
DEMO_PASSWORD = os.environ.get("DEMO_PASSWORD", "")
if DEMO_PASSWORD and not DEBUG:
    raise ImproperlyConfigured("DEMO_PASSWORD is set while DEBUG is off. Unset DEMO_PASSWORD.")
TRUSTED_PROXIES = os.environ.get("TRUSTED_PROXIES", "").split(",")  # theirs is X-Forwarded-For
DEMO_ALLOWED = DEBUG  # people marked as demo people are let in
LAUNCH_SECRETS = {"demo-gp-system": required("LAUNCH_SECRET", demo="demo-launch-secret")}

# --- Rooms -------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "guardian",
    "pgtrigger",
    "axes",
    "csp",
    "django_htmx",
    "django_prometheus",
    "accounts",
    "messaging",
    "patients",
    "catalogue",
    "requesting",
    "results",
    "iep",
]
if DEBUG:
    INSTALLED_APPS.append("demo")  # its commands: seed_demo, make_launch_link
ROOT_URLCONF = "ordercomms.urls"
WSGI_APPLICATION = "ordercomms.wsgi.application"
ACCESS_TABLE = "ordercomms.access.ACCESS"

MIDDLEWARE = [
    "ordercomms.proxy.ClientAddressMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "accounts.middleware.RequestIdMiddleware",
    "ordercomms.tracing.TraceMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.ActingMiddleware",
    "accounts.middleware.AccessMiddleware",
    "ordercomms.merged.MergedRecordMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

# --- Templates ---------------------------------------------------------------------------------
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {"environment": "ordercomms.jinja.environment"},
    },
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    },
]
SERVICE_NAME = "Diagnostics ordering"
HELP_PHONE = os.environ.get("HELP_PHONE", "020 7946 0100")
# Each is called with the person who looks (an Acting, or None) and returns (sentence, since) pairs
# for what is not well, or (sentence, since, what becomes of the work), or these and (address, the
# words that lead there); nothing when all is well. Cheap: they run on every page.
STATUS_SOURCES = [
    "accounts.queries.certificates_running_out",
    "messaging.queries.agreements.running_out",
    "messaging.queries.links_not_working",
    "iep.queries.on_call.blue_light_strip",
    "iep.queries.lanes.blue_light.blue_light_strip",
    "iep.queries.arrival.refused.held_strip",
    "iep.queries.lanes.pauses.paused_strip",
    "requesting.services.drilling.drill_strip",  # after what is real
    "messaging.queries.queues_backing_up",
    "requesting.queries.form_strip.downtime_forms",
    "messaging.queries.mails.mail_not_working",
    "results.queries.news.news_held",
    "requesting.queries.reconciling.differences_late",
    "results.queries.unmatched.unmatched_late",
    "ordercomms.standby.state.pack_is_old",
]
ENVIRONMENT_RIBBON = os.environ.get("ENVIRONMENT_RIBBON", "Training" if DEBUG else "")

# --- Database: PostgreSQL is the truth -----------------------------------------------------------
DATABASES = {
    "default": dj_database_url.parse(required("DATABASE_URL"), conn_max_age=600)
    | {"ATOMIC_REQUESTS": False, "CONN_HEALTH_CHECKS": True}
}
DATABASES["default"].setdefault("OPTIONS", {}).setdefault(
    "options", "-c lock_timeout=5s -c idle_in_transaction_session_timeout=60s"
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# --- Celery: a doorbell, never the truth ---------------------------------------------------------
REDIS_URL = required("REDIS_URL")
# Celery spells a Unix socket in its own way; any other address stays as it is.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace(
    "?db=", "?virtual_host=", 1
)
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "timers"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A killed worker's doorbell rings again soon; with the defaults it takes about 100 s.
    "visibility_timeout": 60,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}
SWEEP_SECONDS = float(os.environ.get("SWEEP_SECONDS", "5"))

# --- When we ourselves are down: see ordercomms/standby -------------------------------------------
# A page for everybody and a sealed pack for each place, written every 15 minutes to a folder that
# others can read without us, and to another host where one is named (it takes PUT, GET, DELETE).
_STANDBY_DIR = os.environ.get("STANDBY_DIR", str(DATA_DIR / "standby"))
STANDBY_DIR = Path(_STANDBY_DIR) if _STANDBY_DIR else None  # set to nothing: switched off
STANDBY_URL = os.environ.get("STANDBY_URL", "")  # https://user:password@host/folder
STANDBY_TIMEOUT = float(os.environ.get("STANDBY_TIMEOUT", "30"))  # seconds for one file
STANDBY_KEEP = int(os.environ.get("STANDBY_KEEP", "8"))  # generations: two hours
STANDBY_KEEP_HOURS = float(os.environ.get("STANDBY_KEEP_HOURS", "24"))  # none older but the newest
STANDBY_WRITER = "ordercomms.standby.turn.write_if_due"  # for manage.py write_standby

# --- Links: see messaging/link_states.py ---------------------------------------------------------
LINK_CLOCKS: dict[str, float] = {}  # seconds and counts of messaging.link_states.Clocks, by name
# Each is called with (partner id, old, new), in the transaction of a link's transition.
LINK_EVENTS: list[str] = ["results.services.on_link", "messaging.services.drills.on_link"]
# Each is called with (drill id, new state), in the transaction of a drill's move.
DRILL_EVENTS: list[str] = ["requesting.services.drilling.on_drill"]
# Each is called with (alert id, "raised" or "cleared") when a queue backs up, and when it is over.
QUEUE_ALERT_EVENTS: list[str] = ["messaging.services.mail.on_queue_alert"]

# --- HL7 -----------------------------------------------------------------------------------------
HL7_ROUTING = "ordercomms.routing.ROUTES"
HL7_DELIVERY_EVENTS = "ordercomms.routing.DELIVERY"
# What follows a patient whose record is merged into another: patients/following.py. In this order.
MERGE_FOLLOWERS = [
    "requesting.services.merging.FOLLOWER",
    "results.services.merging.FOLLOWER",
    "iep.services.registration.merging.FOLLOWER",
]
# Where partners' lists are put (docs/hl7/reconciliation.md); what was read goes into `done`.
RECONCILE_DIR = Path(os.environ.get("RECONCILE_DIR", DATA_DIR / "reconciliation"))
UNLISTED = "ordercomms.lists.unlisted"  # for manage.py check_lists: rows that no page lists
MLLP_HOST = os.environ.get("MLLP_HOST", "127.0.0.1")
MLLP_PORT = int(os.environ.get("MLLP_PORT", "2575"))
MLLP_CONNECTIONS_PER_PEER = int(os.environ.get("MLLP_CONNECTIONS_PER_PEER", "32"))
MLLP_TLS_PORT = int(os.environ.get("MLLP_TLS_PORT", "0"))  # 0: no port for TLS
MLLP_TLS_KEY = os.environ.get("MLLP_TLS_KEY", "listener")  # the key pair that port shows
TLS_DIR = Path(os.environ.get("TLS_DIR", DATA_DIR / "tls"))  # our key pairs, <name>.crt and .key
HL7_SITE_PREFIX = os.environ.get("HL7_SITE_PREFIX", "OC1")
# P in live, T elsewhere: no partner or feed of the other kind is spoken with (MSH-11).
HL7_PROCESSING_ID = os.environ.get("HL7_PROCESSING_ID", "T" if DEBUG else "P")

# --- Images: see iep/ -----------------------------------------------------------------------------
DICOM_HOST = os.environ.get("DICOM_HOST", "127.0.0.1")
DICOM_PORT = int(os.environ.get("DICOM_PORT", "11112"))
DICOM_AET = os.environ.get("DICOM_AET", "ORDERCOMMS")
DICOM_TLS_PORT = int(os.environ.get("DICOM_TLS_PORT", "0"))  # 0: no port for TLS
DICOM_TLS_KEY = os.environ.get("DICOM_TLS_KEY", "dicom")  # our key pair in TLS_DIR
DICOM_ASSOCIATIONS = int(os.environ.get("DICOM_ASSOCIATIONS", "40"))  # at once, of each process
DICOM_ASSOCIATIONS_PER_PEER = int(os.environ.get("DICOM_ASSOCIATIONS_PER_PEER", "8"))
DICOM_MAX_OBJECT_BYTES = int(os.environ.get("DICOM_MAX_OBJECT_BYTES", str(4 * 1024**3)))
DICOM_PROCESSES = int(os.environ.get("DICOM_PROCESSES", "1"))  # that share the listener's port
# The folder of a disc is uploaded at once (iep.uploads); every other page takes few files.
DATA_UPLOAD_MAX_NUMBER_FILES = 20_001
FILE_UPLOAD_HANDLERS = [
    "ordercomms.uploads.FewFiles",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
IMAGES_DIR = Path(os.environ.get("IMAGES_DIR", DATA_DIR / "images"))
PREVIEW_BYTES = int(os.environ.get("PREVIEW_BYTES", str(256 * 1024**2)))  # of the viewer's PNGs
GATEWAY_DIR = Path(os.environ.get("GATEWAY_DIR", DATA_DIR / "gateway"))  # our keys: <name>.key
GATEWAY_REQUESTS_A_SECOND = float(os.environ.get("GATEWAY_REQUESTS_A_SECOND", "300"))  # of a peer
# (patient, accession numbers, trust) → the reports that may go with images: iep/queries/trauma.py
IMAGE_REPORTS = "ordercomms.image_reports.reports_for"
# The image exchange's service desk: see iep/hours.py. A day that is not here is shut, and so is a
# bank holiday of the country (and part of it) named here.
IMAGE_DESK_HOURS = {
    **dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ("08:00", "17:30")),
    **dict.fromkeys(("sat", "sun"), ("08:00", "20:00")),
}
IMAGE_DESK_HOLIDAYS = os.environ.get("IMAGE_DESK_HOLIDAYS", "GB-ENG")  # empty: none is kept
# The hospital's virus scanner (clamd): "host:port", or the path of its socket. Empty: none is set.
CLAMD_ADDRESS = os.environ.get("CLAMD_ADDRESS", "")
# The last of the disk: the reserve (or 5 %, where that is more) is kept for blue light.
IMAGES_RESERVE_BYTES = int(os.environ.get("IMAGES_RESERVE_BYTES", str(1024**3)))
IMAGES_LEAST_BYTES = int(os.environ.get("IMAGES_LEAST_BYTES", str(256 * 1024**2)))
# Lanes: see iep/lanes.py. A worker of lanes_out or lanes_in runs all of its direction, or these.
LANES = os.environ.get("LANES", "")  # "out-1,out-2": one process per lane in production
LANES_NIGHT = os.environ.get("LANES_NIGHT", "20:00-06:00")  # batch work, by the clock in London
# Lanes that take standard work before Blue Light. None: Blue Light goes first in every lane.
LANES_STANDARD_FIRST = tuple(filter(None, os.environ.get("LANES_STANDARD_FIRST", "").split(",")))

# --- Mail: an extra, which closes nothing ---------------------------------------------------------
# smtps://user:password@host:465, or smtp://user:password@host:587 (STARTTLS, never without it).
# Empty: no mail is sent, what is written waits, and the services page says so.
EMAIL_URL = os.environ.get("EMAIL_URL", "")
EMAIL_SERVER = mail_server.parse(EMAIL_URL, is_demo=DEBUG)
# Only to mailboxes of the directory, and only at these domains (DCB1596: name accredited ones).
MAIL_DOMAINS = os.environ.get(
    "MAIL_DOMAINS", "*.nhs.example" if DEBUG else "nhs.net,*.nhs.net,*.nhs.uk"
).split(",")
MAIL_FROM_DOMAIN = os.environ.get("MAIL_FROM_DOMAIN", "diagnostics.nhs.example")
if EMAIL_SERVER and not DEBUG and MAIL_FROM_DOMAIN.endswith(".example"):
    raise ImproperlyConfigured("EMAIL_URL is set. Set MAIL_FROM_DOMAIN to a domain of your own.")
# Nobody reads these: one for each purpose, so that a rule in a mailbox can tell them apart.
MAIL_SENDERS = {
    purpose: (
        f"Diagnostics ordering: {words} (do not reply)",
        os.environ.get(f"MAIL_FROM_{purpose.upper()}", f"no-reply-{purpose}@{MAIL_FROM_DOMAIN}"),
    )
    for purpose, words in (
        ("downtime", "downtime requests"),
        ("requests", "requests"),
        ("results", "routine results"),
        ("alerts", "alerted reports"),
        ("service", "service notices"),
        ("drill", "DRILL"),
        ("images", "requests for images"),
    )
}
MAIL_RETURN_PATH = os.environ.get("MAIL_RETURN_PATH", f"bounces@{MAIL_FROM_DOMAIN}")
BOUNCES_URL = os.environ.get("BOUNCES_URL", "")  # maildir:///path: where what comes back is put
MAIL_EXCHANGE_SECONDS = int(os.environ.get("MAIL_EXCHANGE_SECONDS", "60"))  # one mail, at the most
MAIL_GIVE_UP_HOURS = float(os.environ.get("MAIL_GIVE_UP_HOURS", "8"))
MAIL_VERIFY_DAYS = 91  # a mailbox is made sure of each quarter
# Who hears what came of a mail, by its subject_type: (subject_id, outcome, words), in the
# transaction that records it. Outcomes: sent, refused, bounced.
MAIL_EVENTS = "ordercomms.routing.MAIL"

# --- Who you are ---------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "accounts:sign-in"
# Ten wrong guesses per account and source in 15 minutes; keyed on both, so that an attacker
# elsewhere cannot lock a clinician out.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "accounts/locked.html"
AXES_VERBOSE = False
SIGN_IN_FAILURES_PER_SOURCE = 100  # in the same 15 minutes, over all accounts: spraying

# --- The browser ---------------------------------------------------------------------------------
# __Host-: the browser takes it from this host only, over TLS only, for the whole site only.
SESSION_COOKIE_NAME = "session" if DEBUG else "__Host-session"
CSRF_COOKIE_NAME = "csrftoken" if DEBUG else "__Host-csrftoken"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
WALL_COOKIE_NAME = "wall" if DEBUG else "__Host-wall"
WALL_SCREENS = ("iep:queues", "iep:queues-now")  # and only with ?wall=1
SESSION_COOKIE_AGE = 12 * 3600  # the longest that one sign-in lasts
SESSION_IDLE_SECONDS = int(os.environ.get("SESSION_IDLE_SECONDS", "900"))
SECURE_HSTS_SECONDS = 0 if DEBUG else 365 * 24 * 3600
SECURE_SSL_REDIRECT = os.environ.get("SECURE_SSL_REDIRECT", "0") == "1"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Not "no-referrer": with that a browser sends `Origin: null` with our own forms, and CSRF refuses.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "ordercomms.views.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

# --- Static files --------------------------------------------------------------------------------
STATIC_URL = "/static/"
# In a demo and in tests the finders serve them from where they are: nothing is collected.
STATIC_ROOT = None if DEBUG else Path(os.environ.get("STATIC_ROOT", DATA_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG

# --- Time and language ---------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Europe/London"
USE_TZ = True
USE_I18N = False

# The session key of the patient that the record system is on: launch writes it, the two-tab guard
# reads it.
PATIENT_CONTEXT_KEY = "context_patient"

# --- Requesting ----------------------------------------------------------------------------------
UNDO_SECONDS = int(os.environ.get("UNDO_SECONDS", "10"))
PREGNANCY_AGES = (12, 55)
S_NUMBER_PATTERN = r"^S\d{6,7}$"

# --- Logs: event names and ids, never a name or a number ------------------------------------------
LOGGING_CONFIG = "ordercomms.logs.configure"
LOGGING = {"level": os.environ.get("LOG_LEVEL", "INFO"), "as_json": not DEBUG}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # workers write by the same net
METRICS_ALLOWED_FROM = os.environ.get("METRICS_ALLOWED_FROM", "127.0.0.1").split(",")
