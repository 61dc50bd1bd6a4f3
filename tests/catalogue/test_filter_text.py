"""Filters as people write them: what they mean, that they come back, and what is refused at which place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobling.catalogue.definition import Column, ColumnType, FilterCondition
from kobling.catalogue.filter_text import filter_text, parse_filter
from kobling.catalogue.load import definitions
from kobling.model.errors import ConfigurationError

GUID = "5f0c1a3e-9d2b-4c6f-8e1a-7b3d2f4c5a69"
COLUMNS = {
    "city": Column(caption="City", blank=""),
    "no": Column(caption="No.", upper=True, blank=""),
    "countryRegionCode": Column(caption="Country/Region Code", upper=True, blank=""),
    "creditLimitLCY": Column(caption="Credit Limit (LCY)", type=ColumnType.DECIMAL, blank=None),
    "blocked": Column(caption="Blocked", type=ColumnType.OPTION, blank="_x0020_"),
    "statecode": Column(caption="Status", type=ColumnType.INTEGER, blank=None),
    "isdisabled": Column(caption="Disabled", type=ColumnType.BOOLEAN, blank=None),
    "ownerid": Column(caption="Owner", type=ColumnType.ID, blank=None),
}


def read(text: str) -> list[tuple[str, bool, tuple[object, ...], str]]:
    return [(one.column, one.negated, one.values, one.source) for one in parse_filter(text, COLUMNS)]


@pytest.mark.parametrize(
    ("text", "column", "negated", "values"),
    [
        ("City = Oslo", "city", False, ("Oslo",)),
        ("city=Oslo", "city", False, ("Oslo",)),
        ("  CITY  =  Mo i Rana  ", "city", False, ("Mo i Rana",)),
        ("City = Oslo|Bergen | 'Ålesund'", "city", False, ("Oslo", "Bergen", "Ålesund")),
        ("City = ''", "city", False, ("",)),
        ("City = ' '", "city", False, ("",)),
        ("City <> ''", "city", True, ("",)),
        ("City = 'A|B AND C'", "city", False, ("A|B AND C",)),
        ("City = 'L''Éclair*'", "city", False, ("L'Éclair*",)),
        ("City = Sandefjord", "city", False, ("Sandefjord",)),
        ("City = Oslo|''", "city", False, ("Oslo", "")),
        ("No. = c10", "no", False, ("C10",)),
        ("Country/Region Code = no|se", "countryRegionCode", False, ("NO", "SE")),
        ("Credit Limit (LCY) = 0", "creditLimitLCY", False, (0,)),
        ("Blocked = ''", "blocked", False, ("_x0020_",)),
        ("Blocked <> All", "blocked", True, ("All",)),
        ("Blocked = 'Post Code+City'", "blocked", False, ("Post_x0020_Code_x002B_City",)),
        ("statecode = 0|-1", "statecode", False, (0, -1)),
        ("statecode = ''", "statecode", False, (None,)),
        ("isdisabled = False", "isdisabled", False, (False,)),
        ("isdisabled <> 'true'", "isdisabled", True, (True,)),
        (f"ownerid = {{{GUID.upper()}}}", "ownerid", False, (GUID,)),
        (f"ownerid = systemuser/{GUID}", "ownerid", False, (f"systemuser/{GUID}",)),
    ],
)
def test_one_condition(text: str, column: str, negated: bool, values: tuple[object, ...]) -> None:
    assert read(text) == [(column, negated, values, "")]


def test_several_conditions_and_none() -> None:
    found = read("Blocked = '' AND City = Oslo|Bergen and City <> Mo")
    assert [one[0] for one in found] == ["blocked", "city", "city"]
    assert [one[2] for one in found] == [("_x0020_",), ("Oslo", "Bergen"), ("Mo",)]
    assert read("") == read("   ") == []


def test_values_that_a_run_knows() -> None:
    assert read("ownerid = ''|<company>") == [("ownerid", False, (None,), "company")]
    assert read("ownerid <> <base_currency>") == [("ownerid", True, (), "base_currency")]


def test_a_condition_has_words() -> None:
    texts = [
        one.text for one in parse_filter("City = Oslo|'' AND No. <> c1 AND ownerid = <company>", COLUMNS)
    ]
    assert texts == ["City is Oslo or blank", "No. is not C1", "Owner is the company"]


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("City", 1, "a condition is a field"),
        ("City =", 7, "a value is missing"),
        ("City = |Oslo", 8, "a value is missing"),
        ("City = Oslo|", 13, "a value is missing"),
        ("City = Oslo AND", 16, "a condition is a field"),
        ("City = Oslo AND Town = Oslo", 17, "reads no field 'Town'"),
        (" = Oslo", 1, "reads no field ''"),
        ("AND City = Oslo", 1, "reads no field 'AND City'"),
        ("City = O*", 9, r"'\*' has no meaning"),
        ("City = ?slo", 8, r"'\?' has no meaning"),
        ("City = @oslo", 8, "'@' has no meaning"),
        ("City = A..C", 9, r"'\.\.' has no meaning"),
        ("City = A&B", 9, "'&' has no meaning"),
        ("City > A", 1, "a condition is a field"),
        ("City = >A", 8, "'>' has no meaning"),
        ("City = <company>", 8, "'<' has no meaning"),
        ("ownerid = <nobody>", 11, "'<' has no meaning"),
        ("ownerid = <company>|<company>", 21, "'<' has no meaning"),
        ("City = Oslo OR City = Bergen", 21, "'=' has no meaning"),
        ("City = 'Oslo", 8, "a value is missing"),
        ("City = 'Oslo' Bergen", 14, "AND or | is missing"),
        ("City = Os'lo", 10, "AND or | is missing"),
        ("City <> Oslo|Bergen", 13, "<> takes one value; write city <> a AND city <> b"),
        ("statecode = Active", 13, "Status is compared with a whole number, not 'Active'"),
        ("statecode = 0|1.5", 15, "a whole number, not '1.5'"),
        ("statecode = ٣", 13, "a whole number"),
        ("isdisabled = no", 14, "Disabled is true or false, not 'no'"),
        ("isdisabled = ''", 14, "Disabled is true or false, not ''"),
        ("ownerid = AH", 11, "Owner is compared with a GUID, not 'AH'"),
    ],
)
def test_anything_else_is_refused_at_its_position(text: str, position: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"wrong at position {position}: .*{message}") as refused:
        parse_filter(text, COLUMNS)
    assert refused.value.cure


def test_an_unknown_field_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"City \(city\), No\. \(no\), .*Owner \(ownerid\)\."):
        parse_filter("Town = Oslo", COLUMNS)


def test_a_caption_that_stands_twice_names_nothing() -> None:
    twice = {"a": Column(caption="Status"), "b": Column(caption="Status")}
    with pytest.raises(ConfigurationError, match="reads no field 'Status'"):
        parse_filter("Status = 1", twice)
    assert parse_filter("b = 1", twice)[0].column == "b"


def test_default_filters_come_back_as_they_were() -> None:
    for one in definitions().values():
        for table in (one.bc, one.crm):
            for text in (filter_text(table.filter), filter_text(table.filter, table.columns)):
                again = parse_filter(text, table.columns)
                meanings = [(c.column, c.values, c.negated, c.source) for c in again]
                assert meanings == [(c.column, c.values, c.negated, c.source) for c in table.filter]


texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(str.strip)
conditions = st.one_of(
    st.builds(
        FilterCondition, column=st.just("city"), values=st.lists(texts, min_size=1, max_size=3).map(tuple)
    ),
    st.builds(FilterCondition, column=st.just("city"), values=st.tuples(texts), negated=st.just(True)),
    st.builds(
        FilterCondition,
        column=st.just("statecode"),
        values=st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(FilterCondition, column=st.just("isdisabled"), values=st.tuples(st.booleans())),
    st.builds(
        FilterCondition,
        column=st.just("ownerid"),
        values=st.sampled_from([(), (None,), (GUID,)]),
        source=st.sampled_from(["company", "base_currency"]),
    ),
)


@given(written=st.lists(conditions, max_size=4), by_caption=st.booleans())
def test_what_is_written_is_read_again(written: list[FilterCondition], by_caption: bool) -> None:
    text = filter_text(written, COLUMNS if by_caption else None)
    assert read(text) == [(one.column, one.negated, one.values, one.source) for one in written]


@given(text=st.text(st.sampled_from("City no.=<>|'' ANDorxØ*?@&()0")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_filter(text, COLUMNS)
    except ConfigurationError:
        return
    assert parse_filter(filter_text(found), COLUMNS) == found
