"""Aim: `$batch` of the sandbox's Dataverse behaves as the Web API's, for the forms that real clients send.

Method: hand-written multipart bodies over plain HTTP against a served sandbox.
"""

import pytest
from crm_support import BATCH_TYPE, ROOT, Answer, Client, change_set, joined, parts_of, request_part

GOOD = {"name": "A"}
BAD = {"name": "x" * 161}
UNKNOWN = "00000000-0000-4000-8000-000000000001"


def post(body: object, content_id: str = "") -> str:
    return request_part("POST", f"{ROOT}accounts", body, content_id)


def statuses(answer: Answer) -> list[int]:
    return [status for status, _ in parts_of(answer)]


def test_answers_come_in_the_order_of_the_requests(sales: Client) -> None:
    answer = sales.batch(joined(post(GOOD), request_part("GET", "accounts?$select=name"), post(GOOD)))
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("multipart/mixed; boundary=batchresponse_")
    assert statuses(answer) == [204, 200, 204]
    first, second, _ = (text for _, text in parts_of(answer))
    assert f"OData-EntityId: {sales.base}api/data/v9.2/accounts(" in first
    assert '"name":"A"' in second


def test_absolute_addresses_and_if_match(sales: Client) -> None:
    identifier = sales.create("accounts", name="A")
    part = request_part("PATCH", f"{sales.base}api/data/v9.2/accounts({identifier})", {"name": "B"})
    stale = part.replace(
        "Content-Type: application/json", 'Content-Type: application/json\r\nIf-Match: W/"1"'
    )
    assert statuses(sales.batch(joined(part))) == [204]
    answer = sales.batch(joined(stale), Prefer="odata.continue-on-error")
    assert (statuses(answer), "0x80060882" in answer.body.decode()) == ([412], True)
    assert sales.read(f"accounts({identifier})")["name"] == "B"


@pytest.mark.parametrize(
    "text",
    [
        joined(post(GOOD)).replace("\r\n", "\n"),
        "\r\n\r\n" + joined(post(GOOD)),
        joined(post(GOOD) + "\r\n\r\n"),
        f"--batch_x\r\n{post(GOOD)}\r\n--batch_x--",
        joined(post(GOOD).replace("application/json", "application/json; type=entry")),
        joined(post(GOOD).replace("HTTP/1.1", "HTTP/1.1 ")),
    ],
)
def test_lenient_forms(sales: Client, text: str) -> None:
    answer = sales.batch(text)
    assert (answer.status, statuses(answer)) == (200, [204])
    assert sales.read("accounts/$count") == b"1"


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/mixed; boundary="batch_x"',
        "multipart/mixed;boundary=batch_x",
        "Multipart/Mixed; Boundary=batch_x",
    ],
)
def test_forms_of_the_boundary(sales: Client, content_type: str) -> None:
    answer = sales.send("POST", "$batch", joined(post(GOOD)).encode(), Content_Type=content_type)
    assert statuses(answer) == [204]


def test_the_first_failure_ends_the_batch_and_gives_its_status(sales: Client) -> None:
    answer = sales.batch(joined(post(GOOD), post(BAD), post(GOOD)))
    assert (answer.status, statuses(answer)) == (400, [204, 400])
    assert sales.read("accounts/$count") == b"1"


def test_continue_on_error(sales: Client) -> None:
    answer = sales.batch(joined(post(GOOD), post(BAD), post(GOOD)), Prefer="odata.continue-on-error")
    assert (answer.status, statuses(answer)) == (200, [204, 400, 204])
    assert sales.read("accounts/$count") == b"2"


def test_a_change_set_stands_or_falls_as_one(sales: Client) -> None:
    identifier = sales.create("accounts", name="Old")
    update = request_part("PATCH", f"{ROOT}accounts({identifier})", {"name": "New"}, "1")
    gone = request_part("DELETE", f"{ROOT}accounts({sales.create('accounts', name='D')})", None, "2")
    answer = sales.batch(joined(change_set(update, gone, post(GOOD, "3"), post(BAD, "4"))))
    assert (answer.status, statuses(answer)) == (400, [400])
    assert sorted(row["name"] for row in sales.read("accounts")["value"]) == ["D", "Old"]
    answer = sales.batch(joined(change_set(update, gone, post(GOOD, "3"))))
    assert (answer.status, statuses(answer)) == (200, [204, 204, 204])
    body = answer.body.decode()
    assert "multipart/mixed; boundary=changesetresponse_" in body
    assert [f"Content-ID: {number}" in body for number in (1, 2, 3)] == [True] * 3
    assert sorted(row["name"] for row in sales.read("accounts")["value"]) == ["A", "New"]


def test_a_failed_change_set_leaves_the_order_of_changes(sales: Client) -> None:
    first, second = sales.create("accounts", name="1"), sales.create("accounts", name="2")
    link = sales.read("accounts?$select=name", Prefer="odata.track-changes")["@odata.deltaLink"]
    sales.send("PATCH", f"accounts({second})", {"name": "3"})
    update = request_part("PATCH", f"{ROOT}accounts({first})", {"name": "4"}, "1")
    delete = request_part("DELETE", f"{ROOT}accounts({first})", None, "2")
    for parts in ((update, post(BAD, "3")), (delete, post(BAD, "3"))):
        assert sales.batch(joined(change_set(*parts))).status == 400
        body = sales.read(link, Prefer="odata.track-changes")
        assert [row["accountid"] for row in body["value"]] == [second]
    assert sales.read(f"accounts({first})")["name"] == "1"


