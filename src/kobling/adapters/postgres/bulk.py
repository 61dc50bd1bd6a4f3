"""Writing a batch at once: rows go in by COPY, into their table or into a table of the session's own.

COPY is several times cheaper than arrays as parameters, on both sides of the connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, Final

import psycopg
from psycopg import sql

from kobling.adapters.postgres.packing import NULL, cell, cells, packed
from kobling.model.mapping import Side
from kobling.model.pair import First
from kobling.model.state import Change, Coupling, Effect, NewPairs
from kobling.ports import Method

_COUPLED: Final = (
    "mapping_id, layout_id, left_id, right_id, left_version, right_version, left_base, right_base, made,"
    " left_seen, right_seen, first, left_number, left_title, right_title, right_held, left_key"
)
_UPDATED: Final = ", ".join(
    f"{one} = excluded.{one}"
    for one in _COUPLED.split(", ")
    if one not in {"mapping_id", "left_id", "right_id"}
)
_INBOX: Final = "mapping_id, layout_id, turn, side, record_id, version, body, deleted, wanted, reason, by_us"
_AUDIT: Final = "job_id, mapping_id, left_id, right_id, side, method, changes, reason, version"


async def copy(
    database: psycopg.AsyncConnection[Any], table: str, columns: str, lines: Sequence[str]
) -> None:
    """Appends lines of tab-separated cells to a table."""
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), sql.SQL(columns))
    async with database.cursor() as cursor, cursor.copy(statement) as target:
        await target.write("\n".join(lines).encode())


async def _load(database: psycopg.AsyncConnection[Any], like: str, columns: str, lines: Sequence[str]) -> str:
    """Lines in a table of the session's own, which is emptied at the end of the transaction; its name."""
    name = f"load_{like}"
    await database.execute(
        f"create temp table if not exists {name} on commit delete rows"
        f" as select {columns} from {like} with no data"
    )
    await copy(database, name, columns, lines)
    return name


async def couple(
    database: psycopg.AsyncConnection[Any], head: str, coupled: Sequence[Coupling], *, fresh: bool
) -> None:
    """Makes these couplings, or brings them up to date. head: the cells of mapping and layout. fresh: none of
    them was there before."""
    if not coupled:
        return
    lines = _coupling_lines(head, coupled)
    if fresh:
        await copy(database, "coupling", _COUPLED, lines)
        return
    loaded = await _load(database, "coupling", _COUPLED, lines)
    await database.execute(
        f"insert into coupling ({_COUPLED}) select * from {loaded}"
        f" on conflict (left_id, mapping_id) do update set {_UPDATED}"
    )
    await database.execute(f"delete from {loaded}")


def _coupling_lines(head: str, coupled: Sequence[Coupling]) -> list[str]:
    return _lines(
        repeat(head),
        [one.left for one in coupled],
        [one.right for one in coupled],
        cells([one.left_version for one in coupled]),
        cells([one.right_version for one in coupled]),
        packed([one.base and one.base.left for one in coupled]),
        packed([one.base and one.base.right for one in coupled]),
        packed([one.base and one.base.made for one in coupled]),
        packed([one.left_seen for one in coupled]),
        packed([one.right_seen for one in coupled]),
        [one.first.value for one in coupled],
        cells([one.left_number for one in coupled]),
        cells([one.left_title for one in coupled]),
        cells([one.right_title for one in coupled]),
        [",".join(sorted(one.right_held)) if one.right_held else "" for one in coupled],
        cells([one.left_key for one in coupled]),
    )


def _lines(*columns: Iterable[str]) -> list[str]:
    """Lines of a COPY from their columns; the shortest says how many."""
    return ["\t".join(row) for row in zip(*columns, strict=False)]


async def note_new(
    database: psycopg.AsyncConnection[Any], head: str, mapping_id: int, job: int, pairs: NewPairs
) -> None:
    """The couplings of pairs of which one record was created, and these creations in the audit."""
    version = pairs.left_version if pairs.side is Side.LEFT else pairs.right_version
    none = repeat(NULL)
    coupled = _lines(
        repeat(head),
        pairs.left,
        pairs.right,
        cells(pairs.left_version),
        cells(pairs.right_version),
        packed(pairs.left_base),
        packed(pairs.right_base),
        packed(pairs.made),
        none,
        none,
        repeat(First.POLICY.value),
        cells(pairs.left_number),
        cells(pairs.left_title),
        cells(pairs.right_title),
        repeat(""),
        cells(pairs.left_key),
    )
    await copy(database, "coupling", _COUPLED, coupled)
    audited = _lines(
        repeat(f"{job}\t{mapping_id}"),
        pairs.left,
        pairs.right,
        repeat(f"{pairs.side}\t{Method.CREATE}"),
        packed(pairs.written),
        repeat(cell(pairs.reason)),
        cells(version),
    )
    await copy(database, "audit", _AUDIT, audited)


async def put(database: psycopg.AsyncConnection[Any], head: str, changes: Sequence[Change]) -> None:
    """Puts rows into the inbox. head: the cells of mapping, layout and turn."""
    lines = _lines(
        repeat(head),
        [one.side.value for one in changes],
        [one.id for one in changes],
        cells([one.version for one in changes]),
        packed([one.values for one in changes]),
        ["t" if one.deleted else "f" for one in changes],
        ["t" if one.wanted else "f" for one in changes],
        cells([one.reason for one in changes]),
        ["t" if one.by_us else "f" for one in changes],
    )
    loaded = await _load(database, "inbox", _INBOX, lines)
    await database.execute(
        f"insert into inbox as held ({_INBOX}) select distinct on (record_id, side) * from {loaded}"
        " on conflict (record_id, mapping_id, side) do update set version = excluded.version,"
        " layout_id = excluded.layout_id, turn = excluded.turn, body = coalesce(excluded.body, case when"
        " held.version = excluded.version then held.body end), deleted = excluded.deleted, due = true,"
        " reason = case when excluded.reason = 'new' then held.reason else excluded.reason end,"
        " message = '', wanted = held.wanted or excluded.wanted, next_try = null,"
        # The same version that is looked at once more in one run has not changed.
        " attempts = case when excluded.reason = 'stale' and held.version = excluded.version"
        " then held.attempts else 0 end,"
        # A version that was judged to be our own stays so when a feed brings it once more.
        " by_us = excluded.by_us and (held.by_us or held.version <> excluded.version)"
    )
    await database.execute(f"delete from {loaded}")


async def record(
    database: psycopg.AsyncConnection[Any], job: int, mapping_id: int, effects: Sequence[Effect]
) -> None:
    """Writes that happened, into the audit. job: whose they are where they are of no other."""
    if not effects:
        return
    lines = _lines(
        [f"{one.job or job}\t{mapping_id}" for one in effects],
        [one.left for one in effects],
        [one.right for one in effects],
        [one.side.value for one in effects],
        cells([one.method for one in effects]),
        packed([_changes(one) for one in effects]),
        cells([one.reason for one in effects]),
        cells([one.version for one in effects]),
    )
    await copy(database, "audit", _AUDIT, lines)


def _changes(effect: Effect) -> dict[str, Any]:
    """Of a creation what it wrote, as there was nothing before it; else (before, after) by column."""
    return effect.values if effect.method == Method.CREATE else effect.changes
