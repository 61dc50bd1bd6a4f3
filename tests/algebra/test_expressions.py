"""Aim: a filter expression lets through what it says in Business Central, for every kind of value.

Method: examples of each operator, and a slow judge that knows the operators one by one against the functions.
"""

from __future__ import annotations

from decimal import Decimal
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobling.algebra.expressions import folded, predicate
from kobling.algebra.filters import outside
from kobling.catalogue.definition import Column, ColumnType
from kobling.catalogue.filter_expression import parse_expression
from kobling.model.expression import AllOf, AnyOf, Compare, Expression, Like, Not, OneOf, Order, Range
from kobling.model.mapping import Condition, Table
from kobling.model.values import Value, is_blank

TEXT = Column(caption="City", blank="")
CODE = Column(caption="No.", upper=True, blank="")
AMOUNT = Column(caption="Amount", type=ColumnType.DECIMAL, blank=0)
CHOICE = Column(caption="Status", type=ColumnType.INTEGER, blank=None)
DAY = Column(caption="Order Date", type=ColumnType.DATE, blank="0001-01-01")
MOMENT = Column(caption="Modified On", type=ColumnType.DATE, blank=None)
OPTION = Column(caption="Blocked", type=ColumnType.OPTION, blank="_x0020_")


@pytest.mark.parametrize(
    ("column", "text", "inside", "out"),
    [
        (TEXT, "Oslo", ["Oslo"], ["oslo", "Oslo ", "", None]),
        (TEXT, "<>Oslo", ["oslo", "", None], ["Oslo"]),
        (TEXT, "''", ["", None], ["Oslo", " "]),
        (TEXT, "<>''", ["Oslo"], ["", None]),
        (TEXT, "O*", ["Oslo", "O"], ["oslo", "", "Moss"]),
        (TEXT, "*o", ["Oslo", "o"], ["Ola", ""]),
        (TEXT, "*sl*", ["Oslo", "sl"], ["OSLO"]),
        (TEXT, "M?ss", ["Moss", "Mess"], ["Mss", "Mooss", "moss"]),
        (TEXT, "@m?ss*", ["Moss", "MESSINA"], ["Mss"]),
        (TEXT, "@*gjovik*", ["Gjøvik sentrum".replace("ø", "o"), "GJÓVIK"], ["Oslo"]),
        (TEXT, "@orebro", ["Örebro", "OREBRO"], ["Örebro C"]),
        (TEXT, "<>@*as", ["Oslo", ""], ["Horgås", "ÅS"]),
        (TEXT, "'O*'", ["O*"], ["Oslo"]),
        (TEXT, "*'*'*", ["O*o"], ["Oslo"]),
        (TEXT, "A..C", ["A", "Bergen", "c"], ["Cx", "", "Å"]),
        (TEXT, "..B", ["", None, "Asker", "B"], ["Bergen"]),
        (TEXT, "Oslo..", ["Oslo", "Trondheim"], ["Asker", ""]),
        (TEXT, ">B&<D", ["Bergen", "C"], ["B", "D", "Drammen"]),
        (TEXT, "A*&*r|Oslo", ["Asker", "Oslo"], ["Askim", "Bor"]),
        (TEXT, "A*&(*r|*m)", ["Asker", "Askim"], ["Ask", "Bor"]),
        (TEXT, "*", ["", None, "Oslo"], []),
        (CODE, "c10..c20", ["C10", "C15", "C2", "C20"], ["C1", "C3", ""]),
        (CODE, "c*", ["C1"], ["D1"]),
        (
            AMOUNT,
            "0.5..1000",
            [1, Decimal("0.50"), Decimal(1000)],
            [0, Decimal("0.4999999999999999999"), None],
        ),
        (AMOUNT, "0.1|7", [Decimal("0.10"), 7, Decimal("7.0")], [Decimal("0.1000000000000000001"), 0]),
        (AMOUNT, ">0", [1, Decimal("0.01")], [0, -1, None, True, "1"]),
        (CHOICE, "0..1|3", [0, 1, 3], [2, None]),
        (CHOICE, "<>0", [1, None], [0]),
        (CHOICE, "null", [None], [0]),
        (DAY, "..2026-01-31", ["2026-01-31", "0001-01-01"], ["2026-02-01"]),
        (DAY, "2026-01-31|''", ["2026-01-31", "0001-01-01"], ["2026-01-30"]),
        (DAY, "<>2026-01-31", ["2026-01-30", "0001-01-01"], ["2026-01-31"]),
        (
            MOMENT,
            "2026-01-01..2026-01-31",
            ["2026-01-31T23:59:59Z", "2026-01-01"],
            ["2026-02-01T00:00:00Z", None],
        ),
        (MOMENT, "2026-01-31", ["2026-01-31T08:00:00Z"], ["2026-01-30T08:00:00Z", None]),
        (OPTION, "''|Ship", ["_x0020_", "Ship"], ["All"]),
    ],
)
def test_what_an_expression_lets_through(
    column: Column, text: str, inside: list[Value], out: list[Value]
) -> None:
    holds = predicate(parse_expression(text, column))
    assert [one for one in inside if not holds(one)] == []
    assert [one for one in out if holds(one)] == []


