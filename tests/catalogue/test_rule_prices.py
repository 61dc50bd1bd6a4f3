"""In which currency price lists are, which of them are meant, and of which product and unit a price is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.known_facts import DOLLAR, EURO, KRONE, facts
from kobling.catalogue.load import default_mappings, definitions
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import KEEP, Answer, Facts, Outside, Rejected, Through, key_of_parts
from kobling.model.mapping import Side

GROUP_TYPE = "Customer_x0020_Price_x0020_Group"
LIST = "dddddddd-0000-4000-8000-000000000001"
MONEY = {
    "generalLedgerSetup": [{"lcyCode": "EUR"}],
    "currencies": [{"code": "NOK", "isoCode": "NOK"}, {"code": "DOLLAR", "isoCode": "USD"}],
    "transactioncurrencies": [
        {"transactioncurrencyid": EURO, "isocurrencycode": "EUR"},
        {"transactioncurrencyid": KRONE, "isocurrencycode": "NOK"},
        {"transactioncurrencyid": DOLLAR, "isocurrencycode": "USD"},
    ],
}
PRICES = ("SALESPRC-PRODPRICE", "PLLINE-PRODPRICE")


def asked(source: str, key: str, state: Facts | None = None) -> Answer | Through:
    return SOURCES[source].resolve(facts() if state is None else state, Side.RIGHT, [key])[key]


def group(*currencies: str, kind: str = GROUP_TYPE) -> Answer | Through:
    rows = [{"salesType": kind, "salesCode": "HOTEL", "currencyCode": one} for one in currencies]
    return asked("price_group_currencies", "HOTEL", facts(salesPrices=rows, **MONEY))


def test_a_group_is_in_the_currency_of_its_prices() -> None:
    found = group("NOK", "NOK")
    assert isinstance(found, Through)
    assert (found.key, found.via) == ("NOK", ("CURRENCY",))
    assert group("", "") == EURO
    assert group() == EURO
    assert group("NOK", kind="Customer") == EURO


def test_a_group_in_several_currencies_is_refused_until_a_price_of_it_changes() -> None:
    found = group("NOK", "")
    assert isinstance(found, Rejected)
    assert "NOK, the local currency" in found.reason
    touched = SOURCES["price_group_currencies"].touched
    assert touched({"salesPrices": [{"salesCode": "HOTEL"}]}) == ["HOTEL"]
    assert found.waits == "price_group_currencies/HOTEL"
    assert touched({"generalLedgerSetup": [{}]}) is None


@pytest.mark.parametrize(("status", "state"), [("Active", 0), ("Inactive", 1)])
def test_the_status_of_a_list_is_its_state(status: str, state: int) -> None:
    assert asked("price_list_states", status) == state


@pytest.mark.parametrize("status", ["Draft", "", "_x0020_"])
def test_any_other_status_keeps_a_list_outside(status: str) -> None:
    assert isinstance(asked("price_list_states", status), Outside)


@pytest.mark.parametrize(("code", "meant"), [("", False), ("S00001", True)])
def test_the_set_up_says_which_lists_are_meant(code: str, meant: bool) -> None:
    state = facts(**{"price list setup": [{"defaultPriceListCode": code}]})
    assert SOURCES["default_price_list"].resolve(state, Side.LEFT, [""]) == {"": meant}
    assert SOURCES["default_price_list"].resolve(facts(), Side.LEFT, [""]) == {"": False}


def test_a_price_is_of_the_product_that_its_kind_and_number_say() -> None:
    for kind, mapping in (("Item", "ITEM-PRODUCT"), ("Resource", "RESOURCE-PRODUCT")):
        found = asked("priced_products", key_of_parts(kind, "1000"))
        assert isinstance(found, Through)
        assert (found.key, found.via, found.with_pair) == ("1000", (mapping,), True)
    assert isinstance(asked("priced_products", key_of_parts("Resource_x0020_Group", "1000")), Rejected)
    item = asked("priced_items", "1000")
    assert isinstance(item, Through)
    assert (item.key, item.via) == ("1000", ("ITEM-PRODUCT",))


def units(**bases: str) -> Facts:
    rows = [{"no": number.upper(), "baseUnitOfMeasure": unit} for number, unit in bases.items()]
    return facts(**{"base units of items": rows, "base units of resources": []})


@pytest.mark.parametrize(("given", "unit"), [("BOX", "BOX"), ("", "PCS")])
def test_a_blank_unit_is_the_base_unit_of_the_item(given: str, unit: str) -> None:
    state = units(a1="PCS")
    own = asked("units_of_priced_items", key_of_parts("A1", given), state)
    assert isinstance(own, Through)
    assert (own.key, own.via) == (key_of_parts("A1", unit), ("ITEM UOM",))
    line = asked("units_of_priced_products", key_of_parts("Item", "A1", given), state)
    assert line == own
    common = asked("common_units_of_priced_items", key_of_parts("A1", given), state)
    assert isinstance(common, Through)
    assert (common.key, common.via) == (unit, ("UNIT OF MEASURE",))


@pytest.mark.parametrize("state", [units(), units(a1="")])
def test_without_a_base_unit_a_blank_unit_is_refused(state: Facts) -> None:
    for source in ("units_of_priced_items", "common_units_of_priced_items"):
        found = asked(source, key_of_parts("A1", ""), state)
        assert isinstance(found, Rejected)
        assert "Base Unit of Measure" in found.reason


def agreement(currency: str, held: str) -> Answer:
    lists = [{"pricelevelid": LIST, "_transactioncurrencyid_value": held}]
    state, key = facts(pricelevels=lists, **MONEY), key_of_parts(currency, "HOTEL")
    there = asked("currencies_of_group_prices", key, state)
    assert isinstance(there, Through)
    assert there.key == "HOTEL"
    judge = SOURCES["currencies_of_group_prices"].judge
    assert judge is not None
    return judge(state, Side.RIGHT, {key: ("CUSTPRCGRP-PRICE", LIST)})[key]


@pytest.mark.parametrize(("currency", "held"), [("", EURO), ("EUR", EURO), ("DOLLAR", DOLLAR), ("NOK", "")])
def test_a_price_in_the_currency_of_its_list_passes_and_writes_nothing(currency: str, held: str) -> None:
    assert agreement(currency, held) is KEEP


@pytest.mark.parametrize(("currency", "held"), [("", KRONE), ("NOK", EURO), ("DOLLAR", EURO), ("XXX", EURO)])
def test_a_price_in_another_currency_is_refused(currency: str, held: str) -> None:
    found = agreement(currency, held)
    assert isinstance(found, Rejected)
    assert not isinstance(found, Outside)
    assert "HOTEL" in found.reason


TEXTS = st.text(max_size=5)


@given(TEXTS, TEXTS, TEXTS)
def test_whatever_a_price_holds_there_is_an_answer(one: str, other: str, third: str) -> None:
    state = facts(pricelevels=[], **MONEY, **{"base units of items": [], "base units of resources": []})
    for source, key in (
        ("priced_items", one),
        ("priced_products", key_of_parts(one, other)),
        ("units_of_priced_items", key_of_parts(one, other)),
        ("units_of_priced_products", key_of_parts(one, other, third)),
        ("common_units_of_priced_products", key_of_parts(one, other, third)),
        ("currencies_of_list_prices", key_of_parts(one, other)),
        ("price_group_currencies", one),
    ):
        assert isinstance(asked(source, key, state), Through | Rejected | str)
        assert SOURCES[source].resolve(state, Side.LEFT, [key]) == {}


def test_nothing_of_what_sales_fills_in_by_itself_is_written() -> None:
    everything = definitions({"extended_pricing": "on"}) | definitions()
    for name in PRICES:
        rows = [one for one in everything[name].fields if one.enabled and not one.gate]
        columns = {one.crm for one in rows}
        assert "amount" in columns
        assert {"productnumber", "transactioncurrencyid", "uomscheduleid"}.isdisjoint(columns)


def named(name: str) -> set[tuple[str, str]]:
    """The rows of a mapping that Sales can take, by their fields; those of rules are left out."""
    known = definitions({"extended_pricing": "on"}) | definitions()
    rows = known[name].fields
    captions = known[name].bc.columns
    return {
        (captions[one.bc].caption if one.bc else "", str(one.crm))
        for one in rows
        if one.enabled and not one.rule
    }


@pytest.mark.scenario("MP-18")
def test_these_fields_of_price_groups_are_joined() -> None:
    assert named("CUSTPRCGRP-PRICE") == {("Code", "name")}
    rows: dict[str, Any] = {one.name: one for one in default_mappings()["CUSTPRCGRP-PRICE"].rows}
    assert rows["transactioncurrencyid"].moment.value == "insert"
    assert rows["Description"].moment.value == "always"


@pytest.mark.scenario("MP-19")
def test_these_fields_of_price_lists_are_joined() -> None:
    assert named("PLHEADER-PRICE") == {
        ("Code", "name"),
        ("Description", "description"),
        ("Currency Code", "transactioncurrencyid"),
        ("Starting Date", "begindate"),
        ("Ending Date", "enddate"),
    }


@pytest.mark.scenario("MP-20")
def test_these_fields_of_their_lines_are_joined() -> None:
    assert named("PLLINE-PRODPRICE") == {
        ("Price List Code", "pricelevelid"),
        ("Asset No.", "productid"),
        ("", "pricingmethodcode"),
        ("Unit of Measure Code", "uomid"),
        ("Unit Price", "amount"),
    }
    assert named("SALESPRC-PRODPRICE") == {
        ("Sales Code", "pricelevelid"),
        ("Item No.", "productid"),
        ("", "pricingmethodcode"),
        ("Unit Price", "amount"),
    }


@pytest.mark.scenario("MP-40")
@pytest.mark.scenario("MP-41")
def test_price_lists_and_their_lines_go_to_sales_only() -> None:
    known = definitions({"extended_pricing": "on"})
    header, line = known["PLHEADER-PRICE"], known["PLLINE-PRODPRICE"]
    assert (header.direction.value, header.synch_only_coupled) == ("to_integration", True)
    assert (line.direction.value, line.synch_only_coupled) == ("to_integration", False)
    asked_of = {
        one.name: {each.column: each.values for each in one.bc.filter if each.values}
        for one in (header, line)
    }
    assert asked_of == {
        "PLHEADER-PRICE": {"priceType": ("Sale",), "amountType": ("Price",)},
        "PLLINE-PRODPRICE": {
            "priceType": ("Sale",),
            "amountType": ("Price",),
            "assetType": ("Item", "Resource"),
            "minimumQuantity": (0,),
        },
    }
