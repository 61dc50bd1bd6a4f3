"""Option fields: default options by their codes, any other by its label; one without partner is awaited."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.known_facts import facts
from kobling.catalogue.options import OPTION_FIELDS, default_codes
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import Answer, Facts, Rejected, Through
from kobling.model.mapping import Side
from kobling.model.pair import Missing

TERMS = "paymenttermscode"
# As Dataverse names them; their codes cannot be made of these labels.
LABELS = {
    TERMS: ["Net 30", "2% 10, Net 30", "Net 45", "Net 60"],
    "address1_freighttermscode": ["FOB", "No Charge"],
    "address1_shippingmethodcode": [
        *("Airborne", "DHL", "FedEx", "UPS", "Postal Mail", "Full Load", "Will Call")
    ],
}
CODES = {
    "payment_terms": ["NET30", "2%10NET30", "NET45", "NET60"],
    "shipment_methods": ["FOB", "NOCHARGE"],
    "shipping_agents": ["AIRBORNE", "DHL", "FEDEX", "UPS", "POSTALMAIL", "FULLLOAD", "WILLCALL"],
}


def option(value: int, label: str, column: str = TERMS) -> dict[str, Any]:
    return {"column": column, "value": value, "label": label, "id": f"{column}/{value}"}


DEFAULTS = [
    option(value, label, column)
    for column, labels in LABELS.items()
    for value, label in enumerate(labels, start=1)
]


def known(*more: dict[str, Any], codes: list[str] | None = None) -> Facts:
    held = {
        one.table: [{"code": code} for code in (CODES[one.source] if codes is None else codes)]
        for one in OPTION_FIELDS
    }
    return facts(options=[*DEFAULTS, *more], **held)


def ask(one: Facts, side: Side, key: str, source: str) -> Answer:
    """The answer where nothing is coupled."""
    found = SOURCES[source].resolve(one, side, [key])[key]
    if not isinstance(found, Through):
        return found
    other = found.otherwise
    if isinstance(other, Missing):
        return other
    answer = ("", str(other))
    return SOURCES[source].finish(one, side, [answer])[answer]


def to_right(one: Facts, key: str, source: str = "payment_terms") -> Answer:
    return ask(one, Side.RIGHT, key, source)


def to_left(one: Facts, key: str, source: str = "payment_terms") -> Answer:
    return ask(one, Side.LEFT, key, source)


def refusal(answer: Answer) -> str:
    assert isinstance(answer, Missing)
    return answer.reason


@pytest.mark.parametrize(
    ("source", "value", "code"),
    [(source, value, code) for source, codes in CODES.items() for value, code in enumerate(codes, start=1)],
)
def test_each_default_option_has_its_code_both_ways(source: str, value: int, code: str) -> None:
    assert to_right(known(), code, source) == value
    assert to_left(known(), str(value), source) == code


def test_thirteen_options_have_a_code_from_the_start() -> None:
    assert sum(len(codes) for codes in default_codes().values()) == 13


def test_blank_is_null_in_sales_and_blank_in_business_central() -> None:
    assert to_right(known(), "") is None
    assert to_left(known(), "") == ""


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("Cash on delivery", "CASH ON DE"),
        ("  Prepaid ", "PREPAID"),
        ("Net 30 day", "NET 30 DAY"),
        ("Eight day term", "EIGHT DAY"),
        ("På konto", "PÅ KONTO"),
    ],
)
def test_another_option_goes_by_the_first_ten_characters_of_its_label(label: str, code: str) -> None:
    one = known(option(100, label), codes=[code])
    assert to_right(one, code) == 100
    assert to_left(one, "100") == code


@given(
    label=st.text(st.characters(categories=["Lu", "Ll", "Nd"], max_codepoint=0xFF), min_size=1, max_size=30)
)
def test_an_option_comes_back_as_the_code_that_it_went_as(label: str) -> None:
    one = known(option(100, label))
    code = label[:10].upper()
    one = known(option(100, label), codes=[code])
    value = to_right(one, code)
    assert value == 100 or code in CODES["payment_terms"]
    assert to_left(one, str(value)) == code


def test_among_labels_that_begin_alike_a_default_comes_first_then_the_lowest_value() -> None:
    one = known(option(0, "NET30"), option(9, "Net 14 days, end of month"), option(8, "Net 14 days"))
    assert to_right(one, "NET30") == 1
    assert to_right(one, "NET 14 DAY") == 8


def test_what_has_no_partner_is_waited_for_in_words() -> None:
    assert "COD has no option in Payment Terms" in refusal(to_right(known(), "COD"))
    one = known(option(100, "Cash"))
    assert "the option 'Cash' needs the code CASH in Payment Terms" in refusal(to_left(one, "100"))
    assert "no option with the value 7" in refusal(to_left(known(), "7"))
    assert "needs the code NET45" in refusal(to_left(known(codes=["NET30"]), "3"))


def test_a_default_option_that_sales_no_longer_has_is_not_sent() -> None:
    """Its value would be refused."""
    one = facts(options=[option(1, "Net 30")], paymentTerms=[{"code": "NET45"}])
    assert isinstance(to_right(one, "NET45"), Missing)


def test_options_of_another_field_do_not_count() -> None:
    one = known(option(100, "Cash", "address1_freighttermscode"), codes=["CASH"])
    assert isinstance(to_right(one, "CASH"), Missing)
    assert to_right(one, "CASH", "shipment_methods") == 100


def named(one: Facts, side: Side, key: str, source: str = "payment_terms_names") -> Answer:
    return SOURCES[source].resolve(one, side, [key])[key]


@pytest.mark.parametrize(
    ("source", "label", "code"),
    [
        (one.naming, label, code)
        for one in OPTION_FIELDS
        for label, code in zip(LABELS[one.column], CODES[one.source], strict=True)
    ],
)
def test_a_default_label_makes_the_default_code_commas_and_all(source: str, label: str, code: str) -> None:
    assert named(known(), Side.LEFT, label, source) == code


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("Cash Payment", "CASH PAYME"),
        ("Transfer", "TRANSFER"),
        ("Elevenchars", "ELEVENCHAR"),
        ("Netto 30", "NETTO 30"),
        ("", ""),
    ],
)
def test_another_label_makes_a_code_of_its_first_ten_characters(label: str, code: str) -> None:
    assert named(known(option(100, label)), Side.LEFT, label) == code


def test_labels_that_begin_alike_make_no_code_until_one_is_renamed() -> None:
    one = known(option(100, "Cash Payment A"), option(101, "Cash Payment B"))
    answer = named(one, Side.LEFT, "Cash Payment B")
    assert isinstance(answer, Rejected)
    assert "'Cash Payment B' and 'Cash Payment A' both make the code CASH PAYME" in answer.reason
    assert answer.waits == "payment_terms_names/Cash Payment A"
    other = known(option(100, "Paid", "address1_freighttermscode"), option(101, "Paid"))
    assert named(other, Side.LEFT, "Paid") == "PAID", "the options of another field do not count"


@pytest.mark.parametrize("side", list(Side))
def test_a_name_with_a_comma_is_refused_in_words(side: Side) -> None:
    answer = named(known(option(100, "A, B")), side, "A, B")
    assert isinstance(answer, Rejected)
    assert "'A, B' has a comma" in answer.reason


def test_a_code_is_the_label_of_a_new_option() -> None:
    assert named(known(), Side.RIGHT, "14 DAYS") == "14 DAYS"
    assert named(known(), Side.RIGHT, "") == ""
