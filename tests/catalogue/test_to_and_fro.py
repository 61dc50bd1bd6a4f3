"""Aim: what a record of any mapping holds goes to the other side and comes to rest: the other record holds
what the rows make of it, an edit of either side arrives at the other, and ten more plans write nothing.

Method: Hypothesis draws the record and the edits by what the mapping says of its columns; the writes are
carried out as the services do, which make a new product a draft. Look-ups answer with partners that lead
back. A mapping stands here once for each of its forms.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from catalogue.known_facts import facts
from kobling.algebra.create import plan_create
from kobling.algebra.filters import bind, outside
from kobling.algebra.plan import plan_pair
from kobling.algebra.transform import fit
from kobling.algebra.verify import Verdict, verdict_of, verify_pair
from kobling.catalogue.definition import NO_CHANGES
from kobling.catalogue.load import definitions, executable
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import Answer
from kobling.model.mapping import FieldRow, Moment, Side
from kobling.model.mapping import Mapping as TableMapping
from kobling.model.pair import Action, Base, Kind, Pair, Record
from kobling.model.values import Value, Values

_DRAFT = 2
_ASKED = tuple[str, Side, str]
# Sources that need no facts are asked themselves.
PURE = (
    *("product_states", "unit_group_names", "unit_names", "products_but_write_in", "price_list_states"),
    *("payment_terms_names", "shipment_methods_names", "shipping_agents_names"),
)
# What is closed in Sales takes no more edits.
OPEN: dict[str, Answer] = {"invoice_states": 0, "invoice_status_reasons": 4}
OPTIONS = {
    "sourceType": ["Item", "Resource"],
    "assetType": ["Item", "Resource"],
    "type": ["Person"],
    "status": ["Active", "Inactive"],
}
FORMS: dict[str, dict[str, str]] = {
    "": {},
    "without unit groups": {"unit_groups": "off"},
    "with extended pricing": {"extended_pricing": "on"},
    "without extended pricing": {"extended_pricing": "off"},
    "with teams": {"owner_model": "team"},
    "with several companies": {"multi_company": "on"},
    "with account statistics": {"account_statistics": "on"},
    "with orders of Sales": {"sales_orders": "legacy"},
}


def _chosen() -> dict[str, TableMapping]:
    """Every mapping that is carried out, with each set of settings that makes something else of it."""
    found: dict[str, TableMapping] = {}
    for form, connection in FORMS.items():
        known = {name: one for name, one in definitions(connection).items() if one.ready}
        for name, one in known.items():
            mapping = executable(one, NO_CHANGES, {*known, *SOURCES}, connection)
            if mapping not in found.values():
                found[f"{name} {form}".strip()] = mapping
    return found


CHOSEN = _chosen()


class Partners(Mapping[_ASKED, Answer]):
    """Everything is coupled: a key has a partner of its own, which leads back to it."""

    def __init__(self, mapping: TableMapping) -> None:
        self._kinds: dict[tuple[str, Side], str] = {("company", Side.RIGHT): "id"}
        self._alone = {("company", Side.RIGHT), ("CURRENCY", Side.RIGHT)}
        for row in mapping.rows:
            for side in Side:
                at, source = row.column(side), row.conversion.source
                if at is not None and source:
                    kind = (
                        "factor" if row.conversion.kind == "product" else mapping.table(side).columns[at].kind
                    )
                    self._kinds[source, side] = kind
                    if row.column(side.other) is None and row.conversion.key is None:
                        self._alone.add((source, side))
        self._back: dict[tuple[str, str], str] = {}

    def __getitem__(self, asked: _ASKED) -> Answer:
        source, side, key = asked
        if source in PURE:
            answer = SOURCES[source].resolve(facts(), side, [key]).get(key)
            assert not hasattr(answer, "via")
            return answer  # type: ignore[return-value]
        if source in OPEN:
            return OPEN[source]
        if not key and (source, side) not in self._alone:
            return None
        if side is Side.LEFT and (source, key) in self._back:
            return self._back[source, key]
        return self._made(source, side, key)

    def _made(self, source: str, side: Side, key: str) -> Answer:
        kind = self._kinds.get((source, side), "text")
        number = int(uuid.uuid5(uuid.NAMESPACE_URL, f"{source} {key}").int % 90_000)
        made: dict[str, Answer] = {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{source} {key}")),
            "integer": number + 1,
            "decimal": Decimal(number),
            "factor": Decimal("1.25"),
            "boolean": True,
            "date": "2026-04-01",
        }
        answer = made.get(kind, f"P{number}")
        if side is Side.RIGHT:
            self._back[source, str(answer)] = key.split("\x1e")[-1]
        return answer

    def get(self, asked: Any, default: Any = None) -> Any:
        return self[asked]

    def __iter__(self) -> Iterator[_ASKED]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError


class Two:
    """A record of one side, its partner on the other, and the base that we hold."""

    def __init__(self, mapping: TableMapping) -> None:
        self.partners = Partners(mapping)
        self.mapping = bind(mapping, self.partners)
        self.now: dict[Side, Values] = {}
        self.base: Base | None = None

    def create(self, source: Side, values: Values) -> Action:
        """The record's partner is made."""
        self.now[source] = values
        record = Record(id=str(source), values=values)
        action = plan_create(self.mapping, record, source.other, self.partners)
        if action.kind is Kind.CREATE:
            table = self.mapping.table(source.other)
            given = [one.blank for one in table.columns]
            for one in table.conditions:
                # What nobody says, the service takes as it does for whoever makes such a record.
                given[one.position] = given[one.position] if one.negated else one.values[0]
            if table.name == "product":
                given[[one.name for one in table.columns].index("statecode")] = _DRAFT
            self.now[source.other] = tuple(given)
            self._carry_out(action)
        return action

    def pair(self) -> Pair:
        left, right = (Record(id=str(side), values=self.now[side]) for side in Side)
        return Pair(left=left, right=right, base=self.base)

    def round(self) -> Action:
        action = plan_pair(self.mapping, self.pair(), self.partners)
        assert (action.contested, action.waiting, action.rejected) == ((), (), ())
        self._carry_out(action)
        return action

    def rest(self) -> None:
        """Two rounds are enough, and ten more have nothing to write."""
        self.round()
        self.round()
        for _ in range(10):
            last = self.round()
            assert (last.kind, last.writes) == (Kind.NOTHING, ())
        found = verify_pair(self.mapping, self.pair(), self.partners)
        assert verdict_of(found) <= Verdict.ACCEPTED, found

    def edit(self, side: Side, at: int, value: Value) -> None:
        values = list(self.now[side])
        values[at] = fit(value, self.mapping.table(side).columns[at])
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


