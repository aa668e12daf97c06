"""What `messaging` and the image exchange measured, in Prometheus' words."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    Metric,
)

from iep.queries.lanes.state import measure_lanes
from messaging.queries.metrics import BUCKETS, Measured, measure

_GAUGES = (
    ("queue_depth", "Messages in a queue.", "depth", ["partner", "queue"]),
    ("queue_oldest_seconds", "Age of the oldest of a queue.", "oldest", ["partner", "queue"]),
    ("link_state", "1 for the state that a link is in.", "states", ["partner", "state"]),
    ("link_paused", "1 while a person has stopped sending.", "paused", ["partner"]),
    ("link_failures_in_a_row", "Attempts without an answer, in a row.", "failures", ["partner"]),
    ("link_failures_today", "Attempts without an answer today.", "failures_today", ["partner"]),
    ("link_seconds_since_answer", "Since the last answer.", "since_success", ["partner"]),
    ("synthetic_seconds_since_success", "Since a synthetic order was accepted.",
     "since_synthetic", ["partner"]),
    ("acknowledged_5m", "Messages acknowledged in the last five minutes.", "acknowledged",
     ["partner"]),
    ("received_5m", "Messages received in the last five minutes.", "received", ["partner"]),
)  # fmt: skip

_IMAGES = (
    ("lane_up", "1 while somebody runs the lane.", "up", ["lane"]),
    ("transfers", "Transfers that have not ended.", "depth", ["direction", "priority", "state"]),
    ("transfers_oldest_seconds", "Age of the oldest that waits.", "oldest",
     ["direction", "priority"]),
    ("node_failures_in_a_row", "Attempts at a machine that failed, in a row.", "failing", ["node"]),
    ("files_in_quarantine", "Files that came and were not looked into.", "quarantined", []),
)  # fmt: skip


class Images:
    """Lanes and transfers of the image exchange, asked anew at each scrape."""

    def collect(self) -> Iterator[Metric]:
        found = measure_lanes()
        for name, words, source, labels in _IMAGES:
            family = GaugeMetricFamily(f"ordercomms_{name}", words, labels=labels)
            for values, value in getattr(found, source).items():
                family.add_metric(list(values), value)
            yield family


class Wire:
    """Asked anew at each scrape: computed from the database, so the same in every process."""

    def collect(self) -> Iterator[Metric]:
        found = measure()
        for name, words, source, labels in _GAUGES:
            family = GaugeMetricFamily(f"ordercomms_{name}", words, labels=labels)
            for values, value in getattr(found, source).items():
                family.add_metric(list(values), value)
            yield family
        yield _foreign(found)
        yield _latency(found)


def _foreign(found: Measured) -> Metric:
    family = CounterMetricFamily(
        "ordercomms_foreign_acknowledgements", "Answers that came late, or to nothing we asked.",
        labels=["partner"],
    )  # fmt: skip
    for values, value in found.foreign.items():
        family.add_metric(list(values), value)
    return family


def _latency(found: Measured) -> Metric:
    family = GaugeHistogramMetricFamily(
        "ordercomms_acknowledgement_seconds",
        "From sending to acknowledgement, of the last five minutes.",
        labels=["partner"],
    )
    edges = [*map(str, BUCKETS), "+Inf"]
    for partner, (counts, total) in found.latency.items():
        family.add_metric([partner], list(zip(edges, counts, strict=True)), total)
    return family


def wire_metrics() -> bytes:
    """The text of one scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Wire())
    registry.register(Images())
    return generate_latest(registry)
