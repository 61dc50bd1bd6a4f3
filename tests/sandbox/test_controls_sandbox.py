"""Aim: the sandbox's other controls and its command do what their page says.

Method: plain HTTP against served sandboxes, each a process started by the command.
"""

import json
import socket
import ssl
import subprocess
import sys
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crm_support import ROOT, Client, change_set, joined, request_part

from sandboxes import addresses as served

BUSINESS = "/v2.0/sandbox/production/api/kobling/sync/v1.0/"


def company_of(business: Client) -> str:
    companies = business.read("/v2.0/sandbox/production/api/v2.0/companies")["value"]
    return str(companies[0]["id"])


def test_reset_brings_back_the_start_on_both_sides(sales: Client, business: Client) -> None:
    before = [client.control("GET", "state")["counts"] for client in (sales, business)]
    sales.create("accounts", name="A")
    path = f"{BUSINESS}companies({company_of(business)})/customers"
    assert business.send("POST", path, {"name": "A"}).status == 201
    sales.control("POST", "clock", {"offset_seconds": 5000})
    sales.control("POST", "plugins", {"rules": []})
    business.control("POST", "faults", {"rules": [{"action": "status"}]})
    sales.control("POST", "reset")
    after = [client.control("GET", "state") for client in (sales, business)]
    assert [state["counts"] for state in after] == before
    assert abs(datetime.fromisoformat(after[0]["now"]) - datetime.fromisoformat(after[1]["now"])) < timedelta(
        seconds=60
    )
    assert business.send("GET", path).status == 200
    assert sales.control("GET", "requests") == {"outer": [], "parts": [], "tokens": 0}


def test_a_kept_state_comes_back_on_both_sides_as_often_as_wanted(sales: Client, business: Client) -> None:
    first = sales.create("accounts", name="Kept")
    sales.control("POST", "variants", {"tracked": False})
    business.control("POST", "keep", {"name": "one account"})
    for _ in range(2):
        sales.control("POST", "reset")
        assert sales.read("accounts")["value"] == []
        assert sales.control("POST", "variants")["tracked"] is True
        sales.control("POST", "reset", {"to": "one account"})
        [row] = sales.read("accounts")["value"]
        assert (row["accountid"], row["name"]) == (first, "Kept")
        assert sales.control("POST", "variants")["tracked"] is False
        sales.create("accounts", name="Later")
    for wrong in ({"to": "unknown"}, {"to": ""}, {"to": 1}):
        assert sales.raw("POST", "/_sandbox/reset", wrong).status == 400
    assert sales.raw("POST", "/_sandbox/keep", {}).status == 400


def test_the_clock_of_one_side_stamps_its_rows(sales: Client, business: Client) -> None:
    day = 86_400
    sales.control("POST", "clock", {"offset_seconds": -day})
    business_now = datetime.fromisoformat(business.control("GET", "state")["now"])
    row = sales.read(f"accounts({sales.create('accounts', name='A')})")
    late = business_now - datetime.fromisoformat(row["modifiedon"])
    assert timedelta(days=1) - timedelta(seconds=60) < late < timedelta(days=1) + timedelta(seconds=60)
    for wrong in ({}, {"offset_seconds": "1"}, {"offset_seconds": True}, {"offset_seconds": 1e300}):
        assert sales.raw("POST", "/_sandbox/clock", wrong).status == 400


def test_requests_and_parts_are_counted_apart(sales: Client) -> None:
    sales.read("WhoAmI")
    sales.control("POST", "requests/reset")
    post = request_part("POST", f"{ROOT}accounts", {"name": "A"}, "1")
    sales.batch(joined(post, post, change_set(post)))
    sales.read("accounts?$top=1")
    sales.log_in()
    assert sales.control("GET", "requests") == {
        "outer": [
            {"method": "GET", "path": f"{ROOT}accounts", "count": 1},
            {"method": "POST", "path": f"{ROOT}$batch", "count": 1},
        ],
        "parts": [{"method": "POST", "path": f"{ROOT}accounts", "count": 3}],
        "tokens": 1,
    }


