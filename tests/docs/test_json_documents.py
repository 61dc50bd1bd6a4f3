"""Aim: what a command prints with --json is what the reference says, key by key.

Method: the tables of the page are read as the shapes of documents; a day of work is done by the real commands
against a served sandbox, and each document is held against its table.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docs.test_reference import commands, text_of
from engine.world import World
from sandboxes import Sandbox

PAGE = text_of("json.md")
_HEADING = re.compile(r"^### (.+)$", re.MULTILINE)
_ROW = re.compile(r"^\| `([^`]+)` \| (.+?) \| .+ \|$", re.MULTILINE)
_REFERENCE = re.compile(r"\[(.+?)\]\(#.+?\)")
_CHECKS: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "true or false": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "any": lambda value: True,
}


def shapes(page: str) -> dict[str, dict[str, str]]:
    """What each key holds, by the heading of its table."""
    parts = _HEADING.split(page)
    return {title: dict(_ROW.findall(text)) for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def complaints(known: dict[str, dict[str, str]], shape: str, document: Any, place: str = "") -> list[str]:
    """Where a document is not as its table says."""
    if not isinstance(document, dict):
        return [f"{place}: no object"]
    keys = known[shape]
    needed = {key for key, holds in keys.items() if not holds.endswith(", optional")}
    found = [f"{place}.{key} is not documented" for key in document.keys() - keys.keys()]
    found += [f"{place}.{key} is missing" for key in needed - document.keys()]
    for key in document.keys() & keys.keys():
        found += wrong(known, keys[key].removesuffix(", optional"), document[key], f"{place}.{key}")
    return found


def wrong(known: dict[str, dict[str, str]], holds: str, value: Any, place: str) -> list[str]:
    """Whether a value is of the kind that the table names."""
    if holds.endswith(" or null"):
        return [] if value is None else wrong(known, holds.removesuffix(" or null"), value, place)
    if holds.startswith("list of "):
        if not isinstance(value, list):
            return [f"{place} is no list"]
        inner = holds.removeprefix("list of ")
        return [one for each in value for one in wrong(known, inner, each, f"{place}[]")]
    reference = _REFERENCE.fullmatch(holds)
    if reference is not None:
        return complaints(known, reference[1], value, place)
    return [] if _CHECKS[holds](value) else [f"{place} is not {holds}: {value!r}"]


class Day:
    """Commands with --json, and what of their documents is not as documented."""

    def __init__(self, world: World) -> None:
        self.known = shapes(PAGE)
        self.done: set[str] = set()
        self.wrong: list[str] = []
        self.folder = world.path.parent
        self._environment = os.environ | world.environment | {"KOBLING_CONFIG": str(world.path)}
        # Nobody listens there.
        self._environment |= {"KOBLING_WEBHOOK_URL": "http://127.0.0.1:9/", "KOBLING_WEBHOOK_SECRET": "x"}

    def run(self, name: str, *words: str) -> Any:
        command = [sys.executable, "-m", "kobling", *name.split(), *words, "--json"]
        said = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=self._environment
        )
        document = json.loads(said.stdout)
        self.wrong += complaints(self.known, f"kobling {name}", document, name)
        self.done.add(f"kobling {name}")
        return document


@pytest.fixture
def world(sandbox: Sandbox, database_url: str, tmp_path: Path) -> World:
    return World(sandbox, database_url, tmp_path)


def test_every_command_prints_what_is_documented(world: World, tmp_path: Path) -> None:
    day = Day(world)
    _begin(day, tmp_path)
    customer, account = world.pair()
    _disagree(day, world, customer, account)
    _couple_anew(day, world, tmp_path, customer, account)
    _decide(day, world, customer, account)
    _change_fields(day)
    _schedule(day)
    _undo(day, world)
    _plan(day, world, str(tmp_path / "plan.json"))
    _documents(day, world)
    _look_after(day, world, str(tmp_path / "backup"))
    jobs = day.run("job list")["jobs"]
    day.run("job show", jobs[0]["job"])
    assert day.run("job purge", "--older-than=1") == {"purged": 0, "kept": 0}
    assert day.run("connection clean", "default", "--yes")["removed"]["couplings"]
    assert day.wrong == []
    assert {name for name, _ in commands()} - day.done == {"kobling demo", "kobling serve", "kobling worker"}


def _documents(day: Day, world: World) -> None:
    day.run("document create-invoice", "103001")
    day.run("connection set", "sales_orders=legacy")
    [order] = world.get("crm", world.crm("salesorders"))["value"]
    assert day.run("document create-order", f"crm:{order['salesorderid']}")["jobs"]


def _begin(day: Day, tmp_path: Path) -> None:
    day.run("init", "--config", str(tmp_path / "other.toml"))
    day.run("connection test")
    day.run("connection setup", "--check")
    day.run("connection show")
    day.run("connection set", "blocked=off")
    day.run("connection set", "blocked=default", "company=default")
    day.run("mapping list")
    day.run("mapping show", "SALESPEOPLE")
    day.run("couple-match", "SALESPEOPLE", "--use", "bc")
    day.run("couple-match", "CUSTOMER", "--on", "No.=accountnumber", "--dry-run")
    day.run("couple-match", "CUSTOMER", "--on", "City=address1_city", "--dry-run")
    assert day.run("doctor")["ok"]
    day.run("alert list")
    assert not day.run("alert test")["channels"][0]["ok"]
    day.run("full-sync review")
    assert day.run("full-sync start", "CURRENCY")["lines"]
    day.run("sync", "--all", "--full", "--dry-run")
    day.run("sync", "--all", "--full")


def _disagree(day: Day, world: World, customer: str, account: str) -> None:
    world.edit_customer(customer, name="Name in BC")
    world.edit_account(account, name="Name in Sales")
    day.run("sync", "CUSTOMER")
    assert day.run("why", "CUSTOMER", customer)["sentences"]
    assert day.run("history", "CUSTOMER", account)["changes"]
    assert day.run("conflict list")["conflicts"]
    assert day.run("verify")["differences"]
    day.run("conflict resolve", "--use", "bc")


def _couple_anew(day: Day, world: World, tmp_path: Path, customer: str, account: str) -> None:
    day.run("coupling list", "CUSTOMER")
    assert day.run("coupling candidates", "CUSTOMER", customer)["coupled_with"] == account
    day.run("uncouple", "CUSTOMER", "--record", customer, "--dry-run")
    day.run("uncouple", "CUSTOMER", "--record", customer)
    day.run("couple", "CUSTOMER", customer, account, "--dry-run")
    day.run("couple", "CUSTOMER", customer, account)
    lone = world.create("bc", "customers", name="Lone AS")["id"]
    day.run("coupling create", "CUSTOMER", lone, customer)
    day.run("coupling export", "CUSTOMER")
    day.run("coupling repair", "CUSTOMER", "--dry-run")
    day.run("coupling rebuild", "CUSTOMER", "--dry-run")
    (tmp_path / "pairs.csv").write_text(f"bc_id,crm_id\n{customer},{account}\n,x\n", encoding="utf-8")
    day.run("coupling import", "CUSTOMER", str(tmp_path / "pairs.csv"), "--dry-run")
    day.run("couple-match", "CUSTOMER", "--on", "Name=name", "--record", customer, "--dry-run")


def _decide(day: Day, world: World, customer: str, account: str) -> None:
    world.edit_account(account, name="Another name")
    day.run("sync", "CUSTOMER")
    first = day.run("conflict list")["conflicts"]
    assert [one["field"] for one in first] == ["first contact"]
    _delete(world, account)
    assert day.run("coupling find-deleted", "CUSTOMER")["missing"]["crm"] == [account]
    day.run("sync", "CUSTOMER")
    assert day.run("skipped list")["skipped"]
    day.run("skipped retry")
    day.run("skipped restore", "CUSTOMER", customer)
    _change_as_us(world, world.pair("C00020")[1])
    day.run("sync", "CUSTOMER", "--dry-run")
    day.run("sync", "CUSTOMER")
    assert day.run("held list")["held"]
    assert day.run("held accept")["done"] == 1
    day.run("held ignore")
    day.run("skipped remove-coupling", "CUSTOMER", customer)
    day.run("skipped delete", "CUSTOMER", customer)


def _change_fields(day: Day) -> None:
    day.run("mapping set", "CUSTOMER", "update_conflict=send")
    day.run("field set", "CUSTOMER", "Fax No.", "transformation=trim > lowercase", "direction=to_integration")
    day.run(
        "field new", "CUSTOMER", "Search Name", "tickersymbol", "--bc-type=text:100", "--crm-type=text:10"
    )
    _administer(day)


def _schedule(day: Day) -> None:
    day.run("schedule list")
    day.run("schedule set", "CUSTOMER", "every_minutes=5")
    day.run("schedule hold", "CUSTOMER")
    day.run("schedule ready", "CUSTOMER")
    assert day.run("schedule run", "CUSTOMER", "--full")["entries"]


def _look_after(day: Day, world: World, file: str) -> None:
    assert day.run("database backup", file)["bytes"]
    assert day.run("database restore", file, "--yes")["rebuild"]
    assert day.run("database adopt")["rebuild"]
    assert day.run("erase", "CUSTOMER", world.pair("C00030")[0], "--yes")["couplings"] == 1


def _plan(day: Day, world: World, file: str) -> None:
    customer, other = world.pair("C00020")[0], world.pair("C00040")[0]
    for one in (customer, other):
        world.edit_customer(one, address="Torget 32")
    assert day.run("plan save", file, "CUSTOMER")["actions"]
    world.edit_customer(other, address="Torget 33")
    applied = day.run("plan apply", file)
    assert applied["actions"]
    assert applied["refused"]


def _undo(day: Day, world: World) -> None:
    made = world.create("bc", "customers", name="Newcomer AS")
    [job] = day.run("sync", "CUSTOMER", "--full", "--record", made["id"])["jobs"]
    assert day.run("undo", job["job"], "--dry-run")["actions"]
    assert day.run("undo", job["job"])["left_out"]
    assert day.run("undo", job["job"])["refused"]
    assert day.run("skipped release", "CUSTOMER", made["id"])["done"] == 1


def _administer(day: Day) -> None:
    assert day.run("option list")["options"]
    day.run("option set", "PAYMENT TERMS", "NET30", "blank")
    day.run("mapping new", "VEHICLE", "Service Vehicle", "new_vehicle")
    day.run("pause", "--reason", "a look around")
    day.run("connection show")
    day.run("resume")
    day.run("mapping set", "VENDOR", "observe=on")
    day.run("sync", "VENDOR")
    day.run("mapping set", "VENDOR", "observe=off")
    day.run("template list")
    day.run("template set", "VENDOR", "HOME", "Country/Region Code=NO", "--in", "bc")
    day.run("template remove", "VENDOR", "HOME")
    file = day.folder / "mappings.yaml"
    assert day.run("mapping export", "--file", str(file))["file"] == str(file)
    day.run("mapping delete", "VEHICLE")
    day.run("mapping reset", "CUSTOMER", "PAYMENT TERMS", "--yes")
    assert day.run("mapping import", str(file))["differences"]


def _change_as_us(world: World, account: str) -> None:
    world.send("crm", "PATCH", f"{world.crm('accounts')}({account})", {"fax": "111"}, client="kobling")


def _delete(world: World, account: str) -> None:
    world.send("crm", "DELETE", f"{world.crm('accounts')}({account})", None)


KNOWN = {
    "part": {"a": "text", "b": "number or null, optional", "c": "list of [part](#part), optional"},
}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"a": 1},
        {"a": "x", "d": 1},
        {"a": "x", "b": True},
        {"a": "x", "c": {}},
        {"a": "x", "c": [{"b": 1}]},
        [],
    ],
)
def test_a_document_of_another_shape_is_seen(document: Any) -> None:
    assert complaints(KNOWN, "part", document)


def test_a_document_of_the_shape_is_not_complained_of() -> None:
    document = {"a": "x", "b": None, "c": [{"a": "y", "b": 1.5}]}
    assert complaints(KNOWN, "part", document) == []
