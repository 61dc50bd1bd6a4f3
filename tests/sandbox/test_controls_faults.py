"""Aim: each fault that a test can ask of the sandbox happens, to the request it is meant for and no other.

Method: plain HTTP against a served sandbox. That a delayed request is carried out after its caller has gone
is seen by asking until it is, within a generous limit.
"""

import contextlib
import http.client
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from crm_support import ROOT, Client, joined, parts_of, request_part

ACCOUNTS = "/accounts$"


def faults(client: Client, *rules: dict[str, Any]) -> None:
    assert client.control("POST", "faults", {"rules": list(rules)}) == {"rules": len(rules)}


def count(client: Client) -> int:
    counted = client.control("GET", "state")["counts"]["account"]
    assert isinstance(counted, int)
    return counted


def create(client: Client) -> int:
    return client.send("POST", "accounts", {"name": "A"}).status


def test_a_status_with_and_without_retry_after(sales: Client) -> None:
    faults(sales, {"path": ACCOUNTS, "action": "status", "status": 429, "retry_after": 7})
    answer = sales.send("POST", "accounts", {"name": "A"})
    assert answer.error == (429, "0x80072322")
    assert answer.headers["retry-after"] == "7"
    faults(sales, {"path": ACCOUNTS, "action": "status"})
    answer = sales.send("POST", "accounts", {"name": "A"})
    assert (answer.status, "retry-after" in answer.headers, count(sales)) == (503, False, 0)
    assert sales.send("GET", "contacts").status == 200


def test_the_method_chooses(sales: Client) -> None:
    faults(sales, {"method": "post", "path": ACCOUNTS, "action": "status", "status": 500})
    assert (create(sales), sales.send("GET", "accounts").status) == (500, 200)


def test_nth_every_and_times(sales: Client) -> None:
    faults(sales, {"path": ACCOUNTS, "nth": 2, "action": "status"})
    assert [create(sales) for _ in range(4)] == [204, 503, 204, 204]
    faults(sales, {"path": ACCOUNTS, "every": 2, "times": 2, "action": "status"})
    assert [create(sales) for _ in range(6)] == [204, 503, 204, 503, 204, 204]
    faults(sales, {"path": ACCOUNTS, "times": 1, "action": "status"})
    assert [create(sales) for _ in range(2)] == [503, 204]


def test_probability_repeats_by_its_seed(sales: Client) -> None:
    runs = []
    for seed in (1, 1, 2):
        faults(sales, {"path": ACCOUNTS, "probability": 0.5, "seed": seed, "action": "status"})
        runs.append([create(sales) for _ in range(30)])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {204, 503}


def test_new_rules_replace_the_old(sales: Client) -> None:
    faults(sales, {"action": "status"})
    assert create(sales) == 503
    faults(sales)
    assert create(sales) == 204


def test_a_rule_matches_the_query_too(sales: Client) -> None:
    faults(sales, {"path": r"\$top=1", "action": "status"})
    assert sales.send("GET", "accounts?$top=1").status == 503
    assert sales.send("GET", "accounts?$top=2").status == 200


@pytest.mark.parametrize(("action", "rows"), [("reset_before", 0), ("reset_after", 1)])
def test_resets_drop_the_connection_before_or_after_the_work(sales: Client, action: str, rows: int) -> None:
    sales.read("WhoAmI")
    faults(sales, {"path": ACCOUNTS, "action": action, "times": 1})
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        create(sales)
    assert count(sales) == rows


def test_truncate_sends_half_of_the_answer(sales: Client) -> None:
    sales.create("accounts", name="A")
    faults(sales, {"path": ACCOUNTS, "action": "truncate", "times": 1})
    with pytest.raises(http.client.IncompleteRead) as caught:
        sales.send("GET", "accounts")
    assert len(caught.value.partial) > 0
    assert caught.value.expected is not None


