"""What the core plans with: enabled rows that may flow, with their look-ups, and a user's changes of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kobling.algebra.create import plan_create
from kobling.catalogue.definition import NO_CHANGES, Changes
from kobling.catalogue.filter_text import parse_filter
from kobling.catalogue.load import default_mappings, definitions, executable
from kobling.catalogue.sources import REFERENCES, SOURCES
from kobling.model.errors import ConfigurationError
from kobling.model.look_up import Answer
from kobling.model.mapping import (
    DeletionConflict,
    Direction,
    FieldRow,
    Mapping,
    Moment,
    Side,
    UpdateConflict,
)
from kobling.model.pair import Kind, Record
from kobling.model.values import Value

EVERYTHING = {*definitions(), *SOURCES}


def made(name: str, **changes: Any) -> Mapping:
    return executable(definitions()[name], Changes(**changes), EVERYTHING)


def rows(mapping: Mapping) -> dict[str, FieldRow]:
    return {one.name: one for one in mapping.rows}


def column(mapping: Mapping, side: Side, position: int | None) -> str | None:
    return None if position is None else mapping.table(side).columns[position].name


def creation(mapped: str, target: Side, look_ups: dict[tuple[str, Side, str], Answer], **held: Value) -> Any:
    """What the counterpart of a record with these values is created with, by column; the action else."""
    mapping = default_mappings()[mapped]
    columns = mapping.table(target.other).columns
    values = tuple(held.get(one.name, one.blank) for one in columns)
    action = plan_create(mapping, Record(id="1", values=values), target, look_ups)
    if action.kind is not Kind.CREATE:
        return action
    there = mapping.table(target).columns
    return {there[position].name: value for position, value in action.writes[-1].values}


def test_every_row_has_columns_and_one_name() -> None:
    for mapping in default_mappings().values():
        names = [one.name for one in mapping.rows]
        assert len(set(names)) == len(names)
        for side in Side:
            assert all((one.column(side) or 0) < len(mapping.table(side).columns) for one in mapping.rows)


def test_only_columns_that_something_needs_are_read() -> None:
    mappings = default_mappings()
    users = [one.name for one in mappings["SALESPEOPLE"].right.columns]
    assert "personalemailaddress" not in users
    assert "isdisabled" in users, "the filter needs it"
    assert "systemuserid" in users, "the code's rule needs it"
    customer = [one.name for one in mappings["CUSTOMER"].left.columns]
    assert "primaryContactNo" in customer
    assert "mobilePhoneNo" not in customer
    assert "no" in customer, "people know a customer by it"


def test_a_row_whose_source_is_not_there_is_left_out() -> None:
    customer = definitions()["CUSTOMER"]
    without_contacts = executable(customer, NO_CHANGES, EVERYTHING - {"CONTACT"})
    assert "Primary Contact No." not in rows(without_contacts)
    assert rows(default_mappings()["CUSTOMER"])["Primary Contact No."].clear_on_failed
    bare = executable(customer, NO_CHANGES, ())
    assert {one.conversion.source for one in bare.rows} == {""}
    assert [one.name for one in bare.right.conditions] == ["statecode", "customertypecode"]
    assert "ownerid" not in [one.name for one in bare.right.columns]


def test_disabled_rows_take_no_part() -> None:
    assert {"No.", "Mobile Phone No."}.isdisjoint(rows(default_mappings()["CUSTOMER"]))
    assert {"Job Title", "E-Mail 2"}.isdisjoint(rows(default_mappings()["SALESPEOPLE"]))


def test_the_owner_is_a_user() -> None:
    row = rows(default_mappings()["CUSTOMER"])["Salesperson Code"]
    assert row.conversion.entity == "systemuser"
    assert row.not_null
    assert "owneridtype" not in rows(default_mappings()["CUSTOMER"])


def test_derived_rows_of_customers() -> None:
    customer = default_mappings()["CUSTOMER"]
    stamp, block = rows(customer)["bcbi_companyid"], rows(customer)["Blocked"]
    assert (stamp.left, stamp.claim, stamp.rule) == (None, True, "company_stamp")
    assert (block.right, block.moment, block.when) == (None, Moment.EXIT, "statecode")
    assert block.conversion.constant == "All"
    credit = rows(customer)["Credit Limit (LCY)"].conversion
    assert (credit.kind, column(customer, Side.LEFT, credit.key)) == ("product", "currencyCode")


def test_a_direction_narrows_the_rows_and_leaves_the_others_out() -> None:
    to_sales = made("CUSTOMER", direction=Direction.TO_RIGHT)
    assert {one.direction for one in to_sales.rows} == {Direction.TO_RIGHT}
    assert "Blocked" not in rows(to_sales)
    from_sales = made("CUSTOMER", direction=Direction.TO_LEFT)
    assert {one.direction for one in from_sales.rows} == {Direction.TO_LEFT}
    assert {"Salesperson Code", "Credit Limit (LCY)", "bcbi_companyid"}.isdisjoint(rows(from_sales))
    assert "Blocked" in rows(from_sales)


def test_a_direction_without_a_row_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="SALESPEOPLE: no enabled field flows to_integration"):
        made("SALESPEOPLE", direction=Direction.TO_RIGHT)


def test_changes_of_a_user_hold_and_those_left_out_do_not() -> None:
    one = made(
        "CUSTOMER",
        synch_only_coupled=False,
        update_conflict=UpdateConflict.GET,
        deletion_conflict=DeletionConflict.RESTORE,
        bc_filter=(),
    )
    assert not one.synch_only_coupled
    assert one.update_conflict is UpdateConflict.GET
    assert one.deletion_conflict is DeletionConflict.RESTORE
    assert one.left.conditions == ()
    assert one.right.conditions == default_mappings()["CUSTOMER"].right.conditions
    assert one.rows == default_mappings()["CUSTOMER"].rows


def test_changes_survive_being_stored() -> None:
    columns = definitions()["CUSTOMER"].crm.columns
    changes = Changes(
        enabled=False,
        direction=Direction.TO_LEFT,
        crm_filter=parse_filter("statecode = 0|1 AND bcbi_companyid = ''|<company>", columns),
    )
    stored = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(changes)))
    assert msgspec.convert(stored, Changes) == changes


def test_a_filter_of_a_user_makes_its_columns_read() -> None:
    columns = definitions()["CUSTOMER"].bc.columns
    one = made("CUSTOMER", bc_filter=parse_filter("Mobile Phone No. <> ''", columns))
    [condition] = one.left.conditions
    assert one.left.columns[condition.position].name == condition.name == "mobilePhoneNo"
    assert (condition.negated, condition.values) == (True, ("",))


def test_a_filter_that_the_mapping_cannot_judge_is_refused() -> None:
    [condition] = definitions()["CUSTOMER"].bc.filter
    with pytest.raises(ConfigurationError, match=r"CUSTOMER: crm.filter\[0\]: there is no column 'blocked'"):
        made("CUSTOMER", crm_filter=(condition,))


def test_sources_and_references_name_each_other() -> None:
    assert all(name == one.name for name, one in (*SOURCES.items(), *REFERENCES.items()))
    used = {name for one in SOURCES.values() for name in one.references}
    assert used == set(REFERENCES)
    mapped = {source for one in default_mappings().values() for source in one.sources}
    assert mapped - set(definitions()) <= set(SOURCES)


LOOK_UPS: dict[tuple[str, Side, str], Answer] = {
    ("SALESPEOPLE", Side.RIGHT, "AH"): "user-1",
    ("CURRENCY", Side.RIGHT, ""): "euro",
    ("countries", Side.RIGHT, "NO"): "NO",
    ("company", Side.RIGHT, ""): "company-1",
    ("local_rates", Side.RIGHT, ""): 1,
    ("exchange_rates", Side.RIGHT, "KR"): 11,
    ("currency_precision", Side.RIGHT, "KR"): 2,
    ("salesperson_codes", Side.LEFT, "user-1"): "SP NO. 00001",
}


def test_an_account_is_created_as_a_customer_of_this_company() -> None:
    account = creation(
        "CUSTOMER",
        Side.RIGHT,
        LOOK_UPS,
        **{"no": "C1", "name": "A", "salespersonCode": "AH", "countryRegionCode": "NO", "creditLimitLCY": 7},
    )
    assert account == {
        "name": "A",
        "ownerid": "systemuser/user-1",
        "address1_country": "NO",
        "transactioncurrencyid": "euro",
        "creditlimit": 7,
        "bcbi_companyid": "company-1",
        "customertypecode": 3,
    }


def test_a_customer_whose_salesperson_is_not_coupled_waits() -> None:
    action = creation("CUSTOMER", Side.RIGHT, LOOK_UPS, name="A", salespersonCode="ZZ")
    assert action.kind is Kind.WAIT
    assert action.reason == "Salesperson Code 'ZZ' is not coupled in SALESPEOPLE"


def test_a_salesperson_is_created_with_a_code_of_the_series() -> None:
    made_one = creation(
        "SALESPEOPLE", Side.LEFT, LOOK_UPS, systemuserid="user-1", fullname="Anna", mobilephone="+47 1"
    )
    assert made_one == {"code": "SP NO. 00001", "name": "Anna", "phoneNo": "+47 1"}


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ({"isoCode": "NOK", "symbol": "kr", "description": "Krone"}, ("NOK", "kr", "Krone")),
        ({"isoCode": "NOK"}, ("NOK", "NOK", "KR")),
        ({}, ("KR", "KR", "KR")),
    ],
)
def test_a_currency_goes_by_its_iso_code_and_has_a_symbol_and_a_name(
    held: dict[str, str], expected: tuple[str, str, str]
) -> None:
    currency = creation("CURRENCY", Side.RIGHT, LOOK_UPS, code="KR", **held)
    iso, symbol, title = expected
    assert currency == {
        "isocurrencycode": iso,
        "currencysymbol": symbol,
        "currencyname": title,
        "exchangerate": 11,
        "currencyprecision": 2,
    }


def test_finders_compare_what_the_rows_join() -> None:
    mappings = default_mappings()
    joined = {
        name: [(column(one, Side.LEFT, left), column(one, Side.RIGHT, right)) for left, right in one.finder]
        for name, one in mappings.items()
    }
    assert {name: one for name, one in joined.items() if one} == {
        "SALESPEOPLE": [("eMail", "internalemailaddress")],
        "DEFAULT-PRICE": [("lcyCode", "name")],
        "ITEM-PRICE": [
            ("qtyPerUnitOfMeasure", "pricelevelid"),
            ("itemNo", "productid"),
            ("code", "uomid"),
        ],
        "RESOURCE-PRICE": [
            ("qtyPerUnitOfMeasure", "pricelevelid"),
            ("resourceNo", "productid"),
            ("code", "uomid"),
        ],
        "SALESPRC-PRODPRICE": [
            ("salesCode", "pricelevelid"),
            ("itemNo", "productid"),
            ("unitOfMeasureCode", "uomid"),
        ],
        "CURRENCY": [("code", "isocurrencycode")],
        "PAYMENT TERMS": [("code", "code")],
        "SHIPMENT METHOD": [("code", "code")],
        "SHIPPING AGENT": [("code", "code")],
        "UNIT GROUP": [("sourceNo", "name")],
        "ITEM UOM": [("code", "name"), ("itemNo", "uomscheduleid")],
        "RESOURCE UOM": [("code", "name"), ("resourceNo", "uomscheduleid")],
    }


def test_what_a_new_customer_is_expected_to_hold_is_what_business_central_gives_it() -> None:
    """A credit limit that was not given is 0 there; another expectation would read as a change of it, and
    clear the limit of the account that the customer was made from."""
    customer = default_mappings()["CUSTOMER"]
    held = {"name": "A", "statecode": 0, "customertypecode": 3, "creditlimit": 5000}
    account = Record(id="1", values=tuple(held.get(one.name) for one in customer.right.columns))
    nothing = {(one, Side.LEFT, ""): "" for one in customer.sources}
    action = plan_create(customer, account, Side.LEFT, nothing)
    assert action.kind is Kind.CREATE
    assert action.base is not None
    limit = [one.name for one in customer.left.columns].index("creditLimitLCY")
    assert action.base.left[limit] == 0
