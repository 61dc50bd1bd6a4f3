"""What the planner asks about a mapping, worked out once: converters, positions, and who watches what."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import msgspec

from kobling.algebra.columns import ColumnConverter, column_converter
from kobling.algebra.cuts import Cut, cuts_of
from kobling.algebra.transform import Converter, converter
from kobling.model.mapping import LASTING, Direction, FieldRow, Mapping, Moment, Side
from kobling.model.values import Value


def forward(row: FieldRow) -> Side:
    """The side for which `made` is kept in the base: the right one, unless the row only goes left."""
    return Side.LEFT if row.direction is Direction.TO_LEFT else Side.RIGHT


def is_derived(row: FieldRow) -> bool:
    """Whether the row reads what is not its own column; only what it was made into says if it is settled."""
    source = row.column(forward(row).other)
    return row.moment in LASTING and (bool(row.conversion.reads) or source is None)


class CompiledRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row with its converters. left, right: its columns, -1 on the side without. source: the side opposite
    `forward`. targets: the sides it may write. made_anew: a look-up, a rate or another rule may make
    another value of the same source. derived: see `is_derived`."""

    index: int
    row: FieldRow
    left: int
    right: int
    to_left: Converter | None
    to_right: Converter | None
    forward: Side
    source: Side
    targets: tuple[Side, ...]
    made_anew: bool
    derived: bool

    def converter(self, target: Side) -> Converter | None:
        """The converter that makes the value for that side; None where the row has no column there."""
        return self.to_right if target is Side.RIGHT else self.to_left

    def column(self, side: Side) -> int:
        """The row's column on that side, -1 for none."""
        return self.right if side is Side.RIGHT else self.left


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a creation: what it writes where, for one record and for a column of them. asks: a value may
    be open. remember: what is made of it is kept in the base."""

    index: int
    row: FieldRow
    at: int
    convert: Converter
    column: ColumnConverter
    asks: bool
    blank: Value
    remember: bool


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping, ready to plan with.

    rows: those that a merge settles or compares. left_watch, right_watch: per column the rows that its change
    concerns. gates: rows whose source may put a record outside. creations: per target side the steps of a
    creation. claims: per side the rows that mark a record of it as ours. met_later: the rows that compare.
    finishing: the rows that a creation on the right leaves to a second write.
    groups: by name the rows of each merge group that flow both ways. cuts: per side the rows that may have to
    cut what they make for it.
    """

    mapping: Mapping
    rows: tuple[CompiledRow, ...]
    by_index: dict[int, CompiledRow]
    left_watch: tuple[tuple[int, ...], ...]
    right_watch: tuple[tuple[int, ...], ...]
    wakeable: tuple[int, ...]
    met_later: tuple[int, ...]
    derived: tuple[int, ...]
    finishing: tuple[int, ...]
    groups: dict[str, tuple[int, ...]]
    cuts: dict[Side, dict[int, Cut]]
    gates: tuple[CompiledRow, ...]
    creations: dict[Side, tuple[Step, ...]]
    backward: dict[Side, tuple[CompiledRow, ...]]
    claims: dict[Side, tuple[FieldRow, ...]]
    blanks: dict[Side, tuple[Value, ...]]


# A run plans with a handful of mappings; a bound one lives as long as the run.
_KEPT: Final = 64
_known: Final[dict[int, Compiled]] = {}


def compiled(mapping: Mapping) -> Compiled:
    """The mapping made ready; the same object is made ready once."""
    found = _known.get(id(mapping))
    if found is None or found.mapping is not mapping:
        if len(_known) >= _KEPT:
            _known.clear()
        found = _known[id(mapping)] = _compile(mapping)
    return found