def test_a_change_set_refers_to_its_own_rows(sales: Client) -> None:
    contact = {"lastname": "B", "parentcustomerid_account@odata.bind": "$1"}
    answer = sales.batch(
        joined(
            change_set(
                post(GOOD, "1"),
                request_part("POST", f"{ROOT}contacts", contact, "2"),
                request_part("PATCH", "$1", {"name": "Later"}, "3"),
            )
        )
    )
    assert statuses(answer) == [204, 204, 204]
    (row,) = sales.read("contacts?$expand=parentcustomerid_account($select=name)")["value"]
    assert row["parentcustomerid_account"]["name"] == "Later"


def test_a_forward_reference_is_refused(sales: Client) -> None:
    forward = {"lastname": "B", "parentcustomerid_account@odata.bind": "$2"}
    parts = (request_part("POST", f"{ROOT}contacts", forward, "1"), post(GOOD, "2"))
    answer = sales.batch(joined(change_set(*parts)))
    assert answer.status == 400
    assert (sales.read("accounts/$count"), sales.read("contacts/$count")) == (b"0", b"0")


@pytest.mark.parametrize(
    "part",
    [
        change_set(request_part("GET", f"{ROOT}accounts", None, "1")),
        change_set(post(GOOD)),
        "Content-Type: application/http\r\n\r\nnonsense\r\n\r\n",
    ],
)
def test_parts_that_are_refused(sales: Client, part: str) -> None:
    assert sales.batch(joined(part)).status == 400
    assert sales.read("accounts/$count") == b"0"


def test_batches_that_are_refused(sales: Client) -> None:
    assert sales.send("POST", "$batch", b"nonsense", Content_Type=BATCH_TYPE).error == (400, "0x80060888")
    assert sales.send("POST", "$batch", b"{}").error == (400, "0x80060888")
    thousand = joined(*[request_part("GET", "WhoAmI")] * 1000)
    assert sales.batch(thousand).status == 200
    assert sales.batch(joined(*[request_part("GET", "WhoAmI")] * 1001)).error == (400, "0x80060888")


def test_a_batch_inside_a_batch_is_refused(sales: Client) -> None:
    inner = joined(request_part("POST", f"{ROOT}$batch", {}))
    assert statuses(sales.batch(inner)) == [400]


def test_an_answer_of_a_part_is_an_answer_in_full(sales: Client) -> None:
    answer = sales.batch(joined(post(GOOD), post(BAD)), Prefer="odata.continue-on-error")
    (_, created), (_, refused) = parts_of(answer)
    identifier = sales.read("accounts?$select=name")["value"][0]["accountid"]
    url = f"{sales.base}api/data/v9.2/accounts({identifier})"
    assert created.startswith("204 No Content\r\n")
    for line in ("OData-Version: 4.0", f"Location: {url}", f"OData-EntityId: {url}"):
        assert f"\r\n{line}\r\n" in created
    assert refused.startswith("400 Bad Request\r\n")
    assert '{"error":{"code":"0x80044331"' in refused


def test_parts_are_executed_in_their_order(sales: Client) -> None:
    path = f"{ROOT}accounts({UNKNOWN})"
    names = [request_part("PATCH", path, {"name": name}) for name in ("A", "B", "C")]
    read = request_part("GET", f"{path}?$select=name")
    answer = sales.batch(joined(names[0], read, names[1], names[2], read))
    assert ['"name":"A"' in text for _, text in parts_of(answer)] == [False, True, False, False, False]
    assert '"name":"C"' in parts_of(answer)[4][1]


def test_a_failed_change_set_is_one_error_among_the_parts(sales: Client) -> None:
    failing = change_set(post(GOOD, "1"), post(BAD, "2"), post(GOOD, "3"))
    stopped = sales.batch(joined(failing, post(GOOD)))
    assert (stopped.status, statuses(stopped), sales.read("accounts/$count")) == (400, [400], b"0")
    answer = sales.batch(joined(failing, post(GOOD)), Prefer="odata.continue-on-error")
    assert (answer.status, statuses(answer), sales.read("accounts/$count")) == (200, [400, 204], b"1")
    assert "changesetresponse_" not in answer.body.decode()


def test_an_address_of_a_later_request_is_refused(sales: Client) -> None:
    patch = request_part("PATCH", "$2", {"name": "B"}, "1")
    answer = sales.batch(joined(change_set(patch, post(GOOD, "2"))))
    assert (answer.status, statuses(answer), sales.read("accounts/$count")) == (400, [400], b"0")


def test_requests_of_change_sets_count_among_the_thousand(sales: Client) -> None:
    reads = [request_part("GET", "WhoAmI")] * 998
    three = change_set(*(post(GOOD, str(number)) for number in range(3)))
    assert sales.batch(joined(*reads, three)).error == (400, "0x80060888")
    two = change_set(*(post(GOOD, str(number)) for number in range(2)))
    assert sales.batch(joined(*reads, two)).status == 200


def test_an_address_may_be_longer_inside_a_batch(sales: Client) -> None:
    def path(length: int) -> str:
        return f"accounts?$filter=contains(name,'{'x' * length}')&$select=name"

    assert sales.send("GET", path(30_000)).status == 200
    assert sales.send("GET", path(33_000)).status == 414
    assert statuses(sales.batch(joined(request_part("GET", path(60_000))))) == [200]
    assert statuses(sales.batch(joined(request_part("GET", path(66_000))))) == [400]
