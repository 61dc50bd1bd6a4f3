"""What the metrics say, read from the database."""

from __future__ import annotations

from typing import Any, Final

import psycopg

from kobling.adapters.postgres.queue import WORKERS_ALIVE, name_of_queue
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
_COUNTED_MARK: Final = "counted"
_LABELS: Final = ("one", "two", "three")


def _counter(name: str) -> str:
    count, counted = _COUNTED[name]
    labels = ", ".join(_LABELS[:count])
    kept = ", ".join(f"labels[{number}]" for number in range(1, count + 1))
    return (
        f"select {labels}, sum(value) from ({counted} and job.id > %(counted)s"
        f" union all select {kept}, value from total where connection_id = %(connection)s"
        f" and metric = '{name}') as counted group by {labels}"
    )


# By metric: labels first, the value last.
QUERIES: Final[dict[str, str]] = {
    **{name: _counter(name) for name in _COUNTED},
    "kobling_lag_seconds": "select mapping.name,"
    " coalesce(extract(epoch from clock_timestamp() - min(since)), 0)"
    f" from mapping left join inbox on mapping_id = mapping.id and due where {_OF} group by 1",
    "kobling_seconds_since_run": "select mapping.name, extract(epoch from clock_timestamp() - ended_at)"
    " from mapping cross join lateral (select ended_at from job where mapping_id = mapping.id and status ="
    f" 'finished' and ended_at is not null order by ended_at desc limit 1) as last where {_OF}",
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
    "kobling_workers": WORKERS_ALIVE,
}


async def measures(
    database: psycopg.AsyncConnection[Any], connection_id: int
) -> dict[str, list[tuple[tuple[str, ...], float]]]:
    """(labels, value) by metric."""
    found = {}
    counted = await _counted_up_to(database, connection_id)
    parameters = {"connection": connection_id, "queue": name_of_queue(connection_id), "counted": counted}
    for name, query in QUERIES.items():
        cursor = await database.execute(query.encode(), parameters)
        found[name] = [(tuple(map(str, row[:-1])), float(row[-1])) async for row in cursor]
    return found


async def count_jobs(database: psycopg.AsyncConnection[Any], connection_id: int) -> int:
    """Adds what jobs have counted to the totals, up to the oldest one that runs; up to which job they all are
    counted. So nobody adds up a million old jobs, and no counter falls when they go."""
    async with database.transaction():
        # One at a time.
        await database.execute("select from connection where id = %s for update", [connection_id])
        counted = await _counted_up_to(database, connection_id)
        query = (
            f"select coalesce(min(job.id) filter (where status = 'running') - 1, max(job.id)) {_JOBS}"
            f" where {_OF} and job.id > %(counted)s"
        )
        parameters = {"connection": connection_id, "counted": counted, "last": counted}
        row = await (await database.execute(query.encode(), parameters)).fetchone()
        if row is None or row[0] is None or row[0] <= counted:
            return counted
        parameters["last"] = row[0]
        for name in _COUNTED:
            await database.execute(_adding(name).encode(), parameters)
        await database.execute(
            "insert into mark values (%s, %s, %s) on conflict (connection_id, name)"
            " do update set mark = excluded.mark",
            [connection_id, _COUNTED_MARK, str(row[0])],
        )
    return int(row[0])


async def _counted_up_to(database: psycopg.AsyncConnection[Any], connection_id: int) -> int:
    query = "select mark from mark where connection_id = %s and name = %s"
    row = await (await database.execute(query, [connection_id, _COUNTED_MARK])).fetchone()
    return 0 if row is None else int(row[0])


def _adding(name: str) -> str:
    count, counted = _COUNTED[name]
    labels = ", ".join(_LABELS[:count])
    return (
        f"insert into total select %(connection)s, '{name}', array[{labels}], sum(value)"
        f" from ({counted} and job.id > %(counted)s and job.id <= %(last)s) as counted group by {labels}"
        " on conflict (connection_id, metric, labels) do update set value = total.value + excluded.value"
    )
