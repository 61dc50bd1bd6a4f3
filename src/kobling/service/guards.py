"""What guards know before a run: whether tables and mappings are as they were in the last one.

Both are kept as marks of the connection. Tables are described once a day, as that takes requests of its own;
what was found then holds until the next day, or until somebody says that the difference is meant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import date

import msgspec

from kobling.adapters.dataverse.options import is_option_table
from kobling.algebra.guard import Guard, Seen, drifts, shortened
from kobling.engine.task import Context
from kobling.engine.words import SYSTEMS
from kobling.model.errors import ConfigurationError, KoblingError
from kobling.model.mapping import Guards, Mapping, Side
from kobling.service.metadata import describe_tables
from kobling.service.session import Session

_Said = dict[str, list[tuple[str, str]]]


class _Look(msgspec.Struct, frozen=True):
    """What a table looked like. on: the day of it, in ISO form."""

    on: str
    columns: dict[str, Seen]


async def stopped(session: Session, context: Context, names: Sequence[str]) -> _Said:
    """What the guards of these mappings say before the run, by mapping: (guard, words)."""
    marks = await session.state.marks()
    said: _Said = {}
    for name in names:
        mapping, known = context.mappings[name], marks.get(_mapping_mark(name))
        if mapping.guards.mapping and known not in {None, fingerprint(mapping)}:
            words = "its filter, fields or other settings are not those of the last run"
            said.setdefault(name, []).append((Guard.MAPPING, words))
    for side in Side:
        for name, words in await _drifted(session, context, names, side, marks):
            said.setdefault(name, []).append((Guard.SCHEMA, words))
    return said


def fingerprint(mapping: Mapping) -> str:
    """What tells whether a mapping is another one; its guards themselves do not count."""
    plain = msgspec.structs.replace(mapping, guards=Guards())
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


async def keep_mappings(session: Session, mappings: Iterable[Mapping]) -> None:
    """These mappings have run as they are."""
    marks = await session.state.marks()
    for one in mappings:
        now = fingerprint(one)
        if marks.get(_mapping_mark(one.name)) != now:
            await session.state.keep_mark(_mapping_mark(one.name), now)


def _mapping_mark(name: str) -> str:
    return f"mapping {name}"


async def _drifted(
    session: Session, context: Context, names: Sequence[str], side: Side, marks: dict[str, str]
) -> list[tuple[str, str]]:
    """The mappings whose table on that side is no longer what it was, with words."""
    today: date = context.facts.today
    chosen = [one for name in names if (one := context.mappings[name]).guards.schema]
    routes = {one.table(side).route: one.table(side).name for one in chosen}
    looks = {route: _read_look(marks.get(_schema_mark(side, route), "")) for route in routes}
    due = {
        route: table
        for route, table in routes.items()
        if not is_option_table(route) and ((look := looks[route]) is None or look.on != today.isoformat())
    }
    described = await _described(session, side, due) if due else {}
    allowed = bool({Guard.SCHEMA, "all"} & context.options.allow)
    said: dict[str, str] = {}
    for route, found in described.items():
        columns = _columns(context.mappings.values(), side, route)
        words = _words(looks[route], found, columns)
        if words and not allowed:
            said[route] = f"{routes[route]} in {SYSTEMS[side]} is another table than before: {words}"
        elif not isinstance(found, str):
            kept = {name: found[name] for name in columns if name in found}
            look = _Look(on=today.isoformat(), columns=kept)
            await session.state.keep_mark(_schema_mark(side, route), msgspec.json.encode(look).decode())
    return [(one.name, said[route]) for one in chosen if (route := one.table(side).route) in said]


def _schema_mark(side: Side, route: str) -> str:
    return f"schema {side} {route}"


def _read_look(mark: str) -> _Look | None:
    try:
        return msgspec.json.decode(mark, type=_Look) if mark else None
    except msgspec.DecodeError:
        return None


def _columns(mappings: Iterable[Mapping], side: Side, route: str) -> Collection[str]:
    """Every column that a mapping reads of that table, in one order."""
    tables = [one.table(side) for one in mappings if one.table(side).route == route]
    return list(dict.fromkeys(each.name for one in tables for each in one.columns))


def _words(look: _Look | None, found: dict[str, Seen] | str, columns: Collection[str]) -> str:
    if look is None:
        return ""
    return found if isinstance(found, str) else shortened(drifts(look.columns, found, columns))


async def _described(
    session: Session, side: Side, tables: dict[str, str]
) -> dict[str, dict[str, Seen] | str]:
    """The columns of each table that can be described, by route; text for one that is gone. A service that
    does not describe its tables to us keeps nobody from synchronizing."""
    try:
        found = await describe_tables(session.configuration, side, tables)
    except (TimeoutError, KoblingError):
        return {}
    seen: dict[str, dict[str, Seen] | str] = {}
    for route, one in found.items():
        if isinstance(one, ConfigurationError):
            seen[route] = "it is gone"
        elif not isinstance(one, KoblingError):
            columns = one.columns.items()
            seen[route] = {name: Seen(kind=str(each.type), maximum=each.maximum) for name, each in columns}
    return seen