def test_state_counts_rows_by_table(sales: Client, business: Client) -> None:
    sales.create("accounts", name="A")
    counts = sales.control("GET", "state")["counts"]
    assert (counts["account"], counts["contact"], counts["bcbi_company"]) == (1, 0, 2)
    assert business.control("GET", "state")["counts"]["Customer"] == 0


def test_an_open_transaction_hides_its_change_and_holds_the_minimum(sales: Client, business: Client) -> None:
    path = f"{BUSINESS}companies({company_of(business)})"
    business.control("POST", "transactions", {"action": "open", "table": "Salesperson/Purchaser"})
    first = business.send("POST", f"{path}/salespeoplePurchasers", {"code": "A", "name": "A"})
    second = business.send("POST", f"{path}/salespeoplePurchasers", {"code": "B", "name": "B"})
    assert (first.status, second.status) == (201, 201)
    low, high = first.body["systemRowVersion"], second.body["systemRowVersion"]
    assert low < high
    codes = [row["code"] for row in business.read(f"{path}/salespeoplePurchasers")["value"]]
    assert codes == ["B"]
    (versions,) = business.read(f"{path}/rowVersions")["value"]
    assert (versions["minimumActiveRowVersion"], versions["lastUsedRowVersion"]) == (low, high)
    # The control answers on either port.
    answer = sales.control("POST", "transactions", {"action": "commit", "table": "Salesperson/Purchaser"})
    assert answer == {"committed": 1}
    rows = business.read(f"{path}/salespeoplePurchasers?$filter=systemRowVersion ge {low}")["value"]
    assert sorted((row["code"], row["systemRowVersion"]) for row in rows) == [("A", low), ("B", high)]
    (versions,) = business.read(f"{path}/rowVersions")["value"]
    assert versions["minimumActiveRowVersion"] > high
    for wrong in ({}, {"action": "open", "table": "Nosuch"}, {"action": "open"}):
        assert sales.raw("POST", "/_sandbox/transactions", wrong).status == 400


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"set": "Fixed"}, "Fixed"), ({"upper": True}, " ABC "), ({"trim": True}, "abc"), ({"cut": 2}, " a")],
)
def test_plugins_normalise_inside_the_write(sales: Client, change: dict[str, Any], expected: str) -> None:
    rule = {"entity": "account", "on": "create", "field": "name", **change}
    sales.control("POST", "plugins", {"rules": [rule]})
    identifier = sales.create("accounts", name=" abc ")
    row = sales.read(f"accounts({identifier})")
    assert (row["name"], row["_modifiedby_value"]) == (expected, sales.read("WhoAmI")["UserId"])
    assert sales.send("PATCH", f"accounts({identifier})", {"name": " abc "}).status == 204
    assert sales.read(f"accounts({identifier})")["name"] == " abc "


def test_plugins_write_back_as_another_user(sales: Client) -> None:
    rule = {"entity": "account", "on": "update", "field": "telephone1", "set": "99", "as": "person"}
    sales.control("POST", "plugins", {"rules": [rule]})
    identifier = sales.create("accounts", name="A")
    answer = sales.send(
        "PATCH",
        f"accounts({identifier})?$select=versionnumber",
        {"name": "B"},
        Prefer="return=representation",
    )
    row = sales.read(f"accounts({identifier})?$expand=modifiedby($select=fullname)")
    assert (row["telephone1"], row["modifiedby"]["fullname"]) == ("99", "plugin")
    assert row["versionnumber"] > answer.body["versionnumber"]


def test_plugins_write_back_later_as_the_integration_user(sales: Client) -> None:
    rule = {
        "entity": "account",
        "on": "create",
        "field": "name",
        "upper": True,
        "as": "integration",
        "after_seconds": 60,
    }
    sales.control("POST", "plugins", {"rules": [rule]})
    person = Client(sales.base, "kari")
    path = f"accounts({person.create('accounts', name='abc')})"
    assert person.read(path)["name"] == "abc"
    sales.control("POST", "clock", {"offset_seconds": 61})
    row = person.read(path)
    assert (row["name"], row["_modifiedby_value"]) == ("ABC", sales.read("WhoAmI")["UserId"])


