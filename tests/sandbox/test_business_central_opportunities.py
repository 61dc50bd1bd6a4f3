"""Aim: opportunities and their entries keep Business Central's rules, and show what the active entry holds.

Method: plain HTTP on the extension's route, and API v2.0 for what it shows, with the demo company.
"""

from typing import Any

from tests.sandbox.bc_support import STANDARD, Client

DIALOG = (400, "Application_DialogException")


def opportunity(bc: Client, **values: Any) -> dict[str, Any]:
    """A new opportunity of a person who works for customer C00010."""
    return bc.created("opportunities", **{"description": "Nye bord", "contactNo": "CT000101", **values})


def entry(bc: Client, row: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A new entry of an opportunity."""
    return bc.created("opportunityEntries", opportunityNo=row["no"], **values)


def now(bc: Client, row: dict[str, Any]) -> dict[str, Any]:
    """The opportunity as it is."""
    return bc.one("opportunities", "no", row["no"])


def test_a_contact_gives_company_and_salesperson(bc: Client) -> None:
    contact = bc.one("contacts", "no", "CT000101")
    row = opportunity(bc)
    assert (row["contactCompanyNo"], row["salespersonCode"]) == (
        contact["companyNo"],
        contact["salespersonCode"],
    )
    assert (row["contactName"], row["contactCompanyName"]) == (contact["name"], contact["companyName"])
    assert (row["status"], row["priority"], row["closed"]) == ("Not_x0020_Started", "Normal", False)
    assert row["creationDate"] == row["systemCreatedAt"][:10]
    assert opportunity(bc, salespersonCode="LM")["salespersonCode"] == "LM"


def test_opportunities_are_numbered(bc: Client) -> None:
    first, second = opportunity(bc), opportunity(bc)
    assert second["no"] == f"OP{int(first['no'][2:]) + 1:06}"


def test_a_company_other_than_the_contacts_is_refused(bc: Client) -> None:
    other = bc.created("contacts", type="Company", name="Annen")
    refused = bc.post("opportunities", {"contactNo": "CT000101", "contactCompanyNo": other["no"]})
    assert (refused.status, refused.code) == DIALOG
    assert opportunity(bc, contactNo=other["no"])["contactCompanyNo"] == other["no"]
    assert bc.post("opportunities", {"contactNo": "CT999999"}).code == "Internal_InvalidTableRelation"


def test_without_contact_there_is_no_company(bc: Client) -> None:
    row = bc.changed("opportunities", opportunity(bc)["id"], contactNo="")
    assert (row["contactNo"], row["contactCompanyNo"]) == ("", "")


def test_an_entry_is_numbered_and_takes_from_its_opportunity(bc: Client) -> None:
    row = opportunity(bc, salespersonCode="LM")
    first, second = entry(bc, row), entry(bc, row)
    assert second["entryNo"] == first["entryNo"] + 1
    keys = ("contactNo", "contactCompanyNo", "salespersonCode")
    assert [first[key] for key in keys] == [row[key] for key in keys]


def test_blocked_contacts_and_salespeople_are_refused(bc: Client) -> None:
    for set_name, key, value, field in (
        ("contacts", "no", "CT000101", "contactNo"),
        ("salespeoplePurchasers", "code", "LM", "salespersonCode"),
    ):
        bc.changed(set_name, bc.one(set_name, key, value)["id"], privacyBlocked=True)
        refused = bc.post("opportunities", {"description": "X", field: value})
        assert (refused.status, refused.code) == DIALOG, field


def test_values_are_those_of_the_active_entry(bc: Client) -> None:
    row = opportunity(bc)
    entry(bc, row, estimatedValueLCY=1000, probability=20, estimatedCloseDate="2026-06-30")
    started = now(bc, row)
    assert (started["status"], started["estimatedValueLCY"]) == ("In_x0020_Progress", 1000)
    assert (started["calcdCurrentValueLCY"], started["estimatedClosingDate"]) == (200, "2026-06-30")
    second = entry(bc, row, actionTaken="Next", estimatedValueLCY=1500, probability=50, completed=40)
    updated = now(bc, row)
    assert (updated["estimatedValueLCY"], updated["probability"], updated["completed"]) == (1500, 50, 40)
    assert updated["systemRowVersion"] == started["systemRowVersion"], "the row holds none of it"
    entries = bc.rows("opportunityEntries", f"$filter=opportunityNo eq '{row['no']}'")
    assert [each["id"] for each in entries if each["active"]] == [second["id"]]
    standard = bc.get(f"opportunities({row['id']})", route=STANDARD).body
    assert (standard["estimatedValue"], standard["calculatedCurrentValue"]) == (1500, 750)
    assert (standard["status"], standard["contactName"]) == ("In_x0020_Progress", row["contactName"])


def test_an_entry_wins_or_loses_it_for_good(bc: Client) -> None:
    for action in ("Won", "Lost"):
        row = opportunity(bc)
        entry(bc, row, estimatedValueLCY=10)
        entry(bc, row, actionTaken=action, dateOfChange="2026-03-04", calcdCurrentValueLCY=9)
        closed = now(bc, row)
        assert (closed["status"], closed["closed"], closed["dateClosed"]) == (action, True, "2026-03-04")
        assert closed["calcdCurrentValueLCY"] == 9
        refused = bc.post("opportunityEntries", {"opportunityNo": row["no"]})
        assert (refused.status, refused.code) == DIALOG


def test_state_and_values_are_not_written_directly(bc: Client) -> None:
    row = opportunity(bc)
    for name, value in (("status", "Won"), ("closed", True), ("estimatedValueLCY", 1)):
        assert bc.patch("opportunities", row["id"], {name: value}).code == "BadRequest_InvalidOperation"


def test_one_in_progress_cannot_be_deleted_and_entries_go_with_the_others(bc: Client) -> None:
    row = opportunity(bc)
    entry(bc, row)
    refused = bc.delete("opportunities", row["id"])
    assert (refused.status, refused.code) == DIALOG
    entry(bc, row, actionTaken="Lost")
    assert bc.delete("opportunities", row["id"]).status == 204
    assert bc.rows("opportunityEntries", f"$filter=opportunityNo eq '{row['no']}'") == []