def test_a_pattern_with_many_stars_is_judged_at_once() -> None:
    holds = predicate(Like("*a" * 200 + "b"))
    assert not holds("a" * 100_000)
    assert holds("xa" * 200 + "b")


texts = st.text(st.sampled_from("aAbBéÉø*?\\. "), max_size=5)
patterns = st.text(st.sampled_from("aAbé*?"), min_size=1, max_size=5)
some_text = st.none() | texts
leaves: st.SearchStrategy[Expression] = st.one_of(
    st.builds(OneOf, st.lists(texts, max_size=3).map(tuple)),
    st.builds(Compare, st.sampled_from(Order), texts),
    st.builds(Range, some_text, texts),
    st.builds(Like, patterns, st.booleans()),
    st.builds(Not, st.builds(OneOf, st.lists(texts, max_size=2).map(tuple)) | st.builds(Like, patterns)),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(AllOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


def judged(tree: Expression, held: str | None) -> bool:
    """Slowly, from the definitions alone."""
    text = held or ""
    match tree:
        case OneOf(values):
            return any(one == held or (is_blank(one) and is_blank(held)) for one in values)
        case Compare(order, value):
            low, high = text.casefold(), str(value).casefold()
            return {"=": low == high, "<": low < high, "<=": low <= high, ">": low > high, ">=": low >= high}[
                order
            ]
        case Range(low, high):
            begun = low is None or str(low).casefold() <= text.casefold()
            return begun and text.casefold() <= str(high).casefold()
        case Like(pattern, True):
            return fnmatchcase(folded(text), folded(pattern))
        case Like(pattern):
            return fnmatchcase(text, pattern)
        case Not(part):
            return not judged(part, held)
        case AllOf(parts):
            return all(judged(one, held) for one in parts)
        case AnyOf(parts):
            return any(judged(one, held) for one in parts)


@given(tree=trees, held=some_text)
def test_every_tree_is_judged_as_it_is_defined(tree: Expression, held: str | None) -> None:
    assert predicate(tree)(held) is judged(tree, held)


def test_a_condition_with_an_expression_keeps_records_outside() -> None:
    condition = Condition(
        position=1,
        name="city",
        values=(),
        test=parse_expression("A..B|@*holm", TEXT),
        text="City is A..B|@*holm",
    )
    table = Table(name="t", caption="T", route="t", columns=(), conditions=(condition,))
    assert outside(table, ("x", "Asker")) is None
    assert outside(table, ("x", "STOCKHOLM")) is None
    assert outside(table, ("x", "Oslo")) is condition
