"""How the inbox rows of a batch leave or stay: none that somebody touched meanwhile.

Runs of other mappings wake rows and note deletions without holding this mapping. PostgreSQL stamps every
version of a row with its writer (`xmin`), so a row that is not as it was read is left due, and the next look
at it sees both what the batch did and what the other run said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import psycopg

from kobling.adapters.postgres.packing import BETWEEN
from kobling.algebra.retries import PAUSES
from kobling.model.state import Change, Settled

# The pair in which a row of the inbox stands, to be joined. One search by index for each side: no index
# serves a condition over both, and comparing every row with every pair takes a minute for 10,000 conflicts.
PAIR_OF_ROW: Final = (
    " lateral (select * from coupling where side = 'left' and left_id = record_id"
    " and coupling.mapping_id = inbox.mapping_id union all"
    " select * from coupling where side = 'right' and right_id = record_id"
    " and coupling.mapping_id = inbox.mapping_id) as coupling on true"
)
# Both rows of a pair lie in one slice; what a finder may couple lies in the first.
SLICES: Final = 16
_HASHED: Final = f"abs(hashtext({{}}::text)::bigint) %% {SLICES}"
_LEFT: Final = (
    "(select left_id from coupling where right_id = record_id and coupling.mapping_id = inbox.mapping_id)"
)
_SLICE: Final = (
    f"case side when 'left' then {_HASHED.format('record_id')}"
    f" else {_HASHED.format(f'coalesce({_LEFT}, record_id)')} end"
)
_LEAVE: Final = (
    "delete from inbox using unnest(%s::text[], %s::uuid[], %s::text[]) as gone(side, id, stamp)"
    " where mapping_id = %s and inbox.side = gone.side and record_id = gone.id"
    " and (gone.stamp is null or gone.stamp = inbox.xmin::text)"
)
# Something has changed: what failed begins anew.
AGAIN: Final = "due = true, attempts = 0, next_try = null"
_PAUSE: Final = " ".join(
    f"when '{reason}' then make_interval(secs => (array{list(pauses)})[least(attempts + 1, {len(pauses)})])"
    for reason, pauses in PAUSES.items()
)
_STAY: Final = (
    "update inbox set due = false, reason = stay.reason, message = stay.message,"
    f" next_try = now() + case stay.reason {_PAUSE} end,"
    f" attempts = case when stay.reason in {tuple(PAUSES)} then attempts + 1 else 0 end,"
    # What a coupled record holds stands in its coupling from here on.
    " body = case when coupled then null else body end,"
    # Its coupling says what the integration user changed.
    " by_us = stay.reason = 'held' and not coupled,"
    " fields = string_to_array(stay.fields, %s), waits = string_to_array(stay.waits, %s)"
    " from unnest(%s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],"
    " %s::boolean[]) as stay(side, id, stamp, reason, message, fields, waits, coupled)"
    " where mapping_id = %s and inbox.side = stay.side and record_id = stay.id"
    " and (stay.stamp is null or stay.stamp = inbox.xmin::text)"
)
# A row that was only woken still has the body of before the batch; what holds now stands in the coupling.
_TOUCHED: Final = (
    "update inbox set body = null, reason = case when reason = 'new' then 'input' else reason end"
    " from unnest(%s::text[], %s::uuid[], %s::text[], %s::text[]) as read(side, id, stamp, version)"
    " where mapping_id = %s and inbox.side = read.side and record_id = read.id"
    " and inbox.version = read.version and read.stamp <> inbox.xmin::text"
)


class Stamps:
    """The stamps of the rows that were read, until a batch settles them."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    def keep(self, side: str, identifier: str, stamp: str) -> None:
        """Notes the stamp of a row that is read."""
        self._known[side, identifier] = stamp

    def of(self, changes: Iterable[Change]) -> list[str | None]:
        """The stamps of these rows; None for one that was not read."""
        return [self._known.get((one.side, one.id)) for one in changes]

    def forget(self, changes: Iterable[Change]) -> None:
        """These rows are settled."""
        for one in changes:
            self._known.pop((one.side, one.id), None)


async def move(
    database: psycopg.AsyncConnection[Any], mapping_id: int, stamps: Stamps, settled: Sequence[Settled]
) -> None:
    """Rows that leave and rows that stay; in the transaction of the batch."""
    touched = [
        one for entry in settled if entry.coupling for one in (*entry.leave, *entry.stay) if not one.direct
    ]
    if touched:
        versions = [one.version for one in touched]
        await database.execute(_TOUCHED, [*_keys(touched, stamps), versions, mapping_id])
    done = [one for entry in settled for one in entry.leave if not one.direct]
    if done:
        await database.execute(_LEAVE, [*_keys(done, stamps), mapping_id])
    stay = [(one, entry) for entry in settled for one in entry.stay]
    if stay:
        await database.execute(
            _STAY,
            [
                BETWEEN,
                BETWEEN,
                *_keys([one for one, _ in stay], stamps),
                [entry.reason for _, entry in stay],
                [entry.message for _, entry in stay],
                [BETWEEN.join(entry.fields) for _, entry in stay],
                [BETWEEN.join(entry.waits) for _, entry in stay],
                [entry.coupling is not None for _, entry in stay],
                mapping_id,
            ],
        )
    stamps.forget(one for entry in settled for one in (*entry.leave, *entry.stay, *entry.again))


def _keys(changes: Sequence[Change], stamps: Stamps) -> list[list[Any]]:
    return [[one.side for one in changes], [one.id for one in changes], stamps.of(changes)]


_PENDING: Final = (
    "select count(distinct left_id) filter (where deleted), count(distinct left_id) filter (where not deleted"
    " and body is not null and version <> case side when 'left' then left_version else right_version end)"
    f" from inbox join {PAIR_OF_ROW} where inbox.mapping_id = %s and due"
)


async def pending(database: psycopg.AsyncConnection[Any], mapping_id: int) -> tuple[int, int]:
    """How many coupled pairs are due with a record that is said to be deleted, and with a changed one."""
    row = await (await database.execute(_PENDING, [mapping_id])).fetchone()
    return (0, 0) if row is None else (row[0], row[1])


def bits(slices: Collection[int]) -> int:
    """Slices as one number."""
    return sum(1 << one for one in slices)


def slice_of(*, finder: bool) -> str:
    """The slice in which a row of the inbox lies, as an expression of a query. finder: of its mapping."""
    if not finder:
        return _SLICE
    left = "select 1 from coupling where left_id = record_id and coupling.mapping_id = inbox.mapping_id"
    coupled = f"case side when 'left' then exists ({left}) else {_LEFT} is not null end"
    return f"case when {coupled} then {_SLICE} else 0 end"
