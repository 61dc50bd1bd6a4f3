"""Aim: option values are added, renamed and taken away, and metadata, labels and checks follow at once.

Method: plain HTTP as the integration user on a sandbox with the set-up rows alone.
"""

from typing import Any

import pytest
from crm_support import Answer, Client

COLUMNS = [
    ("account", "accounts", "paymenttermscode"),
    ("account", "accounts", "address1_freighttermscode"),
    ("account", "accounts", "address1_shippingmethodcode"),
    ("salesorder", "salesorders", "paymenttermscode"),
    ("salesorder", "salesorders", "freighttermscode"),
    ("salesorder", "salesorders", "shippingmethodcode"),
    ("quote", "quotes", "paymenttermscode"),
    ("invoice", "invoices", "shippingmethodcode"),
]
INVALID = (400, "0x80040203")
TERMS = {"EntityLogicalName": "account", "AttributeLogicalName": "paymenttermscode"}


def label(text: str) -> dict[str, Any]:
    """A label as clients send it."""
    return {"Label": {"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]}}


def call(sales: Client, name: str, **values: Any) -> Answer:
    """One of the messages about an account's payment terms, unless another column is named."""
    return sales.send("POST", name, TERMS | values)


def options(sales: Client, table: str = "account", column: str = "paymenttermscode") -> dict[int, str]:
    """Labels by value as the metadata shows them."""
    kind = "Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    path = f"EntityDefinitions(LogicalName='{table}')/Attributes/{kind}"
    query = f"?$select=LogicalName&$filter=LogicalName eq '{column}'&$expand=OptionSet($select=Options)"
    (found,) = sales.read(path + query)["value"]
    return {
        each["Value"]: each["Label"]["UserLocalizedLabel"]["Label"] for each in found["OptionSet"]["Options"]
    }


@pytest.mark.parametrize(("table", "entity_set", "column"), COLUMNS)
def test_a_new_value_is_in_the_metadata_and_may_be_written(
    sales: Client, table: str, entity_set: str, column: str
) -> None:
    before = options(sales, table, column)
    made = sales.create if table == "account" else sales.document
    path = f"{entity_set}({made(entity_set, name='A')})"
    refused = sales.send("PATCH", path, {column: 77})
    assert refused.error == (400, "0x8004431A")
    assert refused.body["error"]["message"].endswith(",".join(map(str, before)))
    names = {"EntityLogicalName": table, "AttributeLogicalName": column}
    answer = sales.send("POST", "InsertOptionValue", names | label("NET77") | {"Value": 77})
    assert (answer.status, answer.body["NewOptionValue"]) == (200, 77)
    assert options(sales, table, column) == before | {77: "NET77"}
    assert sales.send("PATCH", path, {column: 77}).status == 204
    shown = sales.read(path, Prefer='odata.include-annotations="*"')
    assert shown[f"{column}@OData.Community.Display.V1.FormattedValue"] == "NET77"


def test_a_value_is_chosen_when_none_is_sent(sales: Client) -> None:
    values = [call(sales, "InsertOptionValue", **label(text)).body["NewOptionValue"] for text in ("A", "B")]
    assert values == [100_000_000, 100_000_001]


def test_a_taken_value_and_a_long_label_are_refused(sales: Client) -> None:
    before = options(sales)
    assert call(sales, "InsertOptionValue", Value=1, **label("X")).error == INVALID
    assert call(sales, "InsertOptionValue", Value=9, **label("X" * 201)).error == (400, "0x80044331")
    assert call(sales, "UpdateOptionValue", Value=1, **label("X" * 201)).error == (400, "0x80044331")
    for values in ({}, {"Label": {}}, {"Label": {"LocalizedLabels": [{"Label": ""}]}}):
        assert call(sales, "InsertOptionValue", Value=9, **values).error == (400, "0x80048d19")
    assert call(sales, "InsertOptionValue", Value="9", **label("X")).error == (400, "0x80048d19")
    assert options(sales) == before
    assert call(sales, "InsertOptionValue", Value=9, **label("X" * 200)).status == 200


def test_a_label_is_renamed(sales: Client) -> None:
    assert call(sales, "UpdateOptionValue", Value=3, MergeLabels=False, **label("NET 45 DAYS")).status == 204
    assert options(sales)[3] == "NET 45 DAYS"
    assert call(sales, "UpdateOptionValue", Value=99, **label("X")).error == INVALID


def test_a_deleted_value_cannot_be_written_and_stays_where_it_is(sales: Client) -> None:
    path = f"accounts({sales.create('accounts', name='A', paymenttermscode=2)})"
    assert call(sales, "DeleteOptionValue", Value=2).status == 204
    assert 2 not in options(sales)
    assert sales.read(path)["paymenttermscode"] == 2
    assert sales.send("PATCH", path, {"paymenttermscode": 2}).error == (400, "0x8004431A")
    assert call(sales, "DeleteOptionValue", Value=2).error == INVALID


def test_other_columns_keep_their_options(sales: Client) -> None:
    other = {"AttributeLogicalName": "industrycode"}
    assert call(sales, "InsertOptionValue", Value=99, **label("X"), **other).error == INVALID
    unknown = {"AttributeLogicalName": "nothing"}
    assert call(sales, "InsertOptionValue", Value=99, **label("X"), **unknown).error[0] == 404
    assert sales.send("POST", "InsertOptionValue", []).error[0] == 404


def test_orders_keep_their_options_when_those_of_accounts_change(sales: Client) -> None:
    before = options(sales, "salesorder")
    call(sales, "InsertOptionValue", Value=9, **label("X"))
    assert options(sales, "salesorder") == before


def test_publishing_has_nothing_to_do_and_a_reset_takes_all_back(sales: Client) -> None:
    before = options(sales)
    call(sales, "InsertOptionValue", Value=9, **label("X"))
    assert sales.send("POST", "PublishXml", {"ParameterXml": "<importexportxml/>"}).status == 204
    assert sales.send("POST", "PublishAllXml", {}).status == 204
    found = sales.read(
        "stringmaps?$filter=objecttypecode eq 'account' and attributename eq 'paymenttermscode'"
    )
    assert {row["attributevalue"]: row["value"] for row in found["value"]} == options(sales)
    sales.control("POST", "reset")
    assert options(sales) == before