@pytest.mark.parametrize(
    "rule",
    [
        5,
        {},
        {"entity": "nosuch", "on": "create", "field": "name", "trim": True},
        {"entity": "account", "on": "create", "field": "nosuch", "trim": True},
        {"entity": "account", "on": "delete", "field": "name", "trim": True},
        {"entity": "account", "on": "create", "field": "name"},
        {"entity": "account", "on": "create", "field": "name", "trim": True, "upper": True},
        {"entity": "account", "on": "create", "field": "name", "cut": "x"},
        {"entity": "account", "on": "create", "field": "name", "trim": True, "as": "nobody"},
        {"entity": "account", "on": "create", "field": "name", "trim": True, "after_seconds": -1},
    ],
)
def test_plugin_rules_that_make_no_sense(sales: Client, rule: Any) -> None:
    assert sales.raw("POST", "/_sandbox/plugins", {"rules": [rule]}).status == 400


def test_controls_need_no_token_and_name_each_other(sales: Client) -> None:
    answer = sales.raw("GET", "/_sandbox/nosuch")
    assert answer.status == 404
    assert "POST reset" in answer.body["error"]
    assert sales.raw("POST", "/_sandbox/clock", b"{").status == 400
    assert sales.raw("POST", "/_sandbox/clock", [1]).status == 400


def test_rows_and_clock_outlive_the_process_in_a_state_file(tmp_path: Path) -> None:
    state = str(tmp_path / "state.json")
    with served("--dataset", "empty", "--state", state) as addresses:
        sales = Client(addresses["dataverse"])
        identifier = sales.create("accounts", name="Ærlig", creditlimit=0.1, customertypecode=3)
        gone = sales.create("accounts", name="Gone")
        link = sales.read("accounts?$select=name", Prefer="odata.track-changes")["@odata.deltaLink"]
        sales.send("DELETE", f"accounts({gone})")
        before = sales.read(f"accounts({identifier})")
        sales.control("POST", "clock", {"offset_seconds": 3600})
    with served("--dataset", "empty", "--state", state) as addresses:
        sales = Client(addresses["dataverse"])
        after = sales.read(f"accounts({identifier})")
        assert {**after, "@odata.context": ""} == {**before, "@odata.context": ""}
        link = link.partition("/api/")[2]
        rows = sales.read(f"/api/{link}", Prefer="odata.track-changes")["value"]
        assert [row["id"] for row in rows] == [gone]
        assert sales.control("GET", "state")["now"] > after["modifiedon"]


def test_tls_with_a_certificate_of_its_own() -> None:
    with served("--dataset", "empty", "--tls") as addresses:
        assert addresses["dataverse"].startswith("https://localhost:")
        context = ssl.create_default_context(cafile=addresses["ca_file"])
        with urllib.request.urlopen(f"{addresses['dataverse']}_sandbox/state", context=context) as answer:
            assert json.load(answer)["counts"]["account"] == 0


def run(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "kobling_sandbox.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_a_used_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        status, out, error = run("serve", "--dataset", "empty", "--bc-port", port)
    assert (status, out) == (2, "")
    assert f"port {port} cannot be used" in error


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--bc-port", "70000"), "a port lies between 0 and 65535"),
        (("--crm-port", "x"), "invalid int value"),
        (("--dataset", "nosuch"), "unknown data set"),
        (("--dataset", "synthetic:x"), "synthetic needs a number"),
        (("--companies", "0"), "companies must lie between"),
    ],
)
def test_settings_that_cannot_be_used(arguments: tuple[str, ...], text: str) -> None:
    status, out, error = run("serve", *arguments)
    assert (status, out) == (2, "")
    assert text in error
    assert "Traceback" not in error


def test_a_state_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for text in ("nonsense", "{}", "[]", '{"business_central": 5}'):
        path.write_text(text)
        status, out, error = run("serve", "--dataset", "empty", "--state", str(path))
        assert (status, out) == (2, "")
        assert "cannot be read" in error


def test_no_test_control_is_reached_through_another_path(sales: Client) -> None:
    assert sales.raw("POST", "/_sandboxreset").status == 401
