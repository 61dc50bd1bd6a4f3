"""Aim: what a unit, an item or a resource holds goes to Sales and comes to rest: the record in Sales holds
what the rows make of it, an edit of either side arrives at the other, and another plan writes nothing.

Method: Hypothesis draws the record and the edits; the writes are carried out as the services do, which make a
new product a draft. Look-ups answer with partners that go both ways.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from catalogue.known_facts import facts
from kobling.algebra.create import plan_create
from kobling.algebra.filters import outside
from kobling.algebra.plan import plan_pair
from kobling.algebra.transform import converter, fit
from kobling.catalogue.definition import NO_CHANGES
from kobling.catalogue.load import definitions, executable
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import Answer
from kobling.model.mapping import Column, Moment, Side
from kobling.model.mapping import Mapping as TableMapping
from kobling.model.pair import Action, Base, Kind, Pair, Record
from kobling.model.values import Value, Values, same_value

_ACTIVE, _DRAFT = 0, 2
_ASKED = tuple[str, Side, str]


def _all(**connection: str) -> dict[str, TableMapping]:
    known = {name: one for name, one in definitions(connection).items() if one.ready}
    available = {*known, *SOURCES}
    return {name: executable(one, NO_CHANGES, available, connection) for name, one in known.items()}


WITH, WITHOUT = _all(), _all(unit_groups="off")
CHOSEN = {
    **{name: WITH[name] for name in ("UNIT GROUP", "ITEM UOM", "RESOURCE UOM")},
    **{name: WITH[name] for name in ("ITEM-PRODUCT", "RESOURCE-PRODUCT")},
    "UNIT OF MEASURE": WITHOUT["UNIT OF MEASURE"],
    "ITEM-PRODUCT without unit groups": WITHOUT["ITEM-PRODUCT"],
    "RESOURCE-PRODUCT without unit groups": WITHOUT["RESOURCE-PRODUCT"],
}
PURE = ("product_states", "unit_group_names", "unit_names", "products_but_write_in")


class Partners(Mapping[_ASKED, Answer]):
    """Everything is coupled: a key has a partner of its own, which leads back to it."""

    def __init__(self) -> None:
        self._back: dict[str, str] = {}

    def __getitem__(self, asked: _ASKED) -> Answer:
        source, side, key = asked
        if source in PURE:
            answer = SOURCES[source].resolve(facts(), side, [key]).get(key)
            assert not hasattr(answer, "via")
            return answer  # type: ignore[return-value]
        if not key and source != "CURRENCY":
            return None
        if side is Side.LEFT:
            return self._back[key]
        partner = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{source} {key}"))
        self._back[partner] = key.split("\x1e")[-1]
        return partner

    def get(self, asked: Any, default: Any = None) -> Any:
        return self[asked]

    def __iter__(self) -> Iterator[_ASKED]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError


class Two:
    """A record in Business Central, its partner in Sales, and the base that we hold."""

    def __init__(self, mapping: TableMapping, left: Values) -> None:
        self.mapping, self.partners = mapping, Partners()
        self.now: dict[Side, Values] = {Side.LEFT: left}
        self.base: Base | None = None

    def create(self) -> Action:
        action = plan_create(
            self.mapping, Record(id="l", values=self.now[Side.LEFT]), Side.RIGHT, self.partners
        )
        if action.kind is Kind.CREATE:
            given = [one.blank for one in self.mapping.right.columns]
            for at, one in enumerate(self.mapping.right.columns):
                if one.name == "statecode":
                    given[at] = _DRAFT if self.mapping.right.name == "product" else _ACTIVE
            self.now[Side.RIGHT] = tuple(given)
            self._carry_out(action)
        return action

    def round(self) -> Action:
        left, right = (Record(id=str(side), values=self.now[side]) for side in Side)
        action = plan_pair(self.mapping, Pair(left=left, right=right, base=self.base), self.partners)
        self._carry_out(action)
        return action

    def rest(self) -> None:
        """Two rounds are enough, and a third has nothing to write."""
        self.round()
        self.round()
        last = self.round()
        assert (last.kind, last.writes) == (Kind.NOTHING, ())

    def at(self, side: Side, name: str) -> int:
        return [one.name for one in self.mapping.table(side).columns].index(name)

    def edit(self, side: Side, at: int, value: Value) -> None:
        values = list(self.now[side])
        values[at] = held(self.mapping.table(side).columns[at], value)
        self.now[side] = tuple(values)

    def _carry_out(self, action: Action) -> None:
        sides = {} if action.base is None else {side: list(action.base.values(side)) for side in Side}
        for write in action.writes:
            for at, value in write.values:
                self.edit(write.side, at, value)
                if sides:
                    sides[write.side][at] = self.now[write.side][at]
        if action.base is not None:
            left, right = (tuple(sides[side]) for side in Side)
            self.base = Base(left=left, right=right, made=action.base.made)

    def assert_in_step(self) -> None:
        """Sales holds what each row that goes there makes of Business Central."""
        for row in self.mapping.rows:
            if row.right is None or not row.direction.allows(Side.RIGHT) or row.moment is Moment.INSERT:
                continue
            made = converter(self.mapping, row, Side.RIGHT)(self.now[Side.LEFT], self.partners)
            assert same_value(made, self.now[Side.RIGHT][row.right]), row.name  # type: ignore[arg-type]


def held(column: Column, value: Value) -> Value:
    return fit(value, column)


texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=40)
codes = st.text("ABCØ19-/ ", min_size=1, max_size=10).filter(lambda one: bool(one.strip()))
numbers = st.decimals(Decimal(-10_000), Decimal(10_000), places=2).map(lambda one: one + 0)


def value_of(column: Column) -> st.SearchStrategy[Value]:
    if column.name == "sourceType":
        return st.sampled_from(["Item", "Resource"])
    if column.kind == "decimal":
        return numbers
    if column.kind == "boolean":
        return st.just(False)
    return (codes if column.upper else texts).map(lambda one: held(column, one))


def records(mapping: TableMapping) -> st.SearchStrategy[Values]:
    return st.tuples(*[value_of(one) for one in mapping.left.columns])


@pytest.mark.parametrize("name", CHOSEN)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_record_goes_to_sales_and_comes_to_rest(name: str, data: st.DataObject) -> None:
    mapping = CHOSEN[name]
    two = Two(mapping, data.draw(records(mapping)))
    assume(outside(mapping.left, two.now[Side.LEFT]) is None)
    assert two.create().kind is Kind.CREATE
    two.rest()
    two.assert_in_step()
    if mapping.right.name == "product":
        assert two.now[Side.RIGHT][two.at(Side.RIGHT, "statecode")] == 0


@pytest.mark.parametrize("name", CHOSEN)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_edit_of_either_side_arrives_at_the_other(name: str, data: st.DataObject) -> None:
    mapping = CHOSEN[name]
    two = Two(mapping, data.draw(records(mapping)))
    two.create()
    two.rest()
    # Whoever gets another number takes its units along.
    numbers_of = {at for one in mapping.rows for at in one.conversion.within}
    rows = [one for one in mapping.rows if one.left is not None and one.moment is Moment.ALWAYS]
    rows = [one for one in rows if one.left not in numbers_of]
    for row in data.draw(st.lists(st.sampled_from(rows), max_size=4)) if rows else ():
        assert row.left is not None
        two.edit(Side.LEFT, row.left, data.draw(value_of(mapping.left.columns[row.left])))
    two.rest()
    two.assert_in_step()
    backward = [one for one in rows if one.direction.allows(Side.LEFT) and one.conversion.kind == "plain"]
    for row in backward:
        assert row.right is not None
        assert row.left is not None
        two.edit(Side.RIGHT, row.right, data.draw(texts.filter(lambda one: bool(one.strip()))))
        two.rest()
        assert same_value(two.now[Side.LEFT][row.left], two.now[Side.RIGHT][row.right])
    two.assert_in_step()
