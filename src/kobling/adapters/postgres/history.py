"""Lists that people read: jobs and their errors, and what stays in the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg

from kobling.adapters.postgres.inbox import PAIR_OF_ROW
from kobling.adapters.postgres.locks import Lock, is_held
from kobling.adapters.postgres.measures import count_jobs
from kobling.adapters.postgres.packing import IDS, decoder, encoder, joined
from kobling.model.mapping import Side
from kobling.model.pair import Crossing
from kobling.model.state import CUT, Effect, Failure, Report
from kobling.model.values import Value
from kobling.ports import Method

_UTC: Final = "to_char({} at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
# A job says 'running' until it says otherwise, and one that was killed never does.
_STATUS: Final = (
    f"case when status = 'running' and not {is_held(Lock.MAPPING, 'mapping_id')}"
    " then 'died' else status end as status"
)
_JOB: Final = (
    f"job.id::text as job, mapping.name as mapping, kind, {_STATUS}, counts, open, requests,"
    " coalesce(extract(epoch from ended_at - started_at), 0)::float8 as seconds,"
    f" {_UTC.format('started_at')} as started"
)


async def jobs(
    database: psycopg.AsyncConnection[Any], connection_id: int, names: Sequence[str], limit: int
) -> list[dict[str, Any]]:
    """The newest jobs of these mappings, newest first, with their errors."""
    condition = "connection_id = %s and mapping.name = any(%s) order by job.id desc limit %s"
    return await _jobs(database, condition, [connection_id, list(names), limit])


async def job(
    database: psycopg.AsyncConnection[Any], connection_id: int, number: int
) -> dict[str, Any] | None:
    """One job with its errors; None if there is none of that number."""
    found = await _jobs(database, "connection_id = %s and job.id = %s", [connection_id, number])
    return found[0] if found else None


async def _jobs(
    database: psycopg.AsyncConnection[Any], condition: str, parameters: Sequence[object]
) -> list[dict[str, Any]]:
    cursor = await database.execute(
        f"select {_JOB} from job join mapping on mapping.id = mapping_id where {condition}", parameters
    )
    names = [one.name for one in cursor.description or ()]
    found = [dict(zip(names, row, strict=True)) | {"errors": [], "warnings": []} async for row in cursor]
    by_number = {int(one["job"]): one for one in found}
    cursor = await database.execute(
        "select job_id, left_id, right_id, class, field, message, cure from job_error"
        " where job_id = any(%s) order by id",
        [list(by_number)],
    )
    async for number, left, right, kind, field, message, cure in cursor:
        by_number[number]["warnings" if kind == CUT else "errors"].append(
            {
                "mapping": by_number[number]["mapping"],
                "bc_id": left or None,
                "crm_id": right or None,
                "class": kind,
                "field": field or None,
                "message": message,
                "cure": cure,
            }
        )
    return found


async def close(database: psycopg.AsyncConnection[Any], job: int, status: str, report: Report) -> None:
    """A job is over; its counts and errors are kept."""
    parts = (report.counts, report.open, report.requests)
    async with database.transaction():
        await database.execute(
            "update job set status = %s, ended_at = now(), counts = %s::jsonb, open = %s::jsonb,"
            " requests = %s::jsonb where id = %s",
            [status, *(encoder.encode(one).decode() for one in parts), job],
        )
        # Nobody meets a pair of a shared job again.
        await database.execute("delete from job_pair where job_id = %s", [job])
        await keep_errors(database, job, [*report.failures, *report.warnings])


async def keep_errors(database: psycopg.AsyncConnection[Any], job: int, failures: Sequence[Failure]) -> None:
    """What a job tells of failures and warnings is kept."""
    names = ("left", "right", "kind", "field", "message", "cure")
    await database.execute(
        "insert into job_error (job_id, left_id, right_id, class, field, message, cure)"
        " select %s, * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])",
        [job, *([getattr(one, name) for one in failures] for name in names)],
    )


async def stays(
    database: psycopg.AsyncConnection[Any], mapping_id: int, reasons: Sequence[str]
) -> list[dict[str, Any]]:
    """What stays in the inbox for one of these reasons; a pair is one entry."""
    cursor = await database.execute(
        "select distinct on (coalesce(left_id, record_id)) coalesce(left_id::text, case side when 'left' then"
        " record_id::text end), coalesce(right_id::text, case side when 'right' then record_id::text end),"
        " inbox.reason, message, fields, left_number, coalesce(nullif(left_title, ''), right_title),"
        f" {_UTC.format('since')}, attempts, {_UTC.format('next_try')} from inbox left join {PAIR_OF_ROW}"
        " where inbox.mapping_id = %s and not due and inbox.reason = any(%s)"
        " order by coalesce(left_id, record_id), since",
        [mapping_id, list(reasons)],
    )
    return [
        {
            "bc_id": row[0],
            "crm_id": row[1],
            "reason": row[2],
            "message": row[3],
            "fields": list(row[4]),
            "number": row[5] or None,
            "name": row[6] or None,
            "since": row[7],
            "attempts": row[8],
            "next_try": row[9],
        }
        async for row in cursor
    ]


async def stays_of(
    database: psycopg.AsyncConnection[Any], mapping_id: int, ids: Sequence[str]
) -> list[dict[str, Any]]:
    """The inbox rows of these records: which, reason, message, whether they are due, since when, next try."""
    cursor = await database.execute(
        f"select record_id::text, reason, message, due, {_UTC.format('since')}, {_UTC.format('next_try')}"
        f" from inbox where mapping_id = %s and record_id = {IDS} order by since",
        [mapping_id, joined(ids)],
    )
    names = ("record", "reason", "message", "due", "since", "next_try")
    return [dict(zip(names, row, strict=True)) async for row in cursor]


async def written(
    database: psycopg.AsyncConnection[Any], mapping_id: int, ids: Sequence[str]
) -> list[dict[str, Any]]:
    """The writes to these records, oldest first, with (before, after) by column."""
    cursor = await database.execute(
        f"select {_UTC.format('at')}, job_id::text, job.kind, left_id::text, right_id::text, side, method,"
        " changes, reason from audit join job on job.id = job_id where audit.mapping_id = %s"
        f" and (left_id = {IDS} or right_id = {IDS}) order by audit.id",
        [mapping_id, joined(ids), joined(ids)],
    )
    names = ("at", "job", "kind", "bc_id", "crm_id", "side", "method", "changes", "reason")
    rows = [dict(zip(names, row, strict=True)) async for row in cursor]
    return [{**row, "changes": _changes(row["method"], row["changes"])} for row in rows]


def _changes(method: str, body: str) -> dict[str, tuple[Value, Value]]:
    """(before, after) by column; of a creation only what it wrote is kept."""
    values = decoder.decode(body)
    if method == Method.CREATE:
        return {name: (None, value) for name, value in values.items()}
    return {name: (before, after) for name, (before, after) in values.items()}


async def crossings(
    database: psycopg.AsyncConnection[Any], mapping_id: int, ids: Sequence[str]
) -> dict[str, list[Crossing]]:
    """The changes of these pairs within the last hour, by left id, oldest first."""
    cursor = await database.execute(
        f"select left_id::text, side, changes from audit where mapping_id = %s and left_id = {IDS}"
        " and method = 'update' and at > now() - interval '1 hour' order by id",
        [mapping_id, joined(ids)],
    )
    found: dict[str, list[Crossing]] = {}
    async for left, side, changes in cursor:
        values = {name: after for name, (_, after) in _changes(Method.UPDATE, changes).items()}
        found.setdefault(left, []).append(Crossing(side=Side(side), values=values))
    return found


# The last job that told of a record which still waits for a person, and what undo or recovery still needs.
_NEEDED: Final = (
    "select max(job_error.job_id) from inbox join mapping on mapping.id = inbox.mapping_id"
    f" left join {PAIR_OF_ROW}"
    " join job_error on job_error.left_id in (coupling.left_id::text, record_id::text)"
    " or job_error.right_id in (coupling.right_id::text, record_id::text)"
    " join job on job.id = job_error.job_id and job.mapping_id = inbox.mapping_id"
    f" where class <> '{CUT}' and mapping.connection_id = %s and not due"
    " and reason in ('deleted', 'failed', 'unproved')"
    " group by inbox.mapping_id, inbox.record_id"
    " union select job_id from intent union select left_out_by from generation where left_out_by is not null"
)


async def purge(database: psycopg.AsyncConnection[Any], connection_id: int, days: int) -> tuple[int, int]:
    """Deletes the jobs that ended more than so many days ago, with their errors and what they wrote; how many
    went, and how many stay because something still needs them."""
    counted = await count_jobs(database, connection_id)
    cursor = await database.execute(
        f"select job.id, job.id in ({_NEEDED}) from job join mapping on mapping.id = mapping_id"
        " where connection_id = %s and status <> 'running' and job.id <= %s"
        " and coalesce(ended_at, started_at) < now() - make_interval(days => %s)",
        [connection_id, connection_id, counted, days],
    )
    rows = await cursor.fetchall()
    gone = [number for number, needed in rows if not needed]
    async with database.transaction():
        for table, key in (("audit", "job_id"), ("job_error", "job_id"), ("job", "id")):
            await database.execute(f"delete from {table} where {key} = any(%s)", [gone])
    return len(gone), len(rows) - len(gone)


async def pairs_of(database: psycopg.AsyncConnection[Any], number: int) -> list[str]:
    """The left ids of the pairs that a job wrote, in their order."""
    cursor = await database.execute(
        "select distinct left_id::text from audit where job_id = %s order by 1", [number]
    )
    return [row[0] async for row in cursor]


async def effects_of(
    database: psycopg.AsyncConnection[Any], number: int, lefts: Sequence[str]
) -> list[Effect]:
    """What a job wrote into the pairs with these left ids, oldest first."""
    cursor = await database.execute(
        "select left_id::text, right_id::text, side, method, changes, reason, version from audit"
        f" where job_id = %s and left_id = {IDS} order by id",
        [number, joined(lefts)],
    )
    found = []
    async for left, right, side, method, body, reason, version in cursor:
        changes = _changes(method, body)
        found.append(
            Effect(
                left=left,
                right=right,
                side=Side(side),
                method=method,
                values={name: after for name, (_, after) in changes.items()},
                reason=reason,
                version=version,
                before={name: before for name, (before, _) in changes.items()},
            )
        )
    return found


async def created_in(database: psycopg.AsyncConnection[Any], number: int) -> list[str]:
    """The right ids of the pairs of which a job created a record."""
    cursor = await database.execute(
        "select right_id::text from audit where job_id = %s and method = 'create'", [number]
    )
    return [row[0] async for row in cursor]


async def last_writes(
    database: psycopg.AsyncConnection[Any], mapping_id: int, lefts: Sequence[str]
) -> dict[tuple[Side, str], tuple[str, str]]:
    """The newest write to each record of these pairs, by side and id: the job, and the version it left."""
    cursor = await database.execute(
        "select distinct on (left_id, right_id, side) side, left_id::text, right_id::text, job_id::text,"
        f" version from audit where mapping_id = %s and left_id = {IDS}"
        " order by left_id, right_id, side, id desc",
        [mapping_id, joined(lefts)],
    )
    return {
        (Side(side), left if side == Side.LEFT else right): (job, version)
        async for side, left, right, job, version in cursor
    }
