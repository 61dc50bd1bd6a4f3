"""Aim: what Business Central's tables do by themselves when a client writes: contacts, names, places.

Method: plain HTTP against a served sandbox with the demo company.
"""

from typing import Any

import pytest
from tests.sandbox.bc_support import STANDARD, Client


def contact_of(bc: Client, customer: dict[str, Any], kind: str = "Customer") -> dict[str, Any]:
    """The company contact of a customer or vendor."""
    condition = f"no eq '{customer['no']}' and linkToTable eq '{kind}'"
    (relation,) = bc.rows("contactBusinessRelations", f"$filter={condition}")
    return bc.one("contacts", "no", relation["contactNo"])


@pytest.mark.parametrize(
    ("set_name", "kind", "code"), [("customers", "Customer", "CUST"), ("vendors", "Vendor", "VEND")]
)
def test_a_new_customer_or_vendor_makes_a_company_contact(
    bc: Client, set_name: str, kind: str, code: str
) -> None:
    values = {"name": "Ny AS", "address": "Gata 1", "eMail": "ny@ny.example", "currencyCode": "USD"}
    row = bc.created(set_name, **values)
    contact = contact_of(bc, row, kind)
    assert {key: contact[key] for key in values} == values
    assert (contact["type"], contact["companyNo"], contact["companyName"]) == (
        "Company",
        contact["no"],
        "Ny AS",
    )
    assert contact["contactBusinessRelation"] == kind
    (relation,) = bc.rows("contactBusinessRelations", f"$filter=contactNo eq '{contact['no']}'")
    assert relation["businessRelationCode"] == code


def test_no_contact_is_made_without_a_relation_in_marketing_setup(bc: Client) -> None:
    (setup,) = bc.rows("marketingSetup")
    assert setup["busRelCodeForCustomers"] == "CUST"
    bc.changed("marketingSetup", setup["id"], busRelCodeForCustomers="")
    customer = bc.created("customers", name="Alone")
    assert bc.rows("contactBusinessRelations", f"$filter=no eq '{customer['no']}'") == []


def test_changes_of_a_customer_go_on_to_its_contact(bc: Client) -> None:
    customer = bc.one("customers", "no", "C00030")
    changes = {"name": "Nytt navn", "address": "Ny gate", "phoneNo": "+47 1", "salespersonCode": "LM"}
    bc.changed("customers", customer["id"], **changes)
    contact = contact_of(bc, customer)
    assert {key: contact[key] for key in changes} == changes
    assert contact["companyName"] == "Nytt navn"
    person = bc.one("contacts", "no", "CT000103")
    assert (person["companyName"], person["name"]) == ("Nytt navn", "Jørn Strøm")


def test_a_change_that_the_contact_does_not_share_leaves_it_alone(bc: Client) -> None:
    customer = bc.one("customers", "no", "C00030")
    before = contact_of(bc, customer)
    bc.changed("customers", customer["id"], creditLimitLCY=1, blocked="All")
    assert contact_of(bc, customer) == before


def test_a_primary_contact_sets_the_contact_name(bc: Client) -> None:
    customer = bc.one("customers", "no", "C00010")
    changed = bc.changed("customers", customer["id"], primaryContactNo="CT000102")
    assert (changed["primaryContactNo"], changed["contact"]) == ("CT000102", "Kari Marie Åsen")
    cleared = bc.changed("customers", customer["id"], primaryContactNo="")
    assert (cleared["primaryContactNo"], cleared["contact"]) == ("", "")


def test_a_contact_name_sent_with_the_number_stays(bc: Client) -> None:
    customer = bc.one("customers", "no", "C00010")
    changed = bc.changed("customers", customer["id"], primaryContactNo="CT000102", contact="Kari")
    assert changed["contact"] == "Kari"


def test_a_primary_contact_of_another_company_is_refused(bc: Client) -> None:
    customer = bc.one("customers", "no", "C00010")
    answer = bc.patch("customers", customer["id"], {"primaryContactNo": "CT000103"})
    assert (answer.status, answer.code) == (400, "Application_DialogException")
    assert answer.message.startswith("Contact CT000103 Jørn Strøm is not related to customer C00010")
    refused = bc.post("customers", {"name": "New", "primaryContactNo": "CT000103"})
    assert (refused.status, refused.code) == (400, "Application_DialogException")
    assert bc.rows("customers", "$filter=name eq 'New'") == []


def test_name_parts_make_the_name_of_a_person(bc: Client) -> None:
    person = bc.created("contacts", type="Person", firstName="Ole", middleName="J.", surname="Dahl")
    assert (person["name"], person["searchName"]) == ("Ole J. Dahl", "OLE J. DAHL")
    changed = bc.changed("contacts", person["id"], middleName="", surname="Vik")
    assert (changed["name"], changed["searchName"]) == ("Ole Vik", "OLE VIK")


def test_a_name_alone_is_taken_apart(bc: Client) -> None:
    person = bc.created("contacts", type="Person", name="Anne Marie Nygård Vik")
    parts = (person["firstName"], person["middleName"], person["surname"])
    assert parts == ("Anne", "Marie Nygård", "Vik")


def test_name_parts_do_not_rename_a_company(bc: Client) -> None:
    company = bc.created("contacts", type="Company", name="Firma AS")
    assert bc.changed("contacts", company["id"], firstName="X")["name"] == "Firma AS"


