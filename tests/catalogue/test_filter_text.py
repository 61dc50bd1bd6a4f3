"""Filters as people write them: what they mean, that they come back, and what is refused at which place."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobling.algebra.expressions import all_of, any_of
from kobling.catalogue.definition import Column, ColumnType, FilterCondition
from kobling.catalogue.filter_expression import parse_expression
from kobling.catalogue.filter_text import filter_text, parse_filter
from kobling.catalogue.filter_writing import expression_text
from kobling.catalogue.load import definitions
from kobling.model.errors import ConfigurationError
from kobling.model.expression import Compare, Expression, Like, Not, OneOf, Order, Range
from kobling.model.values import BLANKS

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
    "ownertype": Column(caption="Owner Type", entity_of="ownerid", blank=None),
    "orderDate": Column(caption="Order Date", type=ColumnType.DATE, blank="0001-01-01"),
    "address1_city": Column(caption="Address 1: City", blank=None),
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
        ("isdisabled = No", "isdisabled", False, (False,)),
        ("isdisabled = yes", "isdisabled", False, (True,)),
        ("Address 1: City = null", "address1_city", False, (None,)),
        ("Address 1: City = 'null'", "address1_city", False, ("null",)),
        ("City = null", "city", False, ("null",)),
        ("City = =Oslo", "city", False, ("Oslo",)),
        ("City = (Oslo|(Bergen))", "city", False, ("Oslo", "Bergen")),
        ("City = <>Oslo&<>Bergen", "city", True, ("Oslo", "Bergen")),
        ("Blocked = Post_x0020_Code", "blocked", False, ("Post_x0020_Code",)),
        ("City: Oslo", "city", False, ("Oslo",)),
        ("Address 1: City: Oslo|''", "address1_city", False, ("Oslo", None)),
        (f"ownerid = {{{GUID.upper()}}}", "ownerid", False, (GUID,)),
        (f"ownerid = systemuser/{GUID}", "ownerid", False, (f"systemuser/{GUID}",)),
    ],
)
def test_one_condition(text: str, column: str, negated: bool, values: tuple[object, ...]) -> None:
    assert read(text) == [(column, negated, values, "")]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("No. = 10000..20000", "10000..20000"),
        ("No. = ..c20", "..C20"),
        ("No. = c10.. AND City = Oslo", "C10.."),
        ("City = A .. B", "A..B"),
        ("City = A..B|@*holm|''", "A..B|@*holm|''"),
        ("City = Oslo|A..B|Bergen", "Oslo|Bergen|A..B"),
        ("City = A*&(*x|*y)&<>Al?", "A*&(*x|*y)&<>Al?"),
        ("City = A*&B*|C*", "A*&B*|C*"),
        ("City = @oslo", "@oslo"),
        ("City = <>@*o'*'*", "<>@*'o*'*"),
        ("City <> B*", "<>B*"),
        ("City = *@contoso.com", "*'@contoso.com'"),
        ("City >= B", ">=B"),
        ("City = >B&<D", ">B&<D"),
        ("Credit Limit (LCY) > 1000.50", ">1000.5"),
        ("Credit Limit (LCY) = -0.5..0.5", "-0.5..0.5"),
        ("Credit Limit (LCY) = 1.5|2.0", "1.5|2"),
        ("statecode = 0..1|3", "0..1|3"),
        ("Order Date = ..2026-01-31", "..2026-01-31"),
        ("Order Date = 2026-01-31|''", "2026-01-31|''"),
        ("Order Date <> 2026-01-31", "<>2026-01-31"),
        ("City: A..B", "A..B"),
    ],
)
def test_one_expression(text: str, expression: str) -> None:
    found = parse_filter(text, COLUMNS)
    assert found[0].expression == expression
    assert found[0].values == ()
    assert parse_filter(filter_text(found), COLUMNS) == found


def test_the_form_of_business_central_is_read() -> None:
    text = "Blocked: '', Address 1: City: O*|Hansen, Ole, no: 1000..2000 AND City = A, No.: B"
    assert filter_text(parse_filter(text, COLUMNS), COLUMNS) == (
        "Blocked = '' AND Address 1: City = O*|'Hansen, Ole' AND No. = 1000..2000 AND City = 'A, No.: B'"
    )


def test_an_error_points_at_the_place() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_filter("City = Oslo AND No. = (1|", COLUMNS)
    assert caught.value.excerpt == ("City = Oslo AND No. = (1|", " " * 25 + "^")
    with pytest.raises(ConfigurationError) as caught:
        parse_filter("City = '" + "x" * 200 + "'\n y", COLUMNS)
    assert caught.value.excerpt is not None
    shown, mark = caught.value.excerpt
    assert shown[len(mark) - 1] == "y"
    assert len(shown) <= 100
    assert shown.isprintable()


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
        ("City = <company>", 16, "City: '>' has no meaning"),
        ("ownerid = <nobody>", 11, "it has no order"),
        ("ownerid = <company>|<company>", 11, "what a run knows stands once"),
        ("ownerid = ''&<company>", 11, "what a run knows stands once"),
        ("ownerid = <>''|<company>", 11, "what a run knows stands once"),
        ("City = Oslo OR City = Bergen", 21, "'=' has no meaning"),
        ("City = 'Oslo", 8, "this quote is not closed"),
        ("City = 'Oslo' Bergen", 15, "AND, . or & is missing"),
        ("City = Os'lo", 10, "this quote is not closed"),
        ("City = Os 'lo'", 11, "AND, . or & is missing"),
        ("City <> Oslo|Bergen", 13, "<> takes one value; write city <> a AND city <> b"),
        ("City > Oslo|Bergen", 12, "> takes one value"),
        ("City = Oslo&", 13, "City: a value is missing"),
        ("City = (Oslo|Bergen", 20, r"a \) is missing"),
        ("City = Oslo)", 12, "AND, . or & is missing"),
        ("City = Oslo (Sentrum)", 13, r"'\(' has no meaning"),
        ("City = " + "(" * 40 + "Oslo", 39, "nested too deep"),
        ("City = <>A..B", 11, "<> takes a value, not a range"),
        ("City = ..", 10, "a value is missing"),
        ("City = ''..B", 8, "a plain value must stand here"),
        ("City = A*..B", 8, "a plain value must stand here"),
        ("City = A..@B", 11, "a plain value must stand here"),
        ("City > ''", 8, "a plain value must stand here"),
        ("Blocked = A*", 11, r"@, \* and \? are for texts"),
        ("Blocked = A..B", 11, "it has no order"),
        ("isdisabled > false", 12, "it has no order"),
        ("ownertype = a*", 13, r"@, \* and \? are for texts"),
        ("Order Date = t", 14, "Order Date is compared with a day such as 2026-01-31, not 't'"),
        ("Order Date = ..2026-13-01", 16, "a day such as 2026-01-31"),
        ("Credit Limit (LCY) = 1,5", 22, "a number such as 1000 or 0.5, not '1,5'"),
        ("statecode = Active", 13, "Status is compared with a whole number, not 'Active'"),
        ("statecode = 0|1.5", 15, "a whole number, not '1.5'"),
        ("statecode = ٣", 13, "a whole number"),
        ("isdisabled = perhaps", 14, "Disabled is true or false, not 'perhaps'"),
        ("isdisabled = ''", 14, "Disabled is true or false, not ''"),
        ("ownerid = AH", 11, "Owner is compared with a GUID, not 'AH'"),
        ("City: Oslo, No.: <", 19, "a value is missing"),
        ("City = " + "x" * 4000, 4001, "longer than 4000 characters"),
    ],
)
def test_anything_else_is_refused_at_its_position(text: str, position: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"wrong at position {position}: .*{message}") as refused:
        parse_filter(text, COLUMNS)
    assert refused.value.cure


def test_an_unknown_field_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"City \(city\), No\. \(no\), .*Owner \(ownerid\), "):
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
signs = st.text(st.sampled_from("aB '|&()<>=*?@.,\\-AND"), min_size=1).filter(str.strip)
# What means nothing is written as a blank.
words = (texts | signs).filter(lambda one: one not in BLANKS)
patterns = st.builds(
    lambda parts: "".join(one if one in "*?" else re.sub(r"[\\*?]", r"\\\g<0>", one) for one in parts),
    st.lists(words | st.sampled_from("*?"), min_size=1),
)
folded = st.builds(Like, patterns, st.just(True))
wild = st.builds(Like, patterns.filter(lambda one: re.search(r"(?<!\\)(\\\\)*[*?]", one)))
bounds = words
ends = st.none() | bounds
terms: st.SearchStrategy[Expression] = st.one_of(
    st.builds(OneOf, st.lists(words, min_size=1, max_size=3).map(tuple)),
    st.builds(Compare, st.sampled_from([Order.BELOW, Order.UP_TO, Order.ABOVE, Order.FROM]), bounds),
    st.builds(Range, ends, ends).filter(lambda one: (one.low, one.high) != (None, None)),
    folded,
    wild,
    st.builds(Not, st.builds(OneOf, st.lists(words, min_size=1, max_size=2).map(tuple)) | folded | wild),
)
expressions = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(any_of),
        st.lists(inner, min_size=1, max_size=3).map(all_of),
    ),
    max_leaves=6,
)


@given(expression=expressions)
def test_what_is_printed_is_parsed_as_it_was(expression: Expression) -> None:
    assert parse_expression(expression_text(expression), COLUMNS["city"]) == expression


conditions = st.one_of(
    st.builds(
        FilterCondition, column=st.just("city"), values=st.lists(words, min_size=1, max_size=3).map(tuple)
    ),
    st.builds(
        FilterCondition,
        column=st.just("city"),
        values=st.lists(words, min_size=1, max_size=3).map(tuple),
        negated=st.just(True),
    ),
    st.builds(
        FilterCondition,
        column=st.just("city"),
        expression=expressions.filter(
            lambda one: not isinstance(one.part if isinstance(one, Not) else one, OneOf)
        ).map(expression_text),
    ),
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
    again = [msgspec.structs.replace(one, text="") for one in parse_filter(text, COLUMNS)]
    assert again == written


@given(text=st.text(st.sampled_from("City no.=<>|'' ANDorxØ*?@&()0:,\n")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_filter(text, COLUMNS)
    except ConfigurationError:
        return
    assert parse_filter(filter_text(found), COLUMNS) == found
