"""The shipped mappings hold every default row of the built-in integration, as the tables below say.

A row: Business Central caption, Dataverse column, direction (<> both, > to Sales, < from Sales), and marks:
off, look:source, rule:name, const:value, null (a blank is not written), clear, match, group:name, instead.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from kobling.catalogue.definition import Definition, Field
from kobling.catalogue.load import definitions
from kobling.model.mapping import DeletionConflict, Direction, Moment, UpdateConflict

DIRECTIONS = {"<>": Direction.BOTH, ">": Direction.TO_RIGHT, "<": Direction.TO_LEFT}
ROWS = {
    "SALESPEOPLE": """
        E-Mail      | internalemailaddress | <
        Name        | fullname             | <
        Phone No.   | mobilephone          | <
        Code        | -                    | < | look:salesperson_codes rule:salesperson_code insert
        Job Title   | jobtitle             | <> | off
        Job Title   | jobtitle             | <> | off instead
        E-Mail 2    | personalemailaddress | <> | off
    """,
    "CUSTOMER": """
        -                    | owneridtype                 | >  | const:systemuser
        Salesperson Code     | ownerid                     | >  | look:SALESPEOPLE null
        Name                 | name                        | <>
        Contact              | address1_primarycontactname | <>
        Address              | address1_line1              | <> | group:address
        Address 2            | address1_line2              | <> | group:address
        Post Code            | address1_postalcode         | <> | group:address
        City                 | address1_city               | <> | group:address
        Country/Region Code  | address1_country            | <> | group:address look:countries clear
        County               | address1_stateorprovince    | <> | group:address
        Currency Code        | transactioncurrencyid       | <> | look:CURRENCY
        E-Mail               | emailaddress1               | <>
        Fax No.              | fax                         | <>
        Home Page            | websiteurl                  | <>
        Phone No.            | telephone1                  | <>
        Shipment Method Code | address1_freighttermscode   | <> | look:shipment_methods clear
        Shipping Agent Code  | address1_shippingmethodcode | <> | look:shipping_agents clear
        Payment Terms Code   | paymenttermscode            | <> | look:payment_terms clear
        Credit Limit (LCY)   | creditlimit                 | >  | look:local_rates rule:credit_limit_currency
        Primary Contact No.  | primarycontactid            | <> | look:CONTACT clear
        -                    | bcbi_companyid              | >  | look:company rule:company_stamp
        Blocked              | -                           | <  | const:All rule:block_when_inactive exit
        No.                  | accountnumber               | >  | off
        Mobile Phone No.     | telephone2                  | <> | off
    """,
    "CONTACT": """
        -                    | owneridtype              | >  | const:systemuser
        Salesperson Code     | ownerid                  | >  | look:SALESPEOPLE null
        Currency Code        | transactioncurrencyid    | <> | look:CURRENCY
        Address              | address1_line1           | <> | group:address
        Address 2            | address1_line2           | <> | group:address
        Post Code            | address1_postalcode      | <> | group:address
        City                 | address1_city            | <> | group:address
        Country/Region Code  | address1_country         | <> | group:address look:countries clear
        County               | address1_stateorprovince | <> | group:address
        E-Mail               | emailaddress1            | <>
        Fax No.              | fax                      | <>
        First Name           | firstname                | <> | group:name
        Middle Name          | middlename               | <> | group:name
        Surname              | lastname                 | <> | group:name
        Home Page            | websiteurl               | <>
        Mobile Phone No.     | mobilephone              | <>
        Pager                | pager                    | <>
        Phone No.            | telephone1               | <>
        Type                 | -                        | <  | const:Person
        -                    | parentcustomeridtype     | >  | const:account
        Company No.          | parentcustomerid         | <> | look:contact_accounts rule:contact_account gate
        -                    | bcbi_companyid           | >  | look:company rule:company_stamp
        Salutation Code      | salutation               | <> | look:salutations clear off
    """,
    "CURRENCY": """
        Code        | isocurrencycode   | > | match insert
        Symbol      | currencysymbol    | >
        Description | currencyname      | >
        -           | exchangerate      | > | look:exchange_rates rule:currency_exchange_rate
        -           | currencyprecision | > | look:currency_precision rule:currency_precision insert gate
    """,
}
CASES = [
    (name, index, line.strip())
    for name, text in ROWS.items()
    for index, line in enumerate(text.strip().splitlines())
]


def marks(field: Field) -> set[str]:
    said = {
        "off": not field.enabled,
        "null": field.not_null,
        "clear": field.clear_on_failed,
        "match": field.match,
        "insert": field.moment is Moment.INSERT,
        "exit": field.moment is Moment.EXIT,
        "instead": bool(field.instead),
        "gate": field.gate,
        f"look:{field.conversion.source}": bool(field.conversion.source),
        f"rule:{field.rule}": bool(field.rule),
        f"group:{field.group}": bool(field.group),
        f"const:{field.constant}": field.constant is not None,
    }
    return {word for word, true in said.items() if true}


def caption(definition: Definition, field: Field) -> str:
    return "-" if field.bc is None else definition.bc.columns[field.bc].caption


@pytest.mark.parametrize(("name", "index", "line"), CASES)
def test_each_default_row_is_there(name: str, index: int, line: str) -> None:
    bc, crm, direction, *rest = (cell.strip() for cell in line.split("|"))
    definition = definitions()[name]
    field = definition.fields[index]
    assert (caption(definition, field), field.crm or "-") == (bc, crm)
    assert field.direction is DIRECTIONS[direction]
    assert marks(field) == set(rest[0].split() if rest else [])


@pytest.mark.parametrize("name", list(ROWS))
def test_no_row_stands_beside_the_default_ones(name: str) -> None:
    assert len(definitions()[name].fields) == len(ROWS[name].strip().splitlines())


def test_mappings_stand_in_the_order_in_which_people_know_them() -> None:
    names = list(definitions())
    assert names[:5] == ["SALESPEOPLE", "CUSTOMER", "VENDOR", "CONTACT", "CURRENCY"]
    assert names.index("UNIT GROUP") < names.index("ITEM-PRODUCT") < names.index("OPPORTUNITY")


@pytest.mark.parametrize(
    ("name", "table", "entity", "direction"),
    [
        ("SALESPEOPLE", "Salesperson/Purchaser", "systemuser", Direction.TO_LEFT),
        ("CUSTOMER", "Customer", "account", Direction.BOTH),
        ("CONTACT", "Contact", "contact", Direction.BOTH),
        ("CURRENCY", "Currency", "transactioncurrency", Direction.TO_RIGHT),
    ],
)
def test_defaults_of_a_mapping(name: str, table: str, entity: str, direction: Direction) -> None:
    one = definitions()[name]
    assert (one.bc.table, one.crm.table, one.direction) == (table, entity, direction)
    assert one.synch_only_coupled
    assert one.update_conflict is UpdateConflict.ASK
    assert one.deletion_conflict is DeletionConflict.ASK
    assert one.refuse_outside is (name == "SALESPEOPLE")


@pytest.mark.parametrize(
    ("name", "side", "expected"),
    [
        ("SALESPEOPLE", "bc", []),
        (
            "SALESPEOPLE",
            "crm",
            [("isdisabled", (False,)), ("islicensed", (True,)), ("isintegrationuser", (False,))],
        ),
        ("CUSTOMER", "bc", [("blocked", ("_x0020_",))]),
        (
            "CUSTOMER",
            "crm",
            [("statecode", (0,)), ("customertypecode", (3,)), ("bcbi_companyid", (None, "<company>"))],
        ),
        ("CONTACT", "bc", [("type", ("Person",)), ("companyNo", ("not", ""))]),
        (
            "CONTACT",
            "crm",
            [
                ("parentcustomerid", ("not", None)),
                ("statecode", (0,)),
                ("parentcustomeridtype", ("account",)),
                ("bcbi_companyid", (None, "<company>")),
            ],
        ),
        ("CURRENCY", "bc", []),
        ("CURRENCY", "crm", [("transactioncurrencyid", ("not", "<base_currency>"))]),
    ],
)
def test_default_filters(name: str, side: str, expected: list[tuple[str, tuple[object, ...]]]) -> None:
    table = getattr(definitions()[name], side)
    found = []
    for one in table.filter:
        source = [f"<{one.source}>"] if one.source else []
        found.append((one.column, (*(["not"] if one.negated else []), *one.values, *source)))
        assert one.text
    assert found == expected


def test_templates_and_finders() -> None:
    known = definitions()
    templates = {name: one.crm.template for name, one in known.items() if one.crm.template}
    assert templates == {
        "CUSTOMER": {"customertypecode": 3},
        "VENDOR": {"customertypecode": 11},
        "ITEM-PRODUCT": {"productstructure": 1, "producttypecode": 1},
        "RESOURCE-PRODUCT": {"productstructure": 1, "producttypecode": 3},
    }
    assert {name: one.finder for name, one in known.items() if one.finder} == {
        "SALESPEOPLE": {"eMail": "internalemailaddress"},
        "CURRENCY": {"code": "isocurrencycode"},
        "DEFAULT-PRICE": {"lcyCode": "name"},
        "ITEM-PRICE": {"qtyPerUnitOfMeasure": "pricelevelid", "itemNo": "productid", "code": "uomid"},
        "RESOURCE-PRICE": {
            "qtyPerUnitOfMeasure": "pricelevelid",
            "resourceNo": "productid",
            "code": "uomid",
        },
        "SALESPRC-PRODPRICE": {
            "salesCode": "pricelevelid",
            "itemNo": "productid",
            "unitOfMeasureCode": "uomid",
        },
        "PAYMENT TERMS": {"code": "code"},
        "SHIPMENT METHOD": {"code": "code"},
        "SHIPPING AGENT": {"code": "code"},
        "UNIT GROUP": {"sourceNo": "name"},
        "ITEM UOM": {"code": "name", "itemNo": "uomscheduleid"},
        "RESOURCE UOM": {"code": "name", "resourceNo": "uomscheduleid"},
    }


def schema(service: str) -> dict[str, Any]:
    text = (files("kobling_sandbox") / "data" / f"{service}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)["tables"]
    return found


@pytest.mark.parametrize("name", list(ROWS))
@pytest.mark.parametrize(("side", "service"), [("bc", "business_central"), ("crm", "dataverse")])
def test_columns_are_as_the_service_has_them(name: str, side: str, service: str) -> None:
    """Names, captions, lengths and kinds, against the tables that the sandbox serves."""
    types = {
        **{"picklist": "integer", "state": "integer", "money": "decimal", "guid": "id", "lookup": "id"},
        **{"owner": "id", "customer": "id", "string": "text", "code": "text", "bigint": "integer"},
    }
    table = getattr(definitions()[name], side)
    served = schema(service)[table.table]
    assert (table.route, table.key, table.table_id) == (served["set"], served["key"], served.get("id", 0))
    own = {name: one for name, one in table.columns.items() if not one.entity_of}
    for column, one in own.items():
        real = served["columns"][column]
        assert one.type == types.get(real["type"], real["type"]), column
        assert one.maximum == real.get("max"), column
        assert one.upper is (real["type"] == "code"), column
        assert one.caption == real.get("caption", one.caption), column
        targets = real.get("targets", [])
        assert one.targets == {entity: schema(service)[entity]["set"] for entity in targets}, column
        navigation = real.get("navigation", {}).get(next(iter(targets), ""), column)
        assert (one.navigation or column) == navigation, column
