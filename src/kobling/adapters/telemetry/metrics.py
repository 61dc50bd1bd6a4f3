"""What is measured, under which names, and how it is told to Prometheus.

Every value comes from the database when somebody asks, so any process can tell what all of them did, and a
restart loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final

import msgspec

# (labels, value) by metric, and that by connection.
Rows = Mapping[str, Mapping[str, Iterable[tuple[tuple[str, ...], float]]]]
_CONNECTION: Final = "connection"


class Kind(StrEnum):
    """A value that comes and goes, or one that only grows."""

    GAUGE = "gauge"
    COUNTER = "counter"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric. help: for people. labels: what its values are told apart by, beside the connection, unless
    they are of the whole database."""

    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    whole: bool = False

    @property
    def all_labels(self) -> tuple[str, ...]:
        """With that of the connection."""
        return self.labels if self.whole else (_CONNECTION, *self.labels)


_MAPPING: Final = ("mapping",)
METRICS: Final[dict[str, Metric]] = {
    "kobling_lag_seconds": Metric(
        kind=Kind.GAUGE,
        labels=_MAPPING,
        help="How long the oldest change that is due has been in the inbox; 0 where none is.",
    ),
    "kobling_seconds_since_run": Metric(
        kind=Kind.GAUGE, labels=_MAPPING, help="How long ago the last run ended that went to its end."
    ),
    "kobling_open_records": Metric(
        kind=Kind.GAUGE,
        labels=("mapping", "reason"),
        help="Records that stay in the inbox, by the reason for which they do.",
    ),
    "kobling_records_total": Metric(
        kind=Kind.COUNTER,
        labels=("mapping", "direction", "outcome"),
        help="Records that runs worked on, by direction (to, from) and by what became of them.",
    ),
    "kobling_requests_total": Metric(
        kind=Kind.COUNTER,
        labels=("mapping", "system"),
        help="HTTP requests to bc and crm, repeated ones too; a batch counts once, tokens do not.",
    ),
    "kobling_throttled_seconds_total": Metric(
        kind=Kind.COUNTER,
        labels=("system",),
        whole=True,
        help="How long bc and crm had all processes wait before their next request.",
    ),
    "kobling_failures_total": Metric(
        kind=Kind.COUNTER,
        labels=("mapping", "class"),
        help="Records that could not be settled, by the class of the failure.",
    ),
    "kobling_jobs_total": Metric(
        kind=Kind.COUNTER, labels=("mapping", "status"), help="Runs that are over, by how they ended."
    ),
    "kobling_schedule_entries": Metric(
        kind=Kind.GAUGE, labels=("status",), help="Job queue entries that recur, by their stored status."
    ),
    "kobling_schedule_failed_attempts": Metric(
        kind=Kind.GAUGE, labels=_MAPPING, help="Failed runs in a row of the recurring entry."
    ),
    "kobling_seconds_late": Metric(
        kind=Kind.GAUGE,
        labels=_MAPPING,
        help="How long an entry has been due without having begun; 0 where none is.",
    ),
    "kobling_seconds_without_progress": Metric(
        kind=Kind.GAUGE,
        labels=_MAPPING,
        help="How long ago the run in hand of an entry last got somewhere; 0 where none runs.",
    ),
    "kobling_seconds_without_activity": Metric(
        kind=Kind.GAUGE,
        labels=_MAPPING,
        help="How long ago a run of the recurring entry last wrote, created, deleted or failed a record.",
    ),
    "kobling_alerts": Metric(
        kind=Kind.GAUGE, labels=("kind", "subject"), help="1 for each alert that stands."
    ),
    "kobling_notifications_total": Metric(
        kind=Kind.COUNTER,
        labels=("channel", "outcome"),
        help="Messages about alerts, by channel (mail, webhook) and outcome (sent, failed).",
    ),
    "kobling_days_left": Metric(
        kind=Kind.GAUGE,
        labels=("subject",),
        help="Days until a secret, certificate, subscription or token of a feed ends, as far as known.",
    ),
    "kobling_queue_jobs": Metric(
        kind=Kind.GAUGE, labels=("status",), help="Jobs of the queue: todo waits for a worker, doing has one."
    ),
    "kobling_workers": Metric(
        kind=Kind.GAUGE, whole=True, help="Workers of all connections of the database whose heart beats."
    ),
}


class _Collector:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def collect(self) -> Iterator[object]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        families = {Kind.GAUGE: GaugeMetricFamily, Kind.COUNTER: CounterMetricFamily}
        for name, metric in METRICS.items():
            family = families[metric.kind](name, metric.help, labels=metric.all_labels)
            for connection, rows in self._rows.items():
                for labels, value in rows.get(name, ()):
                    family.add_metric(labels if metric.whole else (connection, *labels), value)
                if metric.whole:
                    # Each connection tells the same.
                    break
            yield family


def exposition(rows: Rows) -> tuple[bytes, str]:
    """The metrics in Prometheus' text format, and its content type."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(rows))  # type: ignore[arg-type]
    return generate_latest(registry), CONTENT_TYPE_LATEST
