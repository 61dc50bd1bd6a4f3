"""The shipped mapping files load, and a wrong file says where and how to mend it."""

from __future__ import annotations

from importlib.resources import files

import pytest

from kobling.catalogue.load import default_mappings, parse
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Direction

TEXT = (files("kobling.catalogue") / "customer.yaml").read_text(encoding="utf-8")


def test_customers_and_accounts_flow_both_ways() -> None:
    customer = default_mappings()["CUSTOMER"]
    assert customer.direction is Direction.BOTH
    assert {row.name for row in customer.rows} >= {"Name", "Phone No.", "City", "E-Mail"}
    assert [one.text for one in customer.left.conditions] == ["Blocked is blank"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("crm: telephone1}", "crm: telephone9}", "no column 'telephone9'.*Use one of"),
        ("direction: bidirectional", "direction: sideways", "sideways"),
        ("synch_only_coupled: true", "synch_only_coupled: maybe", "synch_only_coupled"),
        ("name: CUSTOMER", "nam: CUSTOMER", "nam"),
        ("fields:\n", "fields: [\n", "line"),
        ("direction: bidirectional", "direction: from_integration", "to_integration"),
    ],
)
def test_a_wrong_file_is_refused_at_its_place(old: str, new: str, message: str) -> None:
    wrong = TEXT.replace(old, new, 1)
    if new == "direction: from_integration":
        wrong = wrong.replace("crm: fax}", "crm: fax, direction: to_integration}")
    assert wrong != TEXT
    with pytest.raises(ConfigurationError, match=rf"(?s)customer\.yaml.*{message}"):
        parse(wrong, "customer.yaml")
