"""The rule `field_lookup`: a value that a table of Business Central gives for another one.

It needs rows that only a run can read, so it is no work of a chain but a look-up source of its own. Its name
says all of it, so a mapping that is ready to plan with is enough to make it anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from kobling.algebra.rules import FIELD_LOOKUP
from kobling.catalogue.facts import first_of, rows_of
from kobling.catalogue.sources import REFERENCES, SOURCES
from kobling.catalogue.transformation_text import Steps, Transformation
from kobling.model import mapping as model
from kobling.model.look_up import Answer, Facts, Reference, Source
from kobling.model.mapping import Side, Step
from kobling.model.values import is_blank

_ORIGINAL: Final = "original"
_TABLE_IDS: Final = {one.route: one.table_id for one in REFERENCES.values() if one.side is Side.LEFT}


class FieldLookup(msgspec.Struct, frozen=True, array_like=True):
    """Of the row of `table` that holds the value in its column `source`, what it holds in `target`; blank for
    none, or where nothing is held there, unless the original is kept then."""

    table: str
    source: str
    target: str
    keeps: bool = False


_Ways = tuple[FieldLookup | None, FieldLookup | None]


def lookups_in(transformation: Transformation) -> _Ways:
    """The look-up that ends the way to Sales and the way back, if there is one."""
    return _last(transformation.to), _last(transformation.back)


def _last(steps: Steps) -> FieldLookup | None:
    return next((_of(one) for one in steps if one.rule == FIELD_LOOKUP), None)


def _of(step: Step) -> FieldLookup:
    table, source, target, *rest = map(str, step.arguments)
    return FieldLookup(table, source, target, keeps=rest == [_ORIGINAL])


def without_lookup(transformation: Transformation) -> Transformation:
    """The rules before the look-ups: what makes of a value what is looked up."""
    return Transformation(to=_before(transformation.to), back=_before(transformation.back))


def _before(steps: Steps) -> Steps:
    rules = [one.rule for one in steps]
    return steps[: rules.index(FIELD_LOOKUP)] if FIELD_LOOKUP in rules else steps


def source_name(transformation: Transformation) -> str:
    """The name of the source that looks up; '' for a transformation without."""
    ways = lookups_in(transformation)
    return f"{FIELD_LOOKUP} {msgspec.json.encode(ways).decode()}" if any(ways) else ""


def sources_of(mappings: Iterable[model.Mapping]) -> tuple[dict[str, Source], dict[str, Reference]]:
    """All look-up sources of these mappings, shipped ones and those of their transformations, and the tables
    that they read."""
    names = {row.conversion.source for one in mappings for row in one.rows}
    ways = {one: _ways_of(one) for one in names if one.startswith(f"{FIELD_LOOKUP} ")}
    tables = {_table(one): _reference(one) for each in ways.values() for one in each if one is not None}
    return SOURCES | {name: _source(name, one) for name, one in ways.items()}, REFERENCES | tables


def _ways_of(name: str) -> _Ways:
    ways: _Ways = msgspec.json.decode(name.removeprefix(f"{FIELD_LOOKUP} "), type=_Ways)
    return ways


def _table(one: FieldLookup) -> str:
    return f"{one.table} {one.source} {one.target}"


def _reference(one: FieldLookup) -> Reference:
    return Reference(
        name=_table(one),
        side=Side.LEFT,
        route=one.table,
        columns=tuple(dict.fromkeys((one.source, one.target))),
        table_id=_TABLE_IDS.get(one.table, 0),
    )


def _source(name: str, ways: _Ways) -> Source:
    to, back = ways

    def resolve(facts: Facts, side: Side, keys: Collection[str]) -> Mapping[str, Answer]:
        asked = to if side is Side.RIGHT else back
        return {key: key if asked is None else _found(facts, asked, key) for key in keys if key}

    tables = tuple(dict.fromkeys(_table(one) for one in ways if one is not None))
    return Source(name=name, references=tables, resolve=resolve)


def _found(facts: Facts, asked: FieldLookup, key: str) -> Answer:
    row = first_of(rows_of(facts, _table(asked)), asked.source, key)
    value = None if row is None else row.get(asked.target)
    return key if asked.keeps and is_blank(value) else value
