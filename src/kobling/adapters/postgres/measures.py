"""What the metrics say, read from the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg

from kobling.adapters.postgres.queue import STALLED_SECONDS, name_of_queue
from kobling.model.state import CUT

NOTIFICATIONS: Final = "kobling_notifications_total"
_OF: Final = "mapping.connection_id = %(connection)s"
_JOBS: Final = "from mapping join job on mapping_id = mapping.id"
# What jobs add to the counters: labels first, the value last. Jobs are purged, what they added is kept.
_COUNTED: Final[dict[str, tuple[int, str]]] = {
    "kobling_records_total": (
        3,
        "select mapping.name as one, way.key as two, word.key as three, word.value::bigint as value"
        f" {_JOBS}, jsonb_each(counts) as way, jsonb_each_text(way.value) as word where {_OF}",
    ),
    "kobling_requests_total": (
        2,
        "select mapping.name as one, each.key as two, each.value::bigint as value"
        f" {_JOBS}, jsonb_each_text(requests) as each where {_OF}",
    ),
    "kobling_failures_total": (
        2,
        f"select mapping.name as one, class as two, 1 as value {_JOBS} join job_error on job_id = job.id"
        f" where {_OF} and class <> '{CUT}'",
    ),
    "kobling_jobs_total": (
        2,
        f"select mapping.name as one, job.status as two, 1 as value {_JOBS}"
        f" where {_OF} and job.status <> 'running'",
    ),
}
_LABELS: Final = ("one", "two", "three")


def _counter(name: str) -> str:
    count, counted = _COUNTED[name]
    labels = ", ".join(_LABELS[:count])
    kept = ", ".join(f"labels[{number}]" for number in range(1, count + 1))
    return (
        f"select {labels}, sum(value) from ({counted} union all select {kept}, value from total"
        f" where connection_id = %(connection)s and metric = '{name}') as counted group by {labels}"
    )


# By metric: labels first, the value last.
QUERIES: Final[dict[str, str]] = {
    **{name: _counter(name) for name in _COUNTED},
    "kobling_lag_seconds": "select mapping.name,"
    " coalesce(extract(epoch from clock_timestamp() - min(since)), 0)"
    f" from mapping left join inbox on mapping_id = mapping.id and due where {_OF} group by 1",
    "kobling_seconds_since_run": "select mapping.name, extract(epoch from clock_timestamp() - max(ended_at))"
    f" from mapping join job on mapping_id = mapping.id where {_OF} and status = 'finished' group by 1",
    "kobling_open_records": "select mapping.name, reason, count(*)"
    f" from mapping join inbox on mapping_id = mapping.id where {_OF} and not due group by 1, 2",
    "kobling_throttled_seconds_total": "select service, sum(throttled_seconds) from gate group by 1",
    "kobling_schedule_entries": "select status, count(*)"
    f" from mapping join schedule_entry on mapping_id = mapping.id where {_OF} and recurring group by 1",
    "kobling_schedule_failed_attempts": "select mapping.name, attempts"
    f" from mapping join schedule_entry on mapping_id = mapping.id where {_OF} and recurring",
    "kobling_seconds_late": "select mapping.name, greatest(0, coalesce(max(extract(epoch from"
    " clock_timestamp() - next_start)) filter (where not running and status in ('Ready', 'On Hold Due to"
    " Inactivity') and settings->>'enabled' is distinct from 'false'), 0))"
    f" from mapping join schedule_entry on mapping_id = mapping.id where {_OF} group by 1",
    "kobling_seconds_without_progress": "select mapping.name, coalesce(max(extract(epoch from"
    " clock_timestamp() - greatest(started_at, progress_at))) filter (where running), 0)"
    f" from mapping join schedule_entry on mapping_id = mapping.id where {_OF} group by 1",
    "kobling_seconds_without_activity": "select mapping.name, extract(epoch from clock_timestamp() -"
    f" active_at) from mapping join schedule_entry on mapping_id = mapping.id where {_OF} and recurring",
    "kobling_alerts": "select kind, subject, 1 from alert where connection_id = %(connection)s"
    " and cleared_at is null",
    "kobling_notifications_total": "select labels[1], labels[2], value from total"
    f" where connection_id = %(connection)s and metric = '{NOTIFICATIONS}'",
    "kobling_queue_jobs": "select status::text, count(*) from procrastinate.procrastinate_jobs"
    " where queue_name = %(queue)s and status in ('todo', 'doing') group by 1",
    "kobling_workers": "select count(*) from procrastinate.procrastinate_workers"
    f" where last_heartbeat > now() - interval '{STALLED_SECONDS} seconds'",
}


async def measures(
    database: psycopg.AsyncConnection[Any], connection_id: int
) -> dict[str, list[tuple[tuple[str, ...], float]]]:
    """(labels, value) by metric."""
    found = {}
    parameters = {"connection": connection_id, "queue": name_of_queue(connection_id)}
    for name, query in QUERIES.items():
        cursor = await database.execute(query.encode(), parameters)
        found[name] = [(tuple(map(str, row[:-1])), float(row[-1])) async for row in cursor]
    return found


async def keep_counted(
    database: psycopg.AsyncConnection[Any], connection_id: int, jobs: Sequence[int]
) -> None:
    """Adds what these jobs, which are about to go, have counted to the totals that stay."""
    for name, (count, counted) in _COUNTED.items():
        labels = ", ".join(_LABELS[:count])
        query = (
            f"insert into total select %(connection)s, '{name}', array[{labels}], sum(value)"
            f" from ({counted} and job.id = any(%(jobs)s)) as counted group by {labels}"
            " on conflict (connection_id, metric, labels)"
            " do update set value = total.value + excluded.value"
        )
        await database.execute(query.encode(), {"connection": connection_id, "jobs": list(jobs)})
