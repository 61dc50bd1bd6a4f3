"""Aim: what is exported is taken in as the same, whatever was changed; a text that is wrong anywhere is
refused with its file, line, cause and cure.

Method: changes drawn from what people can change, written and read again; texts that are broken on purpose.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobling.catalogue.definition import Changes, Column, ColumnType, Definition, Field, FieldChanges, Table
from kobling.catalogue.exchange import export_text, read_export
from kobling.catalogue.filter_text import parse_filter
from kobling.catalogue.load import definitions
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import DeletionConflict, Direction, UpdateConflict

KNOWN = definitions()
CUSTOMER = KNOWN["CUSTOMER"]
# Rows that neither a rule nor another row makes.
PLAIN = [
    CUSTOMER.field_name(one)
    for one in CUSTOMER.fields
    if one.executable and not one.rule and not one.clear_on_failed and one.bc and one.crm
]
FILTERS = ["", "Blocked = ''", "No. = 10000..20000|@*møbel*", "Name <> 'A|B' AND City = Oslo|'on'"]
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
maybe = st.none() | st.booleans()
rows = st.builds(
    FieldChanges,
    enabled=maybe,
    match=maybe,
    not_null=maybe,
    conflict=st.none() | st.sampled_from(list(UpdateConflict)),
    compare=maybe,
)
changes_of_customer = st.builds(
    Changes,
    enabled=maybe,
    direction=st.none() | st.sampled_from([Direction.BOTH]),
    synch_only_coupled=maybe,
    update_conflict=st.none() | st.sampled_from(list(UpdateConflict)),
    deletion_conflict=st.none() | st.sampled_from(list(DeletionConflict)),
    bc_filter=st.none() | st.sampled_from(FILTERS).map(lambda text: parse_filter(text, CUSTOMER.bc.columns)),
    fields=st.dictionaries(st.sampled_from(PLAIN), rows, max_size=4),
    new_fields=st.sampled_from([(), (Field(bc="searchName", crm="tickersymbol", enabled=False),)]),
    bc_columns=words.map(lambda one: {"searchName": Column(caption=one or "x", maximum=100, blank="")}),
    crm_columns=words.map(lambda one: {"tickersymbol": Column(caption=one or "x", maximum=10, blank=None)}),
)
MADE = Definition(
    name="VEHICLE",
    direction=Direction.BOTH,
    bc=Table(
        table="Vehicle",
        route="vehicles",
        number="no",
        title="no",
        columns={"no": Column(caption="No.", maximum=20, blank="")},
    ),
    crm=Table(
        table="new_vehicle",
        route="new_vehicles",
        key="new_vehicleid",
        title="new_name",
        columns={"new_name": Column(caption="Name", maximum=100, blank=None)},
    ),
    fields=(Field(bc="no", crm="new_name"),),
)


@settings(deadline=None, max_examples=60)
@given(customer=changes_of_customer, codes=st.lists(words.filter(str.strip), max_size=3))
def test_what_is_exported_is_read_as_the_same(customer: Changes, codes: list[str]) -> None:
    changes = {
        "CUSTOMER": customer,
        "PAYMENT TERMS": Changes(blank_options=tuple(codes)),
        "VENDOR": Changes(),
        "VEHICLE": Changes(definition=MADE, enabled=False),
    }
    known = {"VEHICLE": MADE, **{name: KNOWN[name] for name in changes if name in KNOWN}}
    text = export_text(known, changes)
    assert read_export(text, "f.yaml", KNOWN) == changes
    assert export_text(known, read_export(text, "f.yaml", KNOWN)) == text


def test_a_filter_is_written_as_people_write_it() -> None:
    text = export_text(
        {"CUSTOMER": CUSTOMER},
        {"CUSTOMER": Changes(bc_filter=parse_filter("No. = 10000..20000", CUSTOMER.bc.columns))},
    )
    assert "    bc_filter: no = 10000..20000\n" in text


GOOD = """\
kobling: 1
mappings:
  VENDOR: {}
  CUSTOMER:
    direction: to_integration
    fields:
      Name:
        enabled: false