def test_html_in_place_of_json(sales: Client) -> None:
    faults(sales, {"path": ACCOUNTS, "action": "html", "status": 502})
    answer = sales.send("GET", "accounts")
    assert (answer.status, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!DOCTYPE html>")


def test_an_expired_token_stays_expired(sales: Client) -> None:
    sales.read("WhoAmI")
    faults(sales, {"path": ACCOUNTS, "action": "expire_token", "times": 1})
    assert sales.send("GET", "accounts").status == 401
    assert sales.send("GET", "accounts").status == 401
    sales.token = ""
    assert sales.send("GET", "accounts").status == 200


def test_the_token_route_can_fail(sales: Client) -> None:
    faults(sales, {"path": "/token$", "action": "status", "status": 500})
    assert sales.log_in().status == 500


def test_delay_works_though_the_caller_has_gone(sales: Client) -> None:
    sales.read("WhoAmI")
    faults(sales, {"path": ACCOUNTS, "action": "delay", "seconds": 0.3, "times": 1})
    url = urlsplit(sales.base)
    assert url.hostname is not None
    connection = http.client.HTTPConnection(url.hostname, url.port)
    headers = {"Authorization": f"Bearer {sales.token}", "Content-Type": "application/json"}
    connection.request("POST", f"{ROOT}accounts", b'{"name": "Late"}', headers)
    # The fault has struck once the request is on record.
    while not sales.control("GET", "requests")["outer"][-1]["path"].endswith("/accounts"):
        pass
    connection.close()
    assert count(sales) == 0
    while count(sales) == 0:
        pass
    assert sales.read("accounts?$select=name")["value"][0]["name"] == "Late"


def test_a_delay_holds_up_no_other_request(sales: Client) -> None:
    sales.read("WhoAmI")
    faults(sales, {"path": ACCOUNTS, "action": "delay", "seconds": 30, "times": 1})

    def wait() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            create(sales)

    threading.Thread(target=wait, daemon=True).start()
    while not any(each["path"].endswith("/accounts") for each in sales.control("GET", "requests")["outer"]):
        pass
    assert create(sales) == 204
    assert count(sales) == 1


def post() -> str:
    return request_part("POST", f"{ROOT}accounts", {"name": "A"})


def test_a_rule_for_a_part_answers_that_part(sales: Client) -> None:
    faults(sales, {"path": ACCOUNTS, "nth": 2, "action": "status", "status": 429, "retry_after": 3})
    answer = sales.batch(joined(post(), post(), post()), Prefer="odata.continue-on-error")
    assert [status for status, _ in parts_of(answer)] == [204, 429, 204]
    assert "Retry-After: 3" in parts_of(answer)[1][1]
    assert count(sales) == 2


def test_a_rule_for_the_batch_answers_the_whole(sales: Client) -> None:
    faults(sales, {"path": r"\$batch$", "action": "status", "status": 429})
    answer = sales.batch(joined(post(), post()))
    assert (answer.error, count(sales)) == ((429, "0x80072322"), 0)


def test_a_reset_after_a_part_keeps_what_was_done_so_far(sales: Client) -> None:
    sales.read("WhoAmI")
    faults(sales, {"path": ACCOUNTS, "nth": 2, "action": "reset_after"})
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        sales.batch(joined(post(), post(), post()))
    assert count(sales) == 2


def test_business_central_has_faults_of_its_own(sales: Client, business: Client) -> None:
    faults(business, {"action": "status", "status": 429})
    answer = business.send("GET", "/v2.0/sandbox/production/api/v2.0/companies")
    assert answer.error == (429, "Application_TooManyRequests")
    assert sales.send("GET", "accounts").status == 200


@pytest.mark.parametrize(
    "rules",
    [
        None,
        [5],
        [{"action": "nosuch"}],
        [{"action": "status", "path": "("}],
        [{"action": "status", "nosuch": 1}],
        [{"action": "status", "nth": "one"}],
        [{"action": "status", "nth": 1.5}],
        [{"action": "delay", "seconds": -1}],
        [{"action": "status", "status": 7}],
    ],
)
def test_rules_that_make_no_sense_are_refused_and_change_nothing(sales: Client, rules: Any) -> None:
    faults(sales, {"path": ACCOUNTS, "action": "status"})
    answer = sales.raw("POST", "/_sandbox/faults", {"rules": rules})
    assert answer.status == 400
    assert answer.body["error"]
    assert create(sales) == 503