# Each sign stands for many; a large alphabet makes drawing dear.
LETTERS = "aÅß1 -/.'\"&<€語😀\u00a0\u0301"
numbers = st.decimals(Decimal(0), Decimal(10_000), places=2).map(lambda one: one + 0)
codes = st.text("ABCØ19-/ ", min_size=1, max_size=10).filter(lambda one: bool(one.strip()))
days = st.dates(min_value=date(2000, 1, 1)).map(str)


def shortest(mapping: TableMapping, side: Side, at: int) -> int:
    """How long a text may be so that every row can hold it on the other side."""
    joined = [one.column(side.other) for one in mapping.rows if one.column(side) == at]
    longest = [mapping.table(side).columns[at].maximum]
    longest += [mapping.table(side.other).columns[one].maximum for one in joined if one is not None]
    return min([40, *(one for one in longest if one is not None)])


def value_of(two: Two, side: Side, at: int) -> st.SearchStrategy[Value]:
    """What a column may hold: what a look-up on the right answers, else by its kind."""
    mapping, column = two.mapping, two.mapping.table(side).columns[at]
    rows = [one for one in mapping.rows if one.column(side) == at and one.conversion.kind == "look_up"]
    if side is Side.RIGHT and rows and rows[0].conversion.source not in PURE:
        return codes.map(lambda one: asked(two, rows[0], one))
    if column.kind == "option":
        return st.sampled_from(OPTIONS.get(column.name, [str(column.blank)]))
    if column.kind == "integer":
        return st.integers(0, 9)
    if column.kind == "decimal":
        return numbers
    if column.kind == "boolean":
        return st.just(False)
    if column.kind == "id":
        return st.none()
    if column.kind == "date":
        return days
    texts = codes if column.upper else st.text(LETTERS, max_size=shortest(mapping, side, at) // 2)
    if any(one.conversion.kind == "last_word" for one in mapping.rows if one.column(side) == at):
        # The service would make a title of the rest; without either the record is refused by name.
        texts = texts.map(lambda one: one if one.split() else "Word")
    return texts.map(lambda one: fit(one, column))


def asked(two: Two, row: FieldRow, code: str) -> Value:
    """The partner of what the left would hold."""
    column = two.mapping.left.columns[row.left] if row.left is not None else None
    code = code if column is None else str(fit(code[: column.maximum], column))
    key = "\x1e".join([*("1000" for _ in row.conversion.within), code])
    answer = two.partners[row.conversion.source, Side.RIGHT, key]
    return f"{row.conversion.entity}/{answer}" if row.conversion.entity else answer  # type: ignore[return-value]


def records(two: Two, side: Side) -> st.SearchStrategy[Values]:
    """Records of a side that are inside its filter."""
    table = two.mapping.table(side)
    drawn = [value_of(two, side, at) for at in range(len(table.columns))]
    for one in table.conditions:
        if one.values and not one.negated and not one.entity:
            drawn[one.position] = st.sampled_from(one.values)
    if table.title is not None and table.columns[table.title].kind == "text":
        # What nobody can be named by is refused by name.
        drawn[table.title] = drawn[table.title].map(lambda one: one if str(one or "").split() else "A name")
    return st.tuples(*drawn).filter(lambda values: outside(table, values) is None)


def sources_of(mapping: TableMapping) -> list[Side]:
    return [side for side in Side if mapping.direction.allows(side.other)]


EVERY_WAY = [(name, side) for name, one in CHOSEN.items() for side in sources_of(one)]
drawn_small = settings(
    deadline=None,
    max_examples=8,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def editable(two: Two, side: Side) -> list[FieldRow]:
    """The rows whose column somebody may edit on that side so that it flows."""
    held = {at for one in two.mapping.rows for at in one.conversion.within}
    held |= {one.position for one in two.mapping.table(side).conditions}
    found = []
    for row in two.mapping.rows:
        at = row.column(side)
        plain = row.moment is Moment.ALWAYS and not row.rule and not row.gate
        if at is not None and at not in held and plain and row.direction.allows(side.other):
            found.append(row)
    return found


@pytest.mark.parametrize(("name", "source"), EVERY_WAY, ids=[f"{name} of {side}" for name, side in EVERY_WAY])
@drawn_small
@given(data=st.data())
def test_a_record_goes_to_the_other_side_and_its_edits_flow_both_ways_and_rest(
    name: str, source: Side, data: st.DataObject
) -> None:
    two = Two(CHOSEN[name])
    action = two.create(source, data.draw(records(two, source)))
    assert action.kind is Kind.CREATE, action
    two.rest()
    for side in data.draw(st.lists(st.sampled_from(Side), max_size=3)):
        rows = editable(two, side)
        for row in data.draw(st.lists(st.sampled_from(rows), max_size=3)) if rows else ():
            at = row.column(side)
            assert at is not None
            two.edit(side, at, data.draw(value_of(two, side, at)))
        two.rest()