"""


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_export(text, "f.yaml", KNOWN)
    assert caught.value.cure
    return caught.value.message


def test_the_text_that_the_others_are_made_of_is_right() -> None:
    assert read_export(GOOD, "f.yaml", KNOWN)["CUSTOMER"].direction is Direction.TO_RIGHT


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("kobling: 1", "kobling: 2", 1, "is of format 2, and this kobling reads 1"),
        ("kobling: 1\n", "", 1, "this is no export of mappings"),
        ("kobling: 1", "kobling: 1\nsecrets: {}", 2, "there is no key 'secrets'"),
        ("VENDOR: {}", "VENDORS: {}", 3, "there is no mapping 'VENDORS' here"),
        ("VENDOR: {}", "VENDOR: [1]", 3, "no mapping with its changes"),
        ("VENDOR: {}", "5: {}", 3, "no mapping with its changes"),
        ("VENDOR: {}", "VENDOR: {bc_filter: Colour = red}", 3, "Colour"),
        ("VENDOR: {}", "VENDOR: {definition: 5}", 3, "Expected `object | null`"),
        ("direction: to_integration", "direction: sideways", 5, "Invalid enum value 'sideways'"),
        ("direction: to_integration", "colour: red", 5, "unknown field `colour`"),
        ("enabled: false", "enabled: perhaps", 8, "Expected `bool"),
        ("Name:", "Colour:", 7, "no such field"),
        ("enabled: false", "transformation: sing", 7, "no transformation rule"),
        ("  VENDOR: {}\n", "  VENDOR: {}\n  VENDOR: {}\n", 4, "'VENDOR' stands twice"),
        ("VENDOR: {}", "VENDOR: {", 5, "expected"),
        ("VENDOR: {}", "VENDOR: &a {}\n  CONTACT: *a", 4, "an alias stands here"),
        (
            "VENDOR: {}",
            "VENDOR: !!python/object/apply:os.system [ls]",
            3,
            "could not determine a constructor",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(old: str, new: str, line: int, said: str) -> None:
    assert old in GOOD
    message = refusal(GOOD.replace(old, new, 1))
    assert message.startswith("f.yaml:")
    assert re.search(rf"\bline {line}\b", message), message
    assert said in message


@pytest.mark.parametrize("text", ["", "[]", "5", "[" * 2000, "\x00", "kobling: 1\nmappings: 5\n"])
def test_what_is_no_export_is_refused(text: str) -> None:
    assert refusal(text).startswith("f.yaml:")


@given(text=st.text(max_size=200) | st.text(st.sampled_from("{}[]:,-&*!|>\n kobling1'\""), max_size=80))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with suppress(ConfigurationError):
        read_export(text, "f.yaml", KNOWN)


def test_a_mapping_that_a_person_made_is_whole_and_no_default_one() -> None:
    text = export_text({"VEHICLE": MADE}, {"VEHICLE": Changes(definition=MADE)})
    assert "is a default mapping" in refusal(text.replace("VEHICLE", "CUSTOMER"))
    assert "it is named 'VEHICLE'" in refusal(text.replace("  VEHICLE:", "  BOAT:"))
    assert "no column 'new_name'" in refusal(text.replace("        new_name:", "        new_title:", 1))


@pytest.mark.parametrize("value", ["on", "1", "", 5, True, "0x10", "å", "~", "null", "2025-03-01", "a: b"])
def test_a_value_of_any_type_comes_back(value: Any) -> None:
    columns = {"one": Column(caption="x", type=_type(value), blank="")}
    field = Field(bc="one", constant=value, direction=Direction.TO_LEFT)
    changes = {"CUSTOMER": Changes(bc_columns=columns, new_fields=(field,))}
    assert read_export(export_text({"CUSTOMER": CUSTOMER}, changes), "f.yaml", KNOWN) == changes


def _type(value: object) -> ColumnType:
    kinds = {bool: ColumnType.BOOLEAN, int: ColumnType.INTEGER}
    return kinds.get(type(value), ColumnType.TEXT)