def test_the_company_number_sets_the_company_name(bc: Client) -> None:
    company = contact_of(bc, bc.one("customers", "no", "C00060"))
    person = bc.created("contacts", type="Person", surname="Ny", companyNo=company["no"])
    assert (person["companyName"], person["contactBusinessRelation"]) == (company["name"], "Customer")
    other = contact_of(bc, bc.one("customers", "no", "C00070"))
    assert bc.changed("contacts", person["id"], companyNo=other["no"])["companyName"] == other["name"]
    assert bc.changed("contacts", person["id"], companyNo="")["companyName"] == ""


def test_a_person_is_no_company_of_others(bc: Client) -> None:
    answer = bc.post("contacts", {"type": "Person", "surname": "Ny", "companyNo": "CT000101"})
    assert (answer.status, answer.code) == (400, "Application_DialogException")


def test_post_code_gives_the_place(bc: Client) -> None:
    row = bc.created("customers", name="X", postCode="5003")
    assert (row["city"], row["county"], row["countryRegionCode"]) == ("Bergen", "Vestland", "NO")


def test_city_gives_the_post_code(bc: Client) -> None:
    row = bc.created("customers", name="X", city="Berlin")
    assert (row["postCode"], row["countryRegionCode"]) == ("10115", "DE")
    contact = bc.created("contacts", type="Person", surname="X", city="Hamburg")
    assert contact["postCode"] == "20095"


def test_values_sent_are_never_replaced_by_the_place(bc: Client) -> None:
    sent = {"postCode": "5003", "city": "Bergen sentrum", "county": "", "countryRegionCode": "NO"}
    row = bc.created("customers", name="X", **sent)
    assert {key: row[key] for key in sent} == sent
    assert bc.changed("customers", row["id"], postCode="5003")["city"] == "Bergen sentrum"


def test_an_unknown_or_ambiguous_place_fills_nothing(bc: Client) -> None:
    assert bc.created("customers", name="X", postCode="99999")["city"] == ""
    bc.created("postCodes", code="5003", city="Laksevåg")
    assert bc.created("customers", name="X", postCode="5003")["city"] == ""


def test_the_search_name_follows_until_it_has_a_value_of_its_own(bc: Client) -> None:
    row = bc.created("customers", name="Først")
    assert row["searchName"] == "FØRST"
    assert bc.changed("customers", row["id"], name="Så")["searchName"] == "SÅ"
    bc.changed("customers", row["id"], searchName="eget")
    assert bc.changed("customers", row["id"], name="Sist")["searchName"] == "EGET"


def test_the_day_of_the_last_change_is_kept(bc: Client) -> None:
    bc.control("clock", {"offset_seconds": 400 * 86400})
    row = bc.created("customers", name="X")
    assert row["lastDateModified"] == row["systemModifiedAt"][:10]


def test_a_deleted_customer_leaves_its_contact_without_relation(bc: Client) -> None:
    customer = bc.created("customers", name="Short")
    contact = contact_of(bc, customer)
    assert bc.delete("customers", customer["id"]).status == 204
    assert bc.rows("contactBusinessRelations", f"$filter=contactNo eq '{contact['no']}'") == []
    assert bc.get(f"contacts({contact['id']})").body["contactBusinessRelation"] == "None"


def test_a_deleted_contact_is_no_longer_referred_to(bc: Client) -> None:
    person = bc.one("contacts", "no", "CT000101")
    assert bc.one("customers", "no", "C00010")["primaryContactNo"] == "CT000101"
    assert bc.delete("contacts", person["id"]).status == 204
    assert bc.one("customers", "no", "C00010")["primaryContactNo"] == ""
    company = contact_of(bc, bc.one("customers", "no", "C00030"))
    bc.delete("contacts", company["id"])
    assert bc.one("contacts", "no", "CT000103")["companyNo"] == ""


def test_plugins_normalise_and_write_back(bc: Client) -> None:
    upper = {"entity": "Customer", "on": "create", "field": "name2", "upper": True}
    later = {"entity": "Customer", "on": "create", "field": "address2", "set": "later", "as": "person"}
    bc.control("plugins", {"rules": [upper, later]})
    row = bc.created("customers", name="X", name2="abc")
    assert (row["name2"], row["address2"]) == ("ABC", "")
    after = bc.get(f"customers({row['id']})").body
    assert after["address2"] == "later"
    assert after["systemModifiedBy"] != row["systemModifiedBy"]


def test_the_template_gives_what_was_not_sent(bc: Client) -> None:
    names = ("customerPostingGroup", "genBusPostingGroup", "vatBusPostingGroup")
    row = bc.created("customers", name="X")
    assert [row[name] for name in names] == ["DOMESTIC"] * 3
    sent = bc.created("customers", name="X", customerPostingGroup="EU", genBusPostingGroup="")
    assert [sent[name] for name in names] == ["EU", "", "DOMESTIC"]
    answer = bc.post("customers", {"displayName": "By API"}, route=STANDARD)
    assert bc.get(f"customers({answer.body['id']})").body["genBusPostingGroup"] == "DOMESTIC"
    assert bc.changed("customers", sent["id"], name2="Y")["genBusPostingGroup"] == ""
