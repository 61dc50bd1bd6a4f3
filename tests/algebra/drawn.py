"""Mappings of rows of every kind at once, with look-ups of every answer and a pair that two services hold.

Row `n` has its own column at position `n` of both sides; two more columns hold what rows only read and what
the filter is about. `KINDS` says what each row is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from kobling.algebra.plan import plan_pair
from kobling.algebra.transform import fit
from kobling.model.look_up import KEEP, Answer, LookUps, Rejected
from kobling.model.mapping import (
    Column,
    Condition,
    Conversion,
    Direction,
    FieldRow,
    Mapping,
    Moment,
    Side,
    Table,
    UpdateConflict,
)
from kobling.model.pair import Action, Base, First, Pair, Record
from kobling.model.values import Value, Values, same_value

# The machine may be busy: no example has a deadline. The more is drawn for an example, the fewer there are.
light = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
heavy = settings(light, max_examples=60)

TEXT, CODE, AMOUNT = "text", "code", "amount"
EXTRA, FILTER = 16, 17
WIDTH = 18
CODES = {Side.LEFT: ("", "A", "B", "C", "D"), Side.RIGHT: (None, "a", "b", "c", "d")}
INSIDE: dict[Side, Value] = {Side.LEFT: "", Side.RIGHT: None}


def _row(name: str, at: int, direction: Direction, **more: Any) -> FieldRow:
    return FieldRow(**{"name": name, "left": at, "right": at, "direction": direction} | more)


_PEOPLE = Conversion(kind="look_up", source="PEOPLE")
_CURRENCY = 4
KINDS: tuple[tuple[str, FieldRow], ...] = (
    (TEXT, _row("both", 0, Direction.BOTH)),
    (TEXT, _row("own policy", 1, Direction.BOTH)),
    (TEXT, _row("to right", 2, Direction.TO_RIGHT)),
    (TEXT, _row("to left", 3, Direction.TO_LEFT)),
    (CODE, _row("currency", _CURRENCY, Direction.BOTH, conversion=_PEOPLE)),
    (CODE, _row("owner to right", 5, Direction.TO_RIGHT, conversion=_PEOPLE)),
    (CODE, _row("owner to left", 6, Direction.TO_LEFT, conversion=_PEOPLE)),
    (
        AMOUNT,
        _row(
            "money to right",
            7,
            Direction.TO_RIGHT,
            conversion=Conversion(kind="product", source="RATES", key=_CURRENCY),
        ),
    ),
    (
        AMOUNT,
        _row(
            "money to left",
            8,
            Direction.TO_LEFT,
            conversion=Conversion(kind="product", source="RATES", key=_CURRENCY),
        ),
    ),
    (TEXT, _row("otherwise to right", 9, Direction.TO_RIGHT, conversion=Conversion(otherwise=(0, EXTRA)))),
    (TEXT, _row("otherwise to left", 10, Direction.TO_LEFT, conversion=Conversion(otherwise=(EXTRA,)))),
    (
        CODE,
        _row(
            "keyed to right",
            11,
            Direction.TO_RIGHT,
            left=None,
            conversion=Conversion(kind="look_up", source="PEOPLE", key=EXTRA),
        ),
    ),
    (TEXT, _row("constant", 12, Direction.TO_RIGHT, left=None, conversion=Conversion(constant="k"))),
    (TEXT, _row("insert right", 13, Direction.TO_RIGHT, moment=Moment.INSERT)),
    (TEXT, _row("insert left", 14, Direction.TO_LEFT, moment=Moment.INSERT)),
    (
        TEXT,
        _row(
            "exit",
            15,
            Direction.TO_LEFT,
            right=None,
            moment=Moment.EXIT,
            when="filter",
            conversion=Conversion(constant="x"),
        ),
    ),
)
_KIND_AT = (*[kind for kind, _ in KINDS], CODE, TEXT)
ROWS = {row.name: row for _, row in KINDS}


@st.composite
def _columns(draw: st.DrawFn, side: Side, *, plain: bool) -> tuple[Column, ...]:
    blank = INSIDE[side]
    columns = []
    for at, kind in enumerate(_KIND_AT):
        shaped = kind == TEXT and at != FILTER and not plain
        columns.append(
            Column(
                name="filter" if at == FILTER else f"f{at}",
                caption=f"F {at}",
                blank=None if kind == AMOUNT else blank,
                maximum=draw(st.sampled_from([None, 1, 2, 3])) if shaped else None,
                upper=draw(st.booleans()) if shaped else False,
            )
        )
    return tuple(columns)


def _table(name: str, columns: tuple[Column, ...], side: Side) -> Table:
    inside = Condition(position=FILTER, name="filter", values=(INSIDE[side],), text="the filter is blank")
    return Table(name=name, caption=name, route=name, columns=columns, conditions=(inside,))


@st.composite
def mappings(draw: st.DrawFn, *, plain: bool = False, without: tuple[str, ...] = ()) -> Mapping:
    """Some of the rows in any order. plain: no column cuts or upper-cases."""
    known = [row for row in ROWS.values() if row.name not in without]
    rows = draw(st.lists(st.sampled_from(known), unique_by=lambda row: row.name, min_size=1))
    policies = st.sampled_from(UpdateConflict)
    shaped = []
    for row in rows:
        more: dict[str, Any] = {}
        if row.name == "own policy":
            more["conflict"] = draw(policies)
        if row.conversion.kind == "look_up":
            more["clear_on_failed"] = draw(st.booleans())
        if row.direction is not Direction.BOTH and row.moment is Moment.ALWAYS:
            more["not_null"] = draw(st.booleans())
        shaped.append(msgspec.structs.replace(row, **more))
    return Mapping(
        name="TEST",
        left=_table("left", draw(_columns(Side.LEFT, plain=plain)), Side.LEFT),
        right=_table("right", draw(_columns(Side.RIGHT, plain=plain)), Side.RIGHT),
        direction=Direction.BOTH,
        rows=tuple(shaped),
        update_conflict=draw(policies),
    )


factors = st.sampled_from([1, 2, Decimal("0.5"), Decimal("1.333"), Decimal(0)])
refusals: st.SearchStrategy[Answer] = st.sampled_from([None, KEEP, Rejected("it is disabled", "PEOPLE/x")])


@st.composite
def look_ups(draw: st.DrawFn, *, complete: bool = False) -> LookUps:
    """Partners A-a, B-b, ... of which some are missing, rejected or kept; a rate for most keys."""
    found: dict[tuple[str, Side, str], Answer] = {}
    for left, right in zip(CODES[Side.LEFT][1:], CODES[Side.RIGHT][1:], strict=True):
        coupled = complete or draw(st.booleans())
        here: Answer = left if coupled else draw(refusals)
        there: Answer = right if coupled else draw(refusals)
        found["PEOPLE", Side.LEFT, str(right)] = here
        found["PEOPLE", Side.RIGHT, str(left)] = there
    for side in Side:
        for code in CODES[side]:
            found["RATES", side.other, code or ""] = draw(
                factors if complete else st.one_of(factors, factors, refusals)
            )
    # A source that does not know a key leaves it out.
    return {key: answer for key, answer in found.items() if answer is not None}


texts = st.text(alphabet="abÅ😀 ", max_size=4)
amounts = st.sampled_from([None, 0, 1, 7, Decimal("0.005"), Decimal("99.995"), Decimal("12.50")])


def held(column: Column, value: Value) -> Value:
    """What a service that keeps its columns' rules holds once `value` is written to it."""
    value = fit(value, column)
    return fit(value.rstrip(" "), column) if column.upper and isinstance(value, str) else value


