"""Aim: notifications of both services bring the next run forward, and nothing else comes of them, whoever
sends them.

Method: the real `serve`, subscribed to the served sandbox; forged notifications by hand. The time until a
change has arrived on the other side is printed, not asserted.
"""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.world import World
from jobs.processes import Process, entry, only
from kobling.model.mapping import Side
from kobling.service.alerts import list_alerts
from kobling.service.hooks import Hint, bc_hints, crm_hints, subscribe
from kobling.service.schedule import hold_entries
from service.receivers import HookServer
from service.receivers import serving as answering

Start = Callable[..., Process]
KEY = "a long key that nobody guesses"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def post(url: str, body: bytes) -> tuple[int, str]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def serving(synchronized: World, start: Start) -> tuple[Process, str]:
    """`serve`, subscribed, with CUSTOMER on hold for its inactivity, and its address."""
    synchronized.sync()
    only(synchronized, "CUSTOMER")
    port = free_port()
    place = f"http://127.0.0.1:{port}"
    process = start("serve", port=port, KOBLING_WEB_PUBLIC_URL=place, KOBLING_WEB_SECRET=KEY)
    process.said("subscribed")
    synchronized._control("crm", "webhooks", {"hooks": [{"url": f"{place}/hooks/crm", "key": KEY}]})
    while entry(synchronized, "CUSTOMER")["status"] != "On Hold Due to Inactivity":
        only(synchronized, "CUSTOMER")
        process.said("finished", mapping="CUSTOMER")
    return process, place


@pytest.mark.parametrize("side", ["bc", "crm"])
def test_a_change_is_told_and_arrives(
    synchronized: World, serving: tuple[Process, str], side: str, capsys: pytest.CaptureFixture[str]
) -> None:
    process, _ = serving
    customer, account = synchronized.pair()
    began = time.monotonic()
    if side == "bc":
        synchronized.edit_customer(customer, city="Mosjøen")
    else:
        synchronized.edit_account(account, address1_city="Mosjøen")
    assert "CUSTOMER" in process.said("told of changes")["mappings"]
    process.until(lambda line: {"modified": 1} in (line.get("to"), line.get("from")))
    with capsys.disabled():
        print(f" [{side} to the other side: {time.monotonic() - began:.1f} s]", end="")
    assert (
        synchronized.account(account)["address1_city"] == synchronized.customer(customer)["city"] == "Mosjøen"
    )
    assert process.stop() == 0


@pytest.fixture
def receiver() -> Iterator[HookServer]:
    server = HookServer()
    with answering(server):
        yield server


def test_subscriptions_are_renewed_before_they_end(world: World, receiver: HookServer) -> None:
    def renewed() -> tuple[datetime, list[str]]:
        work = lambda session: subscribe(session, place, KEY)  # noqa: E731
        assert world.command(work) >= 5
        [[mark]] = world.query("select mark from mark where name = 'subscribed until'")
        rows = world.get("bc", f"{world.configuration.bc.root}/api/v2.0/subscriptions")["value"]
        return datetime.fromisoformat(mark), sorted(one["subscriptionId"] for one in rows)

    def expiring() -> list[str]:
        alerts = world.command(list_alerts)["alerts"]
        return [one["subject"] for one in alerts if one["kind"] == "expires"]

    place = f"http://127.0.0.1:{receiver.server_address[1]}"
    # Made two and a half days ago, by the clock of Business Central.
    world._control("bc", "clock", {"offset_seconds": -2.5 * 24 * 60 * 60})
    until, there = renewed()
    assert until < datetime.now(UTC) + timedelta(days=1)
    assert expiring() == ["bc subscriptions"]
    world._control("bc", "clock", {"offset_seconds": 0})
    again, same = renewed()
    assert again > datetime.now(UTC) + timedelta(days=2, hours=23)
    assert (same, len(there)) == (there, len(set(there)))
    assert expiring() == []
    # Where no mapping is enabled, there is none that could end.
    world.query("update mapping set settings = '{\"enabled\": false}' returning 1")
    assert world.command(lambda session: subscribe(session, place, KEY)) == 0
    assert world.query("select mark from mark where name = 'subscribed until'") == [("",)]
    assert expiring() == []


def test_forged_doubled_and_broken_ones_change_nothing(
    synchronized: World, serving: tuple[Process, str]
) -> None:
    process, place = serving
    synchronized.command(lambda session: hold_entries(session, []))
    before = synchronized.query("select count(*) from job")
    told = {"value": [{"clientState": "guessed", "resource": "api/x/companies(1)/customers(2)"}]}
    assert post(f"{place}/hooks/bc", json.dumps(told).encode())[0] == 401
    assert post(f"{place}/hooks/crm?code=guessed", b'{"PrimaryEntityName": "account"}')[0] == 401
    assert post(f"{place}/hooks/crm", b'{"PrimaryEntityName": "account"}')[0] == 401
    assert post(f"{place}/hooks/crm?code={KEY.replace(' ', '+')}", b"\xff{")[0] == 401
    assert post(f"{place}/hooks/bc", b"x" * 2_000_000)[0] == 413
    good = json.dumps(
        {
            "value": [
                {"clientState": KEY, "resource": "api/x/companies(1)/customers(2)", "changeType": "deleted"}
            ]
        }
    )
    for _ in range(20):
        assert post(f"{place}/hooks/bc", good.encode())[0] == 202
    process.said("told of changes")
    # An entry that a person holds stays so, whatever is told.
    assert entry(synchronized, "CUSTOMER")["status"] == "On Hold"
    assert synchronized.query("select count(*) from job") == before
    assert post(f"{place}/hooks/bc?validationToken=%3Cb%3E1", b"") == (200, "<b>1")
    assert process.stop() == 0


def test_without_a_secret_nobody_is_believed() -> None:
    told = b'{"value": [{"clientState": "", "resource": "companies(1)/customers"}]}'
    assert bc_hints(told, "") is None
    assert crm_hints(b'{"PrimaryEntityName": "account"}', "", "") is None


@pytest.mark.parametrize(
    ("resource", "table"),
    [
        ("api/kobling/sync/v1.0/companies(1)/customers(2)", "customers"),
        ("/api/v2.0/companies(1)/customers", "customers"),
        ("api/v2.0/companies(1)/salesInvoices?$filter=lastModifiedDateTime gt 1", "salesInvoices"),
        ("", ""),
    ],
)
def test_what_a_notification_is_about(resource: str, table: str) -> None:
    told = json.dumps({"value": [{"clientState": KEY, "resource": resource, "changeType": "collection"}]})
    assert bc_hints(told.encode(), KEY) == [Hint(side=Side.LEFT, table=table)]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"value": 1}', b'{"value": [{"clientState": 1}]}', b"\xff", b"{" * 10_000]
)
def test_what_is_no_notification_is_refused(body: bytes) -> None:
    assert bc_hints(body, KEY) is None
    assert crm_hints(body, KEY, KEY) is None
