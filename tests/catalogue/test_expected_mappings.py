"""Aim: the shipped mappings are the default mappings of Base Application 29, but for what DIFFERENCES says.

Method: what `mapping show --every-variant` shows is held against `expected_mappings.json`, which
`make_expectations.py` made; each difference stands in DIFFERENCES with its reason; one that is gone fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kobling.catalogue.describe import every_variant_document
from kobling.catalogue.load import every_variant

EXPECTED = json.loads(Path(__file__).with_name("expected_mappings.json").read_text(encoding="utf-8"))
OF_A_VARIANT = (
    *("switches", "bc_table", "crm_entity", "direction", "synch_only_coupled"),
    *("update_conflict", "deletion_conflict"),
)
OF_A_ROW = ("direction", "constant", "clear_on_failed", "not_null", "match", "enabled", "switches")
Difference = tuple[str, str]
# What is different, by the reason for it: (place, what differs).
DIFFERENCES: dict[str, list[Difference]] = {
    "A unit group that stands in Sales already may call its base unit what it likes.": [
        ("UNIT GROUP: Source No. / baseuomname", "enabled: False, not True"),
    ],
    "It is there with the owner model person only.": [
        ("SALESPEOPLE", "switches: {'owner_model': 'person'}, not {}"),
    ],
    "An option or a country that the other side does not know is left blank and filled in later.": [
        ("CUSTOMER: Country/Region Code / address1_country", "clear_on_failed: True, not False"),
        ("CUSTOMER: Shipment Method Code / address1_freighttermscode", "clear_on_failed: True, not False"),
        ("CUSTOMER: Shipping Agent Code / address1_shippingmethodcode", "clear_on_failed: True, not False"),
        ("CUSTOMER: Payment Terms Code / paymenttermscode", "clear_on_failed: True, not False"),
        ("VENDOR: Country/Region Code / address1_country", "clear_on_failed: True, not False"),
        ("VENDOR: Shipment Method Code / address1_freighttermscode", "clear_on_failed: True, not False"),
        ("VENDOR: Shipping Agent Code / address1_shippingmethodcode", "clear_on_failed: True, not False"),
        ("VENDOR: Payment Terms Code / paymenttermscode", "clear_on_failed: True, not False"),
        ("CONTACT: Country/Region Code / address1_country", "clear_on_failed: True, not False"),
        ("CONTACT: Salutation Code / salutation", "clear_on_failed: True, not False"),
        (
            "POSTEDSALESINV-INV: Ship-to Country/Region Code / shipto_country",
            "clear_on_failed: True, not False",
        ),
        (
            "POSTEDSALESINV-INV: Bill-to Country/Region Code / billto_country",
            "clear_on_failed: True, not False",
        ),
        ("POSTEDSALESINV-INV: Shipping Agent Code / shippingmethodcode", "clear_on_failed: True, not False"),
        ("POSTEDSALESINV-INV: Payment Terms Code / paymenttermscode", "clear_on_failed: True, not False"),
        (
            "SALESORDER-ORDER to_integration: Ship-to Country/Region Code / shipto_country",
            "clear_on_failed: True, not False",
        ),
        (
            "SALESORDER-ORDER to_integration: Bill-to Country/Region Code / billto_country",
            "clear_on_failed: True, not False",
        ),
        (
            "SALESORDER-ORDER to_integration: Shipping Agent Code / shippingmethodcode",
            "clear_on_failed: True, not False",
        ),
        (
            "SALESORDER-ORDER to_integration: Payment Terms Code / paymenttermscode",
            "clear_on_failed: True, not False",
        ),
        (
            "SALESORDER-ORDER bidirectional: Ship-to Country/Region Code / shipto_country",
            "clear_on_failed: True, not False",
        ),
        (
            "SALESORDER-ORDER bidirectional: Bill-to Country/Region Code / billto_country",
            "clear_on_failed: True, not False",
        ),
        (
            "SALESORDER-ORDER bidirectional: Shipping Agent Code / shippingmethodcode",
            "clear_on_failed: True, not False",
        ),
        (
            "SALESORDER-ORDER bidirectional: Payment Terms Code / paymenttermscode",
            "clear_on_failed: True, not False",
        ),
        (
            "SALESORDER-ORDER bidirectional: Shipment Method Code / freighttermscode",
            "clear_on_failed: True, not False",
        ),
    ],
    "The limit is converted into the account's currency by a derived row.": [
        ("CUSTOMER: Credit Limit (LCY) / creditlimit", "rule: credit_limit_currency"),
    ],
    "The table that a look-up points to goes by its name, as it has no number on the wire.": [
        ("CONTACT", "crm_filter asks parentcustomeridtype = account"),
        ("CONTACT", "crm_filter does not ask parentcustomeridtype = 1"),
    ],
    "Sales takes number and unit group of a price from the product, and its currency from the list.": [
        ("SALESPRC-PRODPRICE: Item No. / productnumber", "enabled: False, not True"),
        ("SALESPRC-PRODPRICE: Currency Code / transactioncurrencyid", "enabled: False, not True"),
        ("PLLINE-PRODPRICE: Asset No. / productnumber", "enabled: False, not True"),
        ("PLLINE-PRODPRICE: Currency Code / transactioncurrencyid", "enabled: False, not True"),
        ("PLLINE-PRODPRICE: Unit of Measure Code / uomscheduleid", "enabled: False, not True"),
    ],
    "The prices of products that the built-in integration writes in passing are mappings of their own.": [
        ("DEFAULT-PRICE", "is not expected"),
        ("ITEM-PRICE", "is not expected"),
        ("RESOURCE-PRICE", "is not expected"),
        ("CUSTOMER-STATISTICS", "is not expected"),
        ("SUBMITTED-ORDER", "is not expected"),
        ("SUBMITTED-ORDER-LINE", "is not expected"),
        ("ITEM-PRODUCT", "needs DEFAULT-PRICE"),
        ("RESOURCE-PRODUCT", "needs DEFAULT-PRICE"),
    ],
    "Which price lists are meant is asked of the set-up in each run, not once.": [
        ("PLHEADER-PRICE", "bc_filter asks Allow Updating Defaults = <default_price_list>"),
        ("PLHEADER-PRICE", "bc_filter does not ask Allow Updating Defaults = true"),
    ],
    "The needs are what the rows look up, so nothing is forgotten.": [
        ("CONTACT", "needs SALESPEOPLE"),
        ("CONTACT", "needs CURRENCY"),
        ("ITEM-PRODUCT", "needs CURRENCY"),
        ("ITEM-PRODUCT", "needs UNIT GROUP"),
        ("RESOURCE-PRODUCT", "needs CURRENCY"),
        ("RESOURCE-PRODUCT", "needs UNIT GROUP"),
        ("SALESPRC-PRODPRICE", "needs ITEM UOM"),
        ("PLLINE-PRODPRICE", "needs ITEM UOM"),
        ("PLLINE-PRODPRICE", "needs RESOURCE UOM"),
        ("PLLINE-PRODPRICE", "needs RESOURCE-PRODUCT"),
        ("POSTEDSALESINV-INV", "needs SALESPEOPLE"),
        ("POSTEDSALESINV-INV", "needs CURRENCY"),
        ("POSTEDSALESINV-INV", "needs PAYMENT TERMS"),
        ("POSTEDSALESINV-INV", "needs SHIPPING AGENT"),
        ("POSTEDSALESINV-INV", "needs CUSTOMER"),
        ("POSTEDSALESINV-INV", "needs DEFAULT-PRICE"),
        ("POSTEDSALESLINE-INV", "needs ITEM UOM"),
        ("POSTEDSALESLINE-INV", "needs RESOURCE UOM"),
        ("POSTEDSALESLINE-INV", "needs ITEM-PRODUCT"),
        ("POSTEDSALESLINE-INV", "needs RESOURCE-PRODUCT"),
        ("OPPORTUNITY", "needs SALESPEOPLE"),
        ("OPPORTUNITY", "needs CUSTOMER"),
        ("OPPORTUNITY", "needs CURRENCY"),
        ("SALESORDER-ORDER to_integration", "needs SALESPEOPLE"),
        ("SALESORDER-ORDER to_integration", "needs CURRENCY"),
        ("SALESORDER-ORDER to_integration", "needs PAYMENT TERMS"),
        ("SALESORDER-ORDER to_integration", "needs SHIPPING AGENT"),
        ("SALESORDER-ORDER bidirectional", "needs SALESPEOPLE"),
        ("SALESORDER-ORDER bidirectional", "needs CURRENCY"),
        ("SALESORDER-ORDER bidirectional", "needs PAYMENT TERMS"),
        ("SALESORDER-ORDER bidirectional", "needs SHIPMENT METHOD"),
        ("SALESORDER-ORDER bidirectional", "needs SHIPPING AGENT"),
        ("SOLINE-ORDERDETAIL", "needs CURRENCY"),
        ("SOLINE-ORDERDETAIL", "needs ITEM UOM"),
        ("SOLINE-ORDERDETAIL", "needs RESOURCE UOM"),
        ("SOLINE-ORDERDETAIL", "needs ITEM-PRODUCT"),
        ("SOLINE-ORDERDETAIL", "needs RESOURCE-PRODUCT"),
    ],
    "A unit group that is not active takes no unit, so it is outside.": [
        ("UNIT GROUP", "crm_filter asks statecode = 0"),
    ],
    "Sales lets nobody change a closed opportunity, or an invoice that is paid.": [
        ("OPPORTUNITY", "crm_filter asks statecode = 0"),
        ("POSTEDSALESINV-INV", "crm_filter asks statecode = 0"),
    ],
    "Sales works out what lines and invoices come to.": [
        ("POSTEDSALESINV-INV: Amount / totalamountlessfreight", "enabled: False, not True"),
        ("POSTEDSALESINV-INV: Amount Including VAT / totalamount", "enabled: False, not True"),
        ("POSTEDSALESLINE-INV: Amount / baseamount", "enabled: False, not True"),
        ("POSTEDSALESLINE-INV: Amount Including VAT / extendedamount", "enabled: False, not True"),
    ],
    "The organization's base currency is never written.": [
        ("CURRENCY", "crm_filter asks transactioncurrencyid <> <base_currency>"),
    ],
    "An option mapping flows one way, and so do its rows.": [
        (
            "SHIPMENT METHOD: Code / address1_freighttermscode",
            "direction: to_integration, not from_integration",
        ),
        (
            "SHIPPING AGENT: Code / address1_shippingmethodcode",
            "direction: to_integration, not from_integration",
        ),
    ],
    "A value goes by its number or its truth, as Dataverse takes it.": [
        ("SALESPRC-PRODPRICE: - / pricingmethodcode", "constant: 1, not CurrencyAmount"),
        ("PLLINE-PRODPRICE: - / pricingmethodcode", "constant: 1, not CurrencyAmount"),
        ("POSTEDSALESLINE-INV: - / ispriceoverridden", "constant: true, not 1"),
        ("SOLINE-ORDERDETAIL: - / producttypecode", "constant: 1, not Product"),
        ("SOLINE-ORDERDETAIL: - / ispriceoverridden", "constant: true, not 1"),
    ],
}


def place(variant: dict[str, Any]) -> str:
    """The mapping, with its direction where it has several variants."""
    several = sum(one["name"] == variant["name"] for one in EXPECTED["variants"]) > 1
    return f"{variant['name']} {variant['direction']}" if several else str(variant["name"])


def shown() -> dict[str, dict[str, Any]]:
    """Every variant that the product shows, by place."""
    documents = [every_variant_document(one) for one in every_variant().values()]
    found = [one | {"name": each["name"]} for each in documents for one in each["variants"]]
    return {place(one): one for one in found}


def conditions(text: str) -> list[str]:
    """The conditions of a filter, with their values in one order and without quotes."""
    return sorted(_plain(one) for one in text.split(" AND ")) if text else []


def _plain(condition: str) -> str:
    name, operator, values = condition.replace("_x0020_", " ").partition(
        " <> " if "<> " in condition else " = "
    )
    return f"{name}{operator}{'|'.join(sorted(one.strip().strip(chr(39)) for one in values.split('|')))}"


def differences() -> Iterator[Difference]:
    """Everything in which the two are not the same."""
    found = shown()
    for expected in EXPECTED["variants"]:
        where = place(expected)
        if where not in found:
            yield where, "is missing"
            continue
        yield from _of_variant(where, expected, found.pop(where))
    yield from ((where, "is not expected") for where in found)


def _of_variant(where: str, expected: dict[str, Any], found: dict[str, Any]) -> Iterator[Difference]:
    for key in OF_A_VARIANT:
        if expected[key] != found[key]:
            yield where, f"{key}: {found[key]}, not {expected[key]}"
    for key in ("bc_filter", "crm_filter"):
        wanted = sorted(_plain(one) for one in expected[key])
        has = conditions(found[key])
        yield from ((where, f"{key} asks {one}") for one in has if one not in wanted)
        yield from ((where, f"{key} does not ask {one}") for one in wanted if one not in has)
    # With the shipped settings it is the alternative where there are unit groups, else the value.
    needs = expected["depends_on"]["value"]
    if where in ("ITEM-PRODUCT", "RESOURCE-PRODUCT"):
        needs = expected["depends_on"]["alternative"]
    yield from ((where, f"needs {one}") for one in found["depends_on"] if one not in needs)
    yield from ((where, f"does not need {one}") for one in needs if one not in found["depends_on"])
    yield from _of_rows(where, expected["fields"], found["fields"])


def _of_rows(where: str, expected: list[Any], found: list[Any]) -> Iterator[Difference]:
    plain = [one for one in found if not one.get("rule") and not one.get("instead")]
    known = {(one["bc_field"], one["crm_field"]): one for one in reversed(found)}
    for row in expected:
        name = f"{where}: {row['bc_field'] or '-'} / {row['crm_field'] or '-'}"
        other = known.get((row["bc_field"], row["crm_field"]))
        if other is None:
            yield name, "is missing"
            continue
        for key in OF_A_ROW:
            if row[key] != other.get(key, {}):
                yield name, f"{key}: {other.get(key, {})}, not {row[key]}"
        if other.get("rule"):
            yield name, f"rule: {other['rule']}"
    wanted = [(row["bc_field"], row["crm_field"]) for row in expected]
    order = [(one["bc_field"], one["crm_field"]) for one in plain]
    for bc, crm in order:
        if (bc, crm) not in wanted:
            yield f"{where}: {bc or '-'} / {crm or '-'}", "is not expected"
    if [one for one in wanted if one in order] != [one for one in order if one in wanted]:
        yield where, "the order of the rows"


FOUND = list(differences())
SAID = [one for listed in DIFFERENCES.values() for one in listed]


def test_there_are_230_rows_in_24_variants() -> None:
    assert len(EXPECTED["variants"]) == 24
    assert sum(len(one["fields"]) for one in EXPECTED["variants"]) == 230


@pytest.mark.parametrize("where", [place(one) for one in EXPECTED["variants"]])
def test_a_variant_is_as_expected_but_for_what_is_said(where: str) -> None:
    mine = [one for one in FOUND if one[0] == where or one[0].startswith(f"{where}:")]
    assert [one for one in mine if one not in SAID] == []


def test_every_difference_that_is_said_is_there() -> None:
    assert [one for one in SAID if one not in FOUND] == []
    assert len(SAID) == len(set(SAID))


def test_nothing_else_is_there() -> None:
    assert [one for one in FOUND if one not in SAID] == []
