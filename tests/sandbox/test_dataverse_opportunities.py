"""Aim: opportunities know their customer, are closed by their actions only, and closed rows are read-only.

Method: plain HTTP as the integration user on a sandbox with the set-up rows alone.
"""

from typing import Any

import pytest
from crm_support import Answer, Client

INVALID = (400, "0x80040203")
WRONG_STATUS = (400, "0x80048408")


def account_of(sales: Client) -> str:
    """The bind of a new account."""
    return f"/accounts({sales.create('accounts', name='Kunde')})"


def close(sales: Client, action: str, identifier: str, status: int = -1, **values: Any) -> Answer:
    """Wins or loses an opportunity."""
    activity = {"opportunityid@odata.bind": f"/opportunities({identifier})", "subject": "Ferdig", **values}
    return sales.send("POST", action, {"Status": status, "OpportunityClose": activity})


def test_the_customer_is_the_account_else_the_contact(sales: Client) -> None:
    account = account_of(sales)
    contact = f"/contacts({sales.create('contacts', lastname='Berg')})"
    both = sales.create(
        "opportunities", name="A", parentaccountid__bind=account, parentcontactid__bind=contact
    )
    alone = sales.create("opportunities", name="B", parentcontactid__bind=contact)
    rows = [sales.read(f"opportunities({each})") for each in (both, alone)]
    assert [
        row["_customerid_value"] in value for row, value in zip(rows, (account, contact), strict=True)
    ] == [
        True,
        True,
    ]
    other = account_of(sales)
    sales.send("PATCH", f"opportunities({both})", {"parentaccountid@odata.bind": other})
    assert sales.read(f"opportunities({both})")["_customerid_value"] in other


def test_a_customer_that_is_sent_names_the_account(sales: Client) -> None:
    account = account_of(sales)
    row = sales.read(
        f"opportunities({sales.create('opportunities', name='A', customerid_account__bind=account)})"
    )
    assert row["_parentaccountid_value"] == row["_customerid_value"]
    assert row["_parentcontactid_value"] is None


def test_an_opportunity_begins_open_and_belongs_to_its_owner(sales: Client) -> None:
    identifier = sales.create("opportunities", name="A", statecode=1, statuscode=3, estimatedvalue=500)
    row = sales.read(f"opportunities({identifier})")
    assert (row["statecode"], row["statuscode"], row["estimatedvalue_base"]) == (0, 1, 500)
    assert row["_ownerid_value"] == sales.read("WhoAmI")["UserId"]
    assert sales.send("PATCH", f"opportunities({identifier})", {"statuscode": 2}).status == 204


def test_only_the_actions_close_it(sales: Client) -> None:
    path = f"opportunities({sales.create('opportunities', name='A')})"
    for change in ({"statecode": 1, "statuscode": 3}, {"statecode": 2, "statuscode": 4}):
        assert sales.send("PATCH", path, change).error == (400, "0x80040357")
    assert sales.read(path)["statecode"] == 0


@pytest.mark.parametrize(
    ("action", "status", "state", "kept"),
    [
        ("WinOpportunity", -1, 1, 3),
        ("WinOpportunity", 3, 1, 3),
        ("LoseOpportunity", -1, 2, 4),
        ("LoseOpportunity", 5, 2, 5),
    ],
)
def test_an_action_sets_state_status_and_date(
    sales: Client, action: str, status: int, state: int, kept: int
) -> None:
    identifier = sales.create("opportunities", name="A", estimatedvalue=700)
    assert close(sales, action, identifier, status, actualend="2026-02-03T00:00:00Z").status == 204
    row = sales.read(f"opportunities({identifier})")
    assert (row["statecode"], row["statuscode"], row["actualclosedate"]) == (state, kept, "2026-02-03")
    assert row["actualvalue"] == (700 if state == 1 else None)
    (activity,) = sales.read("opportunitycloses")["value"]
    assert (activity["subject"], activity["statecode"]) == ("Ferdig", 1)
    assert activity["_opportunityid_value"] == identifier


def test_the_revenue_that_is_sent_is_the_actual_value(sales: Client) -> None:
    identifier = sales.create("opportunities", name="A", estimatedvalue=700)
    assert close(sales, "WinOpportunity", identifier, actualrevenue=650.5).status == 204
    assert sales.read(f"opportunities({identifier})")["actualvalue"] == 650.5


@pytest.mark.parametrize("body", [{}, {"Status": 3}, {"OpportunityClose": {}}, {"Status": "3"}])
def test_an_action_needs_both_of_its_parameters(sales: Client, body: dict[str, Any]) -> None:
    for action in ("WinOpportunity", "LoseOpportunity"):
        assert sales.send("POST", action, body).error == (400, "0x80048d19")


def test_a_refused_action_leaves_nothing_behind(sales: Client) -> None:
    identifier = sales.create("opportunities", name="A")
    assert close(sales, "WinOpportunity", identifier, 4).error == WRONG_STATUS
    assert close(sales, "LoseOpportunity", identifier, 3).error == WRONG_STATUS
    nothing = {"Status": -1, "OpportunityClose": {"subject": "Hva?"}}
    assert sales.send("POST", "WinOpportunity", nothing).error == (400, "0x80048d19")
    assert sales.send("POST", "WinOpportunity", {"Status": -1}).error == (400, "0x80048d19")
    assert sales.send("GET", "WinOpportunity").status == 405
    assert sales.read("opportunitycloses")["value"] == []
    assert close(sales, "WinOpportunity", identifier).status == 204
    assert close(sales, "LoseOpportunity", identifier).error == INVALID
    assert len(sales.read("opportunitycloses")["value"]) == 1


def test_a_closed_one_is_read_only_until_it_is_opened_again(sales: Client) -> None:
    identifier = sales.create("opportunities", name="A")
    path = f"opportunities({identifier})"
    close(sales, "LoseOpportunity", identifier)
    assert sales.send("PATCH", path, {"name": "B"}).error == INVALID
    assert sales.send("PATCH", path, {"statecode": 0, "statuscode": 1, "name": "B"}).status == 204
    assert sales.read(path)["name"] == "B"


@pytest.mark.parametrize(
    ("entity_set", "closed"),
    [
        ("quotes", {"statecode": 2, "statuscode": 4}),
        ("salesorders", {"statecode": 3, "statuscode": 100001}),
        ("invoices", {"statecode": 2, "statuscode": 100001}),
    ],
)
def test_closed_documents_are_read_only(sales: Client, entity_set: str, closed: dict[str, int]) -> None:
    path = f"{entity_set}({sales.document(entity_set, name='Doc')})"
    assert sales.send("PATCH", path, {"name": "Open"} | closed).status == 204
    assert sales.send("PATCH", path, {"name": "Closed"}).error == INVALID
    assert sales.read(path)["name"] == "Open"


def test_a_status_alone_may_change_in_a_closed_state(sales: Client) -> None:
    path = f"salesorders({sales.document('salesorders', name='Doc')})"
    sales.send("PATCH", path, {"statecode": 3, "statuscode": 100001})
    assert sales.send("PATCH", path, {"statecode": 4, "statuscode": 100003}).status == 204


def test_opportunities_are_in_the_change_feed(sales: Client) -> None:
    link = sales.read("opportunities", Prefer="odata.track-changes")["@odata.deltaLink"]
    identifier = sales.create("opportunities", name="A")
    close(sales, "WinOpportunity", identifier)
    (row,) = sales.read(link)["value"]
    assert row["statecode"] == 1
