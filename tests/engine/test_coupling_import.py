"""Aim: a file of pairs couples what it can, says of each row why not, and does what a look said."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.world import Document, World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.coupling_sheet import csv_text, import_couplings

COLUMNS = {one: one for one in ("bc_id", "number", "bc_name", "crm_id", "crm_name")}


def taken_in(world: World, file: Path, use: str = "", *, dry_run: bool = False) -> tuple[Document, int]:
    return world.command(
        lambda one: import_couplings(one, "CUSTOMER", file, use, dry_run=dry_run, wait=lambda name: None)
    )


def coupled(world: World) -> set[tuple[str, str]]:
    return {(one["bc_id"], one["crm_id"]) for one in world.couplings()}


def test_what_is_exported_is_imported_again(synchronized: World, tmp_path: Path) -> None:
    before = synchronized.couplings()
    file = tmp_path / "pairs.csv"
    file.write_text(csv_text(before, COLUMNS), encoding="utf-8")
    document, status = taken_in(synchronized, file)
    assert (status, {one["fate"] for one in document["rows"]}) == (0, {"coupled already"})
    synchronized.uncouple("CUSTOMER")
    said, _ = taken_in(synchronized, file, dry_run=True)
    assert coupled(synchronized) == set()
    done, _ = taken_in(synchronized, file, "leave")
    assert said["rows"] == done["rows"]
    assert {one["fate"] for one in done["rows"]} == {"couple"}
    assert coupled(synchronized) == {(one["bc_id"], one["crm_id"]) for one in before}
    assert wrote(synchronized.sync("CUSTOMER")) == 0


def test_each_row_has_its_fate_and_the_good_ones_are_coupled(synchronized: World, tmp_path: Path) -> None:
    world = synchronized
    customer, account = world.pair()
    made = [str(world.create("bc", "customers", name=f"Row {one}")["id"]) for one in range(3)]
    others = [
        str(world.create("crm", "accounts", name=f"Row {one}", customertypecode=3)["accountid"])
        for one in range(2)
    ]
    outside = str(world.create("crm", "accounts", name="Supplier", customertypecode=10)["accountid"])
    number = world.customer(made[0])["no"]
    nobody = "00000000-0000-4000-8000-000000000001"
    rows = [
        ("", number, others[0]),
        (made[0], "", others[1]),
        (made[1], "", account),
        (nobody, "", others[1]),
        ("", "C-NOBODY", others[1]),
        (made[1], "", "nonsense"),
        (made[1], "", ""),
        (customer, "", account),
        (made[1], "", outside),
    ]
    file = tmp_path / "pairs.csv"
    lines = [";".join(one) for one in [("bc_id", "number", "crm_id"), *rows]]
    file.write_text("\r\n".join(lines), encoding="utf-8-sig")
    before = coupled(world)
    document, status = taken_in(world, file)
    assert [one["fate"] for one in document["rows"]] == [
        "couple",
        "named twice",
        "coupled otherwise",
        "no such record",
        "unreadable",
        "unreadable",
        "unreadable",
        "coupled already",
        "couple",
    ]
    assert status == 1
    assert document["rows"][-1]["outside"]
    assert all(one["message"] or one["fate"] == "couple" for one in document["rows"])
    assert coupled(world) == before | {(made[0], others[0]), (made[1], outside)}


def test_a_file_that_is_not_there_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        taken_in(world, tmp_path / "nothing.csv")
