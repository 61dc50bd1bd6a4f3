"""The locks by which processes keep out of each other's way; each dies with the session that holds it."""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class Lock(IntEnum):
    """A kind of lock; together with an id it names one. Any numbers will do, each for one kind alone.

    MAPPING: a run, by its mapping. SHARE: everybody who takes part in it, likewise. SCHEDULE and
    FULL_SYNCHRONIZATION: by their connection. GATE: a place of a gate; the function `enter_gate` of the
    database knows its number, too.
    """

    MAPPING = 71_051_181
    SCHEDULE = 71_051_182
    GATE = 71_051_183
    FULL_SYNCHRONIZATION = 71_051_184
    SHARE = 71_051_185


def is_held(lock: Lock, key: str) -> str:
    """The condition that some session holds it. key: the id, as an expression of the query."""
    return (
        "exists (select 1 from pg_locks where locktype = 'advisory' and granted and"
        f" classid = {lock:d} and objid = {key} and database ="
        " (select oid from pg_database where datname = current_database()))"
    )


def sessions_that_hold(lock: Lock, key: str) -> str:
    """How many sessions hold it, as an expression of a query. key: the id, as an expression, too."""
    return (
        "(select count(*)::int from pg_locks where locktype = 'advisory' and granted and"
        f" classid = {lock:d} and objid = {key} and database ="
        " (select oid from pg_database where datname = current_database()))"
    )
