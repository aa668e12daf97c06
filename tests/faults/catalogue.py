"""Which faults there are (reliability.md 3.2), in the order in which they are run."""

from collections.abc import Callable

from . import (
    abuse,
    answers,
    clocks,
    dicom_files,
    downtime,
    hostile,
    kills,
    lanes,
    mails,
    mutants,
    network,
    outage,
    silence,
    versions,
    web,
)
from .report import Report
from .rig import Rig

Fault = Callable[[Rig, Report], None]
FAULTS: dict[str, tuple[Fault, str]] = {
    "F1": (kills.random_kills, "random kill -9 of everything"),
    "F2": (kills.named_crashes, "death at named places and after each statement"),
    "F3": (web.web_dies, "the web process dies between commit and answer"),
    "F4": (kills.database_dies, "the database dies"),
    "F5": (kills.broker_dies, "the broker dies, is emptied, is full, is away"),
    "F6": (kills.broker_flaps, "the broker comes and goes"),
    "F7": (answers.bad_answers, "acknowledgements as bad as they come"),
    "F8": (versions.shuffled_versions, "reports twice, out of order, under used ids"),
    "F9": (outage.long_outage, "the receiver is away for long"),
    "F10": (downtime.noticed, "a downtime is noticed, and its end"),
    "F11": (mails.bad_mail_server, "the mail server is as bad as they come"),
    "F12": (lanes.image_volume_full, "the volume for images is full"),
    "F15": (clocks.wrong_clocks, "clocks are wrong, and step"),
    "F16": (network.bad_network, "the network is bad"),
    "F17": (abuse.abused_listener, "the listener is abused"),
    "F18": (hostile.hostile_messages, "messages that mean harm"),
    "F19": (dicom_files.hostile_files, "DICOM files that mean harm"),
    "F20": (lanes.blue_light_latency, "blue light behind all that waits"),
    "F21": (lanes.blue_light_bursts, "blue lights in bursts"),
    "F22": (lanes.lane_dies, "a lane is killed, frozen, cut off"),
    "F23": (lanes.standard_under_blue, "blue light without end"),
    "F24": (lanes.peer_takes_half, "a peer takes all but one"),
    "F29": (silence.silent_losses, "losses that make no sound"),
    "F32": (mutants.every_mutant_is_caught, "the controls are taken away one by one"),
}
