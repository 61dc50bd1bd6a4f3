"""Aim: a page of creations is planned as each of its records alone would be, whatever is among them."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from algebra.drawn import heavy, look_ups, mappings, values_of
from kobling.algebra.create import plan_create, plan_creations
from kobling.model.mapping import Direction, Mapping, Moment, Side, Template
from kobling.model.pair import Record


@heavy
@given(st.data(), mappings(), look_ups(), st.sampled_from(Side), st.booleans(), st.booleans())
def test_a_page_is_planned_as_its_records_alone(
    data: st.DataObject,
    mapping: Mapping,
    answers: dict[object, object],
    target: Side,
    templated: bool,
    finishing: bool,
) -> None:
    if finishing:
        mapping = _finishing(mapping)
    if templated:
        mapping = _with_template(mapping, target)
    drawn = data.draw(st.lists(values_of(mapping, target.other), max_size=6))
    sources = [Record(id=str(at), values=values, version=str(at)) for at, values in enumerate(drawn)]
    alone = [plan_create(mapping, one, target, answers) for one in sources]  # type: ignore[arg-type]
    assert plan_creations(mapping, sources, target, answers) == alone  # type: ignore[arg-type]


def _finishing(mapping: Mapping) -> Mapping:
    """The rows that flow both ways finish what is created on the right."""
    rows = [
        msgspec.structs.replace(one, moment=Moment.FINISH) if one.direction is Direction.BOTH else one
        for one in mapping.rows
    ]
    return msgspec.structs.replace(mapping, rows=tuple(rows))


def _with_template(mapping: Mapping, target: Side) -> Mapping:
    table = msgspec.structs.replace(mapping.table(target), template=(Template(position=0, value="t"),))
    return msgspec.structs.replace(mapping, **{str(target): table})
