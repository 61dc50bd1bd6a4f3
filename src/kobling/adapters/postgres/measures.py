"""What the metrics say, read from the database."""

from __future__ import annotations

from typing import Any, Final

import psycopg

from kobling.adapters.postgres.queue import STALLED_SECONDS, name_of_queue
from kobling.model.state import CUT

_OF: Final = "mapping.connection_id = %(connection)s"
# By metric: labels first, the value last.
_QUERIES: Final[dict[str, str]] = {
    "kobling_lag_seconds": "select mapping.name,"
    " coalesce(extract(epoch from clock_timestamp() - min(since)), 0)"
    f" from mapping left join inbox on mapping_id = mapping.id and due where {_OF} group by 1",
    "kobling_seconds_since_run": "select mapping.name, extract(epoch from clock_timestamp() - max(ended_at))"
    f" from mapping join job on mapping_id = mapping.id where {_OF} and status = 'finished' group by 1",
    "kobling_open_records": "select mapping.name, reason, count(*)"
    f" from mapping join inbox on mapping_id = mapping.id where {_OF} and not due group by 1, 2",
    "kobling_records_total": "select mapping.name, way.key, word.key, sum(word.value::bigint)"
    " from mapping join job on mapping_id = mapping.id, jsonb_each(counts) as way,"
    f" jsonb_each_text(way.value) as word where {_OF} group by 1, 2, 3",
    "kobling_requests_total": "select mapping.name, one.key, sum(one.value::bigint)"
    f" from mapping join job on mapping_id = mapping.id, jsonb_each_text(requests) as one where {_OF}"
    " group by 1, 2",
    "kobling_throttled_seconds_total": "select service, sum(throttled_seconds) from gate group by 1",
    "kobling_failures_total": "select mapping.name, class, count(*)"
    " from mapping join job on mapping_id = mapping.id join job_error on job_id = job.id"
    f" where {_OF} and class <> '{CUT}' group by 1, 2",
    "kobling_jobs_total": "select mapping.name, job.status, count(*)"
    f" from mapping join job on mapping_id = mapping.id where {_OF} and job.status <> 'running'"
    " group by 1, 2",
    "kobling_schedule_entries": "select status, count(*)"
    f" from mapping join schedule_entry on mapping_id = mapping.id where {_OF} and recurring group by 1",
    "kobling_schedule_failed_attempts": "select mapping.name, attempts"
    f" from mapping join schedule_entry on mapping_id = mapping.id where {_OF} and recurring",
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
    for name, query in _QUERIES.items():
        cursor = await database.execute(query.encode(), parameters)
        found[name] = [(tuple(map(str, row[:-1])), float(row[-1])) async for row in cursor]
    return found
