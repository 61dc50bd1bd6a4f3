"""What keeps a record outside beside its own columns, and what stands in for a blank name."""

from __future__ import annotations

import msgspec
import pytest

from kobling.algebra.create import plan_create
from kobling.algebra.filters import holds
from kobling.algebra.order import order
from kobling.algebra.plan import plan_pair
from kobling.algebra.transform import convert
from kobling.algebra.verify import Verdict, verdict_of, verify_pair
from kobling.model.look_up import Answer, Outside, Rejected
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
)
from kobling.model.pair import Base, Kind, Pair, Record
from kobling.model.values import Value, Values

NO_PLACE = Outside("its company is a vendor", "owners/V1")
LOOK_UPS: dict[tuple[str, Side, str], Answer] = {
    ("owners", Side.RIGHT, "C1"): "a1",
    ("owners", Side.LEFT, "a1"): "C1",
    ("owners", Side.RIGHT, "V1"): NO_PLACE,
    ("owners", Side.LEFT, "p1"): NO_PLACE,
    ("owners", Side.RIGHT, ""): "",
    ("owners", Side.LEFT, ""): "",
}


def table(name: str, blank: Value) -> Table:
    columns = tuple(Column(name=one, caption=one.title(), blank=blank) for one in ("name", "phone", "owner"))
    return Table(name=name, caption=name, route=name, columns=columns, title=0)


def mapping(*, gate: bool = True) -> Mapping:
    """A telephone, and an owner whose source may know that the record has no place here."""
    conversion = Conversion(kind="look_up", source="owners", via=("OWNER",), entity="account")
    rows = (
        FieldRow(name="Phone", left=1, right=1, direction=Direction.BOTH),
        FieldRow(name="Owner", left=2, right=2, direction=Direction.BOTH, conversion=conversion, gate=gate),
    )
    left, right = table("left", ""), table("right", None)
    return Mapping(name="PERSON", left=left, right=right, direction=Direction.BOTH, rows=rows)


def pair(left: Values, right: Values, base: Base | None) -> Pair:
    return Pair(left=Record(id="l", values=left), right=Record(id="r", values=right), base=base)


BASE = Base(left=("A", "1", "C1"), right=("A", "1", "account/a1"), made=("", "account/a1"))


@pytest.mark.parametrize("side", list(Side))
def test_a_record_that_a_gate_keeps_outside_is_not_created_and_says_what_can_bring_it_back(
    side: Side,
) -> None:
    values = ("A", "1", "V1") if side is Side.LEFT else ("A", "1", "account/p1")
    action = plan_create(mapping(), Record(id="x", values=values), side.other, LOOK_UPS)
    assert (action.kind, action.reason) == (Kind.OUTSIDE, NO_PLACE.reason)
    assert action.waits == ("owners/V1", "owners/*")
    assert (action.waiting, action.rejected, action.writes) == ((), (), ())


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("A", "2", "V1"), BASE.right),
        (BASE.left, ("A", "2", "account/p1")),
        (("A", "2", "V1"), ("A", "3", "account/p1")),
    ],
)
def test_nothing_of_a_coupled_pair_flows_while_a_gate_keeps_it_outside(left: Values, right: Values) -> None:
    for base in (BASE, None):
        action = plan_pair(mapping(), pair(left, right, base), LOOK_UPS)
        assert (action.kind, action.writes) == (Kind.OUTSIDE, ())
        assert NO_PLACE.reason in action.reason
        assert "owners/V1" in action.waits


def test_a_gate_is_asked_whichever_field_changed() -> None:
    base = Base(left=("A", "1", "V1"), right=BASE.right, made=BASE.made)
    action = plan_pair(mapping(), pair(("A", "2", "V1"), BASE.right, base), LOOK_UPS)
    assert action.kind is Kind.OUTSIDE


def test_an_open_gate_lets_the_pair_flow() -> None:
    action = plan_pair(mapping(), pair(("A", "2", "C1"), BASE.right, BASE), LOOK_UPS)
    assert [(one.side, one.values) for one in action.writes] == [(Side.RIGHT, ((1, "2"),))]


def test_without_a_gate_only_the_field_is_rejected() -> None:
    action = plan_pair(mapping(gate=False), pair(("A", "2", "V1"), BASE.right, BASE), LOOK_UPS)
    assert [(one.side, one.values) for one in action.writes] == [(Side.RIGHT, ((1, "2"),))]
    assert [one.field for one in action.rejected] == ["Owner"]


def test_a_pair_outside_by_its_gate_is_no_difference() -> None:
    found = verify_pair(mapping(), pair(("A", "2", "V1"), BASE.right, BASE), LOOK_UPS)
    assert verdict_of(found) is Verdict.ACCEPTED
    assert NO_PLACE.reason in found[0].reason


def test_a_source_that_goes_on_in_a_mapping_makes_that_mapping_come_first() -> None:
    owner = Mapping(
        name="ZZ", left=table("left", ""), right=table("right", None), direction=Direction.BOTH, rows=()
    )
    person = mapping()
    row = msgspec.structs.replace(
        person.rows[1], conversion=msgspec.structs.replace(person.rows[1].conversion, via=("ZZ",))
    )
    person = msgspec.structs.replace(person, rows=(person.rows[0], row))
    assert order({"PERSON": person, "ZZ": owner}) == ("ZZ", "PERSON")
    assert person.sources == {"owners", "ZZ"}


@pytest.mark.parametrize(
    ("held", "inside"), [("account/a1", True), ("contact/c1", False), (None, False), ("a1", False)]
)
def test_a_condition_may_be_about_the_table_that_a_look_up_points_to(held: Value, inside: bool) -> None:
    condition = Condition(position=0, name="ownertype", values=("account",), entity=True)
    assert holds(condition, (held,)) is inside
    assert holds(msgspec.structs.replace(condition, negated=True), (held,)) is not inside


SURNAME = FieldRow(
    name="Surname", left=1, right=1, direction=Direction.BOTH, conversion=Conversion(kind="last_word")
)


@pytest.mark.parametrize(
    ("name", "surname", "expected"),
    [
        ("Kari Åsen", "Dal", "Dal"),
        ("Kari Marie Åsen", "", "Åsen"),
        ("Cher", "", "Cher"),
        ("  Cher  ", None, "Cher"),
    ],
)
@pytest.mark.parametrize("target", list(Side))
def test_a_blank_surname_is_the_last_word_of_the_name(
    target: Side, name: str, surname: Value, expected: str
) -> None:
    assert convert(mapping(), SURNAME, (name, surname, ""), target, {}) == expected


@pytest.mark.parametrize("name", ["", None, "   "])
def test_without_any_name_the_row_says_what_to_fill_in(name: Value) -> None:
    found = convert(mapping(), SURNAME, (name, "", ""), Side.RIGHT, {})
    assert isinstance(found, Rejected)
    assert "Surname and Name are blank" in found.reason
    assert SURNAME.moment is Moment.ALWAYS
