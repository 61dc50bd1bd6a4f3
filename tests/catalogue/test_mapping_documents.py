"""The documents of `mapping list` and `mapping show`."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kobling.catalogue.definition import Changes, Conversion, Definition, Field
from kobling.catalogue.describe import depends_on, list_document, show_document
from kobling.catalogue.filter_text import parse_filter
from kobling.catalogue.load import definitions
from kobling.model.mapping import Direction, UpdateConflict


def shown(name: str, **changes: Any) -> dict[str, Any]:
    document = show_document(definitions()[name], Changes(**changes))
    assert document["name"] == name
    [variant] = document["variants"]
    assert msgspec.json.decode(msgspec.json.encode(variant)) == variant
    return variant  # type: ignore[no-any-return]


def row(variant: dict[str, Any], bc: str | None, crm: str | None) -> dict[str, Any]:
    [found] = [one for one in variant["fields"] if (one["bc_field"], one["crm_field"]) == (bc, crm)]
    return found  # type: ignore[no-any-return]


def test_customers_as_shipped() -> None:
    variant = shown("CUSTOMER")
    fields = variant.pop("fields")
    assert len(fields) == 24
    assert variant == {
        "enabled": True,
        "observe": False,
        "guard_deletions": "20 or 50%",
        "guard_changes": "off",
        "guard_empty": True,
        "guard_schema": True,
        "guard_mapping": False,
        "crm_key": "accountid",
        "key_type": "guid",
        "ready": True,
        "switches": {},
        "bc_conditions": ["Blocked is blank"],
        "crm_conditions": [
            "Status is Active",
            "Relationship Type is Customer",
            "the account belongs to this company or to none",
        ],
        "bc_table": "Customer",
        "crm_entity": "account",
        "direction": "bidirectional",
        "synch_only_coupled": True,
        "update_conflict": "none",
        "deletion_conflict": "none",
        "bc_filter": "Blocked = ''",
        "crm_filter": "statecode = 0 AND customertypecode = 3 AND bcbi_companyid = ''|<company>",
        "depends_on": ["SALESPEOPLE", "CURRENCY", "PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT"],
    }


def test_a_plain_row_a_constant_row_a_derived_row_and_a_disabled_row() -> None:
    variant = shown("CUSTOMER")
    assert row(variant, "Phone No.", "telephone1") == {
        "bc_field": "Phone No.",
        "crm_field": "telephone1",
        "direction": "bidirectional",
        "constant": "",
        "transformation": "",
        "enabled": True,
        "clear_on_failed": False,
        "not_null": False,
        "match": False,
        "match_priority": 0,
        "match_case": False,
        "conflict": None,
        "group": "",
    }
    constant = row(variant, None, "owneridtype")
    assert (constant["constant"], constant["direction"], constant["enabled"]) == (
        *("systemuser", "to_integration"),
        True,
    )
    assert row(variant, None, "bcbi_companyid")["rule"] == "company_stamp"
    assert row(variant, "Blocked", None)["rule"] == "block_when_inactive"
    assert row(variant, "Credit Limit (LCY)", "creditlimit")["rule"] == "credit_limit_currency"
    assert not row(variant, "No.", "accountnumber")["enabled"]
    assert row(variant, "City", "address1_city")["group"] == "address"


def test_rows_keep_their_own_direction_whatever_the_mappings() -> None:
    variant = shown("CUSTOMER", direction=Direction.TO_RIGHT)
    assert variant["direction"] == "to_integration"
    assert row(variant, "Name", "name")["direction"] == "bidirectional"
    assert row(variant, "Blocked", None)["direction"] == "from_integration"


def test_a_row_that_is_listed_twice_says_what_stands_for_it() -> None:
    twice = [one for one in shown("SALESPEOPLE")["fields"] if one["bc_field"] == "Job Title"]
    assert [one["enabled"] for one in twice] == [False, False]
    assert [bool(one.get("instead")) for one in twice] == [False, True]


def test_changes_of_a_user_are_shown() -> None:
    definition = definitions()["CUSTOMER"]
    bc_filter = parse_filter("blocked = '' AND city = Oslo|Bergen", definition.bc.columns)
    variant = shown(
        "CUSTOMER",
        enabled=False,
        synch_only_coupled=False,
        update_conflict=UpdateConflict.SEND,
        bc_filter=bc_filter,
        crm_filter=(),
    )
    assert variant["bc_filter"] == "Blocked = '' AND City = Oslo|Bergen"
    assert variant["crm_filter"] == ""
    assert (variant["enabled"], variant["synch_only_coupled"]) == (False, False)
    assert variant["update_conflict"] == "send"


def test_the_list_names_all_mappings_with_their_changes() -> None:
    document = list_document(definitions(), {"CURRENCY": Changes(enabled=False)})
    listed = {one["name"]: one for one in document["mappings"]}
    assert list(listed)[:5] == ["SALESPEOPLE", "CUSTOMER", "VENDOR", "CONTACT", "CURRENCY"]
    assert [one for one in listed if not listed[one]["enabled"]] == ["CURRENCY"]
    assert listed["CUSTOMER"]["depends_on"][:2] == ["SALESPEOPLE", "CURRENCY"]
    assert listed["OPPORTUNITY"]["ready"]
    assert listed["POSTEDSALESINV-INV"]["ready"]
    assert "SALESORDER-ORDER" not in listed


@pytest.mark.parametrize("name", ["SALESPEOPLE", "CURRENCY"])
def test_mappings_without_look_ups_of_records_depend_on_nothing(name: str) -> None:
    assert shown(name)["depends_on"] == []


def test_a_row_that_does_not_flow_makes_no_dependency() -> None:
    assert "SALESPEOPLE" not in shown("CUSTOMER", direction=Direction.TO_LEFT)["depends_on"]
    assert "CURRENCY" in shown("CUSTOMER", direction=Direction.TO_LEFT)["depends_on"]


def contacts(clearable: bool) -> Definition:
    """A mapping of contacts whose account must be there first."""
    field = Field(
        bc="name",
        crm="name",
        clear_on_failed=clearable,
        conversion=Conversion(kind="look_up", source="CUSTOMER"),
    )
    return msgspec.structs.replace(definitions()["CUSTOMER"], name="CONTACT", fields=(field,))


def test_of_two_mappings_that_need_each_other_the_clearable_look_up_comes_later() -> None:
    """A customer's primary contact may be cleared, a contact's account may not."""
    known = {**definitions(), "CONTACT": contacts(clearable=False)}
    assert "CONTACT" not in depends_on(known["CUSTOMER"], known)
    assert depends_on(known["CONTACT"], known) == ["CUSTOMER"]


def test_a_clearable_look_up_without_a_circle_is_a_dependency() -> None:
    lonely = msgspec.structs.replace(contacts(clearable=False), fields=(Field(bc="name", crm="name"),))
    known = {**definitions(), "CONTACT": lonely}
    assert depends_on(known["CUSTOMER"], known)[:2] == ["SALESPEOPLE", "CONTACT"]
