"""Aim: undoing a job puts back every mapped field that nobody has touched since, names each that somebody
has, and nothing of it flows back later; undoing the undo does the job again.

Method: people work, a job carries that over, people go on working, and the job is undone. What both services
hold of each field that the job wrote is held against what it held before and after the job.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.world import World, wrote
from properties.deeds import (
    ALL_FIELDS,
    BC,
    CRM,
    DRAWN,
    SYSTEMS,
    Audit,
    Deed,
    Firm,
    Office,
    Rows,
    deeds,
    edits,
    lasting,
    noted,
    plain,
    rows_of,
)

HISTORY = st.lists(deeds(), min_size=1, max_size=8)
TOUCHES = st.lists(edits(), max_size=4)
CONFLICTS = st.sampled_from(("none", "none", "send", "get"))
# The column of the other side that a column is in step with.
PARTNERS = {(BC, left): (CRM, right) for left, (right, _) in ALL_FIELDS.items()}
PARTNERS |= {right: left for left, right in PARTNERS.items()}
Cell = tuple[str, str, str]
Pair = tuple[str, str]


@settings(DRAWN, max_examples=6)
@given(HISTORY, TOUCHES, CONFLICTS)
def test_an_undo_puts_back_what_nobody_has_touched(
    office: Office, history: list[Deed], touches: list[Deed], conflict: str
) -> None:
    undo(office, history, touches, conflict)


@pytest.mark.accept
@pytest.mark.timeout(1200)
@settings(DRAWN, max_examples=60)
@given(HISTORY, TOUCHES, CONFLICTS)
def test_many_undos_put_back_what_nobody_has_touched(
    office: Office, history: list[Deed], touches: list[Deed], conflict: str
) -> None:
    undo(office, history, touches, conflict)


@settings(DRAWN, max_examples=4)
@given(HISTORY, CONFLICTS)
def test_undo_of_undo_does_the_job_again(office: Office, history: list[Deed], conflict: str) -> None:
    redo(office, history, conflict)


@pytest.mark.accept
@pytest.mark.timeout(1200)
@settings(DRAWN, max_examples=60)
@given(HISTORY, CONFLICTS)
def test_many_undos_of_undos_do_the_job_again(office: Office, history: list[Deed], conflict: str) -> None:
    redo(office, history, conflict)


class Done(NamedTuple):
    """A job that carried over what people had done, what it wrote, and what both services held after it."""

    firms: list[Firm]
    job: str
    audit: Audit
    rows: Rows


def carry_over(office: Office, history: list[Deed], conflict: str) -> Done:
    world, firms = office.world, office.begin(conflict)
    office.do(firms, history)
    noted = len(world.audit())
    job = world.sync("CUSTOMER")["CUSTOMER"]["job"]
    return Done(firms, job, world.audit()[noted:], rows_of(world))


def undo(office: Office, history: list[Deed], touches: list[Deed], conflict: str) -> None:
    world = office.world
    done = carry_over(office, history, conflict)
    office.do(done.firms, touches)
    touched = rows_of(world)
    undone = world.undo(done.job)
    now, refused = rows_of(world), Counter((one["bc_id"], one["crm_id"]) for one in undone["refused"])
    whole = {(one["bc_id"], one["crm_id"]) for one in undone["refused"] if one["field"] is None}
    put_back: dict[Cell, str] = {}
    touched_cells: set[Cell] = set()
    expected: Counter[tuple[str, str]] = Counter()
    for pair, written in updates(done.audit).items():
        if is_outside(pair, touched):
            expected[pair] = 1
            assert pair in whole
        for cell, (before, _) in written.items():
            held, was = value(now, cell), value(touched, cell)
            if pair in whole:
                assert held == was, cell
            elif was != before and is_touched(pair, cell, done.rows, touched):
                expected[pair] += 1
                assert held == was, cell
            else:
                put_back[cell] = before
                if is_touched(pair, cell, done.rows, touched):
                    touched_cells.add(cell)
    assert {cell: value(now, cell) for cell in put_back} == put_back
    assert refused == expected
    for system, made in created(done.audit):
        assert made not in now[system]
    if touches:
        world.sync("CUSTOMER")
        later = rows_of(world)
        still = {cell: before for cell, before in put_back.items() if cell not in touched_cells}
        assert {cell: value(later, cell) for cell in still} == still
    else:
        quiet(world, now)


def redo(office: Office, history: list[Deed], conflict: str) -> None:
    world = office.world
    done = carry_over(office, history, conflict)
    second = world.undo(world.undo(done.job)["jobs"][0]["job"])
    assert second["refused"] == []
    now = rows_of(world)
    made = {one for _, one in created(done.audit)}
    for pair, written in updates(done.audit).items():
        assert {cell: value(now, cell) for cell in written} == {
            cell: value(done.rows, cell) for cell in written
        }, pair
    partners = {one["bc_id"]: one["crm_id"] for one in world.couplings()}
    partners |= {right: left for left, right in partners.items()}
    for left, right, side, method, columns in done.audit:
        if method == "create":
            system, source = SYSTEMS[side], left if side == "right" else right
            for column, (_, after) in columns.items():
                assert value(now, (system, partners[source], column)) == plain(after).rpartition("/")[2]
    assert not made & {one for held in now.values() for one in held}
    quiet(world, now)


def updates(audit: Audit) -> dict[Pair, dict[Cell, tuple[str, str]]]:
    """What a job wrote into pairs of which it created no record, by pair and cell, from what to what."""
    new = {one[:2] for one in audit if one[3] == "create"}
    found: dict[Pair, dict[Cell, tuple[str, str]]] = {}
    for left, right, side, _, columns in audit:
        if (left, right) in new:
            continue
        written = found.setdefault((left, right), {})
        for column, (before, after) in columns.items():
            noted(written, (SYSTEMS[side], left if side == "left" else right, column), before, after)
    return found


def created(audit: Audit) -> list[tuple[str, str]]:
    return [
        (SYSTEMS[side], left if side == "left" else right)
        for left, right, side, method, _ in audit
        if method == "create"
    ]


def is_outside(pair: Pair, rows: Rows) -> bool:
    customer, account = rows[BC][pair[0]], rows[CRM][pair[1]]
    return customer["blocked"] != "_x0020_" or account["statecode"] != 0


def is_touched(pair: Pair, cell: Cell, before: Rows, now: Rows) -> bool:
    """Whether somebody has changed that value, or the one that it is in step with."""
    system, column = PARTNERS.get((cell[0], cell[2]), ("", ""))
    other = (system, pair[0] if system == BC else pair[1], column)
    return any(value(before, one) != value(now, one) for one in (cell, *([other] if system else [])))


def value(rows: Rows, cell: Cell) -> str:
    """What a service holds, comparable; of a look-up the id."""
    system, identifier, column = cell
    row = rows[system][identifier]
    return plain(row[column] if column in row else row[f"_{column}_value"])


def quiet(world: World, rows: Rows) -> None:
    """Nothing flows, whatever the runs compare."""
    for every_record in (False, True):
        assert wrote(world.sync("CUSTOMER", every_record=every_record)) == 0
    assert lasting(rows_of(world)) == lasting(rows)