def value_of(column: Column, at: int, side: Side) -> st.SearchStrategy[Value]:
    """What a person may leave in a column."""
    kind = _KIND_AT[at]
    if at == FILTER:
        return st.just(INSIDE[side])
    values: st.SearchStrategy[Value] = {
        TEXT: texts,
        CODE: st.sampled_from(CODES[side]),
        AMOUNT: amounts,
    }[kind]
    return values.map(lambda value: held(column, value))


def values_of(mapping: Mapping, side: Side) -> st.SearchStrategy[Values]:
    """A record inside the filter."""
    return st.tuples(*[value_of(column, at, side) for at, column in enumerate(mapping.table(side).columns)])


Service = Callable[[Column, Value], Value]


@dataclass
class Drawn:
    """A mapping, its look-ups and a pair as two services hold it, with the base that we hold."""

    mapping: Mapping
    look_ups: LookUps
    left: Values
    right: Values
    base: Base | None
    service: Service = held

    def __repr__(self) -> str:
        rows = [
            f"{one.name}{' clearable' * one.clear_on_failed}{' not null' * one.not_null}"
            for one in self.mapping.rows
        ]
        base = self.base and (self.base.left, self.base.right, self.base.made)
        return f"<{rows} {self.mapping.update_conflict} {self.look_ups} {self.left} {self.right} {base}>"

    def now(self, side: Side) -> Values:
        return self.left if side is Side.LEFT else self.right

    def put(self, side: Side, values: Values) -> None:
        if side is Side.LEFT:
            self.left = values
        else:
            self.right = values

    def edit(self, side: Side, at: int, value: Value) -> None:
        """A person's edit."""
        column = self.mapping.table(side).columns[at]
        values = list(self.now(side))
        values[at] = self.service(column, value)
        self.put(side, tuple(values))

    def plan(self, **pair: Any) -> Action:
        left, right = Record(id="l", values=self.left), Record(id="r", values=self.right)
        return plan_pair(self.mapping, Pair(left=left, right=right, base=self.base, **pair), self.look_ups)

    def carry_out(self, action: Action) -> Action:
        """Writes as the engine does: what was sent settles as the service holds it."""
        sides = {}
        for side in Side:
            values = list(self.now(side))
            base = None if action.base is None else list(action.base.values(side))
            for write in action.writes:
                for at, value in write.values if write.side is side else ():
                    values[at] = self.service(self.mapping.table(side).columns[at], value)
                    if base is not None:
                        base[at] = values[at]
            self.put(side, tuple(values))
            sides[side] = base
        if action.base is not None:
            left, right = sides[Side.LEFT], sides[Side.RIGHT]
            assert left is not None
            assert right is not None
            self.base = Base(left=tuple(left), right=tuple(right), made=action.base.made)
        return action

    def round(self, **pair: Any) -> Action:
        return self.carry_out(self.plan(**pair))

    def copy(self) -> Drawn:
        return replace(self)


