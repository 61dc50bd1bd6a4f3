"""Every metric of `/metrics`."""

from __future__ import annotations

from kobling.adapters.telemetry.metrics import METRICS
from kobling.service.measured import MEASURED

from .markdown import MissingWordsError, code, page, table

_HEAD = """\
`kobling serve` answers Prometheus on `/metrics`. All values come from the database: they tell of all workers
and of the commands that people ran, and a restart loses nothing. Counters never fall: what jobs counted stays
in them after `kobling job purge`.

`/health` answers 200 while the process lives, `/ready` 200 while it can work and 503 while the database
cannot be reached."""


def metrics_page() -> str:
    """The page."""
    if METRICS.keys() != set(MEASURED):
        raise MissingWordsError(f"metrics: {sorted(METRICS.keys() ^ set(MEASURED))} lack words or a query.")
    rows = [
        (code(name), one.kind.value, ", ".join(code(label) for label in one.all_labels), one.help)
        for name, one in METRICS.items()
    ]
    return page("Metrics", _HEAD, table(("Metric", "Kind", "Labels", "Meaning"), rows))