def _compile(mapping: Mapping) -> Compiled:
    rows = tuple(
        _row(mapping, index, row) for index, row in enumerate(mapping.rows) if row.moment is not Moment.EXIT
    )
    return Compiled(
        mapping=mapping,
        rows=rows,
        by_index={one.index: one for one in rows},
        left_watch=_watch(mapping, rows, Side.LEFT),
        right_watch=_watch(mapping, rows, Side.RIGHT),
        wakeable=tuple(one.index for one in rows if one.made_anew),
        met_later=tuple(index for index, one in enumerate(mapping.rows) if one.compare),
        derived=tuple(one.index for one in rows if one.derived),
        finishing=tuple(one.index for one in rows if one.row.moment is Moment.FINISH),
        groups=_groups(rows),
        cuts={side: cuts_of(mapping, side) for side in Side},
        gates=tuple(one for one in rows if one.row.gate),
        creations={side: tuple(_steps(mapping, side)) for side in Side},
        backward={
            side: tuple(one for one in rows if one.made_anew and one.forward is not side) for side in Side
        },
        claims={side: tuple(_claims(mapping, side)) for side in Side},
        blanks={side: tuple(one.blank for one in mapping.table(side).columns) for side in Side},
    )


def _row(mapping: Mapping, index: int, row: FieldRow) -> CompiledRow:
    lasting, derived = row.moment in LASTING, is_derived(row)
    return CompiledRow(
        index=index,
        row=row,
        left=-1 if row.left is None else row.left,
        right=-1 if row.right is None else row.right,
        to_left=None if row.left is None else converter(mapping, row, Side.LEFT),
        to_right=None if row.right is None else converter(mapping, row, Side.RIGHT),
        forward=forward(row),
        source=forward(row).other,
        targets=tuple(
            side
            for side in (Side.RIGHT, Side.LEFT)
            if row.column(side) is not None and row.direction.allows(side)
        ),
        made_anew=derived or (lasting and _is_made(row)),
        derived=derived,
    )


def _groups(rows: tuple[CompiledRow, ...]) -> dict[str, tuple[int, ...]]:
    """A row that flows one way is never contested, and a derived one follows what it reads."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in rows:
        row = one.row
        if row.group and row.direction is Direction.BOTH and row.moment is Moment.ALWAYS and not one.derived:
            found[row.group].append(one.index)
    return {name: tuple(members) for name, members in found.items() if len(members) > 1}


def _is_made(row: FieldRow) -> bool:
    """Whether the same source may come to another value later."""
    makes = row.conversion
    return bool(makes.source or makes.to_right or makes.to_left)


def _watch(mapping: Mapping, rows: tuple[CompiledRow, ...], side: Side) -> tuple[tuple[int, ...], ...]:
    watching: dict[int, list[int]] = defaultdict(list)
    for one in rows:
        positions = {one.column(side)} - {-1}
        if side is not one.forward:
            positions |= set(one.row.conversion.reads)
        for position in positions:
            watching[position].append(one.index)
    return tuple(tuple(watching[at]) for at in range(len(mapping.table(side).columns)))


def _claims(mapping: Mapping, side: Side) -> list[FieldRow]:
    """The rows that mark a record of that side as ours."""
    return [
        one
        for one in mapping.rows
        if one.claim and one.column(side) is not None and one.direction.allows(side)
    ]


def _steps(mapping: Mapping, target: Side) -> list[Step]:
    columns = mapping.table(target).columns
    return [
        Step(
            index=index,
            row=row,
            at=position,
            convert=converter(mapping, row, target),
            column=column_converter(mapping, row, target),
            asks=row.conversion.kind != "plain" or row.not_null or bool(row.conversion.steps(target)),
            blank=columns[position].blank,
            remember=row.moment in LASTING and (row.conversion.kind != "plain" or _is_made(row)),
        )
        for index, row in enumerate(mapping.rows)
        for position in [row.column(target)]
        if position is not None and row.direction.allows(target) and _creates(row, target)
    ]


def _creates(row: FieldRow, target: Side) -> bool:
    """Whether the row takes part in a create on that side; what finishes a record comes after it."""
    return row.moment is not Moment.EXIT and not (row.moment is Moment.FINISH and target is Side.RIGHT)