@st.composite
def met(draw: st.DrawFn, *, complete: bool = False, **shape: Any) -> Drawn:
    """A pair that was just coupled and never compared."""
    mapping = draw(mappings(**shape))
    return Drawn(
        mapping=mapping,
        look_ups=draw(look_ups(complete=complete)),
        left=draw(values_of(mapping, Side.LEFT)),
        right=draw(values_of(mapping, Side.RIGHT)),
        base=None,
    )


@st.composite
def in_step(draw: st.DrawFn, **shape: Any) -> Drawn:
    """A pair whose first contact was settled by a person's word, and what waits, waits."""
    drawn = draw(met(**shape))
    first = draw(st.sampled_from([First.LEFT, First.RIGHT, First.LEAVE]))
    drawn.round(first=first)
    assert drawn.base is not None
    return drawn


@st.composite
def edited(draw: st.DrawFn, **shape: Any) -> Drawn:
    """A pair that was in step, then edited on either side in some fields."""
    drawn = draw(in_step(**shape))
    for side in Side:
        for at in draw(st.sets(st.integers(min_value=0, max_value=EXTRA), max_size=6)):
            drawn.edit(side, at, draw(value_of(drawn.mapping.table(side).columns[at], at, side)))
    return drawn


_TURNED = {
    Direction.BOTH: Direction.BOTH,
    Direction.TO_LEFT: Direction.TO_RIGHT,
    Direction.TO_RIGHT: Direction.TO_LEFT,
}
_POLICY = {
    UpdateConflict.SEND: UpdateConflict.GET,
    UpdateConflict.GET: UpdateConflict.SEND,
    UpdateConflict.ASK: UpdateConflict.ASK,
    None: None,
}


def _mirrored_row(row: FieldRow) -> FieldRow:
    return msgspec.structs.replace(
        row,
        left=row.right,
        right=row.left,
        direction=_TURNED[row.direction],
        conflict=_POLICY[row.conflict],
    )


def mirrored(drawn: Drawn) -> Drawn:
    """The same with the sides swapped."""
    one = drawn.mapping
    policy = _POLICY[one.update_conflict]
    assert policy is not None
    base = drawn.base
    return Drawn(
        mapping=msgspec.structs.replace(
            one,
            left=one.right,
            right=one.left,
            rows=tuple(_mirrored_row(row) for row in one.rows),
            update_conflict=policy,
        ),
        look_ups={(name, side.other, key): answer for (name, side, key), answer in drawn.look_ups.items()},
        left=drawn.right,
        right=drawn.left,
        base=None if base is None else Base(left=base.right, right=base.left, made=base.made),
    )


def same_values(one: Values, other: Values) -> bool:
    """Whether two records mean the same."""
    return len(one) == len(other) and all(same_value(a, b) for a, b in zip(one, other, strict=True))
