"""Reference tables of one connection in PostgreSQL: their rows as they were last read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from kobling.adapters.postgres.packing import decoder, encoder
from kobling.model.look_up import Reference
from kobling.ports import Opening, Row

Database = psycopg.AsyncConnection[Any]


async def read(database: Database, connection_id: int, names: Sequence[str]) -> dict[str, list[Row]]:
    """All rows of these tables."""
    found: dict[str, list[Row]] = {name: [] for name in names}
    cursor = await database.execute(
        "select name, body from reference where connection_id = %s and name = any(%s)",
        [connection_id, list(names)],
    )
    async for name, body in cursor:
        found[name].append(decoder.decode(body))
    return found


async def save(
    database: Database, connection_id: int, references: Sequence[Reference], opening: Opening
) -> dict[str, list[Row]]:
    """Stores what an opening brought; gives the rows that changed, new and old ones, by table."""
    changed: dict[str, list[Row]] = {}
    gone = {identifier for _, identifier in opening.deleted}
    for one in references:
        columns = one.columns if not one.options else ("column", "value", "label")
        # Versions and authors change with every write, ours too, and mean nothing here.
        rows = [_trimmed(row, columns) for row in opening.rows.get(one.name, [])]
        after = {_identity(row): row for row in rows if row.get("id") not in gone}
        whole = one.name in opening.whole
        # A large table is not loaded for the few rows that changed in it.
        before = await _stored(database, connection_id, one.name, None if whole else list(after))
        new = {key: row for key, row in after.items() if before.get(key) != row}
        old = [row for key, row in before.items() if after.get(key) != row]
        if new or old:
            changed[one.name] = [*new.values(), *old]
            without = [key for key in before if key not in after]
            await _replace(database, connection_id, one.name, new, without)
    # The deletion log is read once, also for the tables that this run does not need.
    for name, row in await _forget(database, connection_id, sorted(gone)):
        changed.setdefault(name, []).append(row)
    return changed


async def _stored(
    database: Database, connection_id: int, name: str, keys: Sequence[str] | None
) -> dict[str, Row]:
    """Rows by what tells them apart; None for all of them."""
    if keys is not None and not keys:
        return {}
    statement = "select record_id, body from reference where connection_id = %s and name = %s"
    if keys is None:
        cursor = await database.execute(statement, [connection_id, name])
    else:
        cursor = await database.execute(
            f"{statement} and record_id = any(%s)", [connection_id, name, list(keys)]
        )
    return {key: decoder.decode(body) async for key, body in cursor}


async def _replace(
    database: Database, connection_id: int, name: str, rows: Mapping[str, Row], gone: Sequence[str]
) -> None:
    async with database.transaction():
        await database.execute(
            "delete from reference where connection_id = %s and name = %s and record_id = any(%s)",
            [connection_id, name, list(gone)],
        )
        await database.execute(
            "insert into reference select %s, %s, * from unnest(%s::text[], %s::bytea[])"
            " on conflict (connection_id, name, record_id) do update set body = excluded.body",
            [connection_id, name, list(rows), [encoder.encode(row) for row in rows.values()]],
        )


async def _forget(database: Database, connection_id: int, ids: Sequence[str]) -> list[tuple[str, Row]]:
    """Drops deleted rows; gives them by table."""
    if not ids:
        return []
    cursor = await database.execute(
        "delete from reference where connection_id = %s and record_id = any(%s) returning name, body",
        [connection_id, list(ids)],
    )
    return [(name, decoder.decode(body)) async for name, body in cursor]


def _trimmed(row: Row, columns: Sequence[str]) -> Row:
    return {name: row[name] for name in ("id", *columns) if name in row}


def _identity(row: Row) -> str:
    """What tells rows of a table apart; option values have no id."""
    return str(row["id"]) if "id" in row else f"{row.get('column')} {row.get('value')}"
