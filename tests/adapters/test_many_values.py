"""Aim: a list of values is cut into requests of a bounded size, and a feed knows no place but its own.

Method: what the served sandbox was asked, and what it answered.
"""

from __future__ import annotations

from typing import Any

import pytest

from adapters.kits import BC, CRM, KITS, Kit, everything
from kobling.adapters.odata.filters import FIND_PAGE
from kobling.ports import Outcome, Row, Service
from sandboxes import Sandbox


def asked_for(sandbox: Sandbox, kit: Kit, count: int) -> int:
    """In how many parts of batches so many values were looked for."""

    async def work(service: Service) -> None:
        names = [f"No such name {number}" for number in range(count)]
        assert await service.find(kit.table.route, kit.columns, "name", names) == []

    base = kit.base(sandbox)
    sandbox.control(base, "requests/reset", {})
    kit.run(sandbox, work)
    seen: Any = sandbox.control(base, "requests")
    return sum(one["count"] for one in seen["parts"])


@pytest.mark.parametrize("kit", KITS, ids=["bc", "crm"])
@pytest.mark.parametrize(
    ("count", "parts"),
    [
        pytest.param(FIND_PAGE, 1, marks=pytest.mark.scenario("FI-04")),
        pytest.param(3 * FIND_PAGE, 3, marks=pytest.mark.scenario("FI-05")),
        (FIND_PAGE + 1, 2),
    ],
)
def test_many_values_are_asked_for_in_parts(sandbox: Sandbox, kit: Kit, count: int, parts: int) -> None:
    assert asked_for(sandbox, kit, count) == parts


def edited(kit: Kit, sandbox: Sandbox, row: Row, name: str) -> None:
    async def work(service: Service) -> None:
        [made] = await service.write([kit.update(row, name=name)])
        assert made.outcome is Outcome.DONE

    kit.run(sandbox, work)


def read(kit: Kit, sandbox: Sandbox, token: str | None = None) -> tuple[list[Row], str]:
    async def work(service: Service) -> tuple[list[Row], str]:
        return await everything(service, kit, token)

    rows, after = kit.run(sandbox, work)
    return rows, after


@pytest.mark.scenario("FI-06")
def test_how_far_one_side_was_read_plays_no_part_on_the_other(sandbox: Sandbox) -> None:
    (one, other, *_), token = read(CRM, sandbox)
    edited(CRM, sandbox, one, "Before")
    read(BC, sandbox)
    edited(CRM, sandbox, other, "After")
    found, _ = read(CRM, sandbox, token)
    assert {row["id"] for row in found} == {one["id"], other["id"]}


@pytest.mark.scenario("FI-07")
def test_what_was_read_before_does_not_come_again(sandbox: Sandbox) -> None:
    (one, other, *_), token = read(CRM, sandbox)
    edited(CRM, sandbox, one, "Before")
    _, token = read(CRM, sandbox, token)
    edited(CRM, sandbox, other, "After")
    found, _ = read(CRM, sandbox, token)
    assert {row["id"] for row in found} == {other["id"]}
