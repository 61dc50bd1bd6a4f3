"""Whose account a contact belongs to, from the relations of companies alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from catalogue.known_facts import facts
from kobling.catalogue.contact import companies, companies_touched, contact_accounts, salutations
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import Facts, Keep, Outside, Through
from kobling.model.mapping import Side
from kobling.model.pair import Missing

ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"


def relation(contact: str, number: str, table: str = "Customer", code: str = "CUST") -> dict[str, Any]:
    return {"contactNo": contact, "businessRelationCode": code, "linkToTable": table, "no": number}


def known(*relations: dict[str, Any], code: str = "CUST") -> Facts:
    return facts(contactBusinessRelations=list(relations), marketingSetup=[{"busRelCodeForCustomers": code}])


def answer(given: Facts, company: str) -> Any:
    return contact_accounts(given, Side.RIGHT, [company])[company]


def test_a_company_leads_to_its_customer() -> None:
    found = answer(known(relation("CT1", "V1", "Vendor", "VEND"), relation("CT1", "C1")), "CT1")
    assert isinstance(found, Through)
    assert found.key == "C1"
    assert "CT1" in found.what
    assert found.via == ("CUSTOMER",)
    assert SOURCES["contact_accounts"].via == ("CUSTOMER", "VENDOR")


def test_codes_are_the_same_in_any_case() -> None:
    found = answer(known(relation("ct1", "C1", code="cust")), "CT1")
    assert isinstance(found, Through)


@pytest.mark.parametrize(
    ("relations", "words"),
    [
        ([relation("CT1", "V1", "Vendor", "VEND")], "vendor V1"),
        ([relation("CT1", "B1", "Bank_x0020_Account", "BANK")], "no business relation"),
        ([relation("CT1", "C1", code="PARTNER")], "no business relation"),
        ([relation("CT2", "C1")], "no business relation"),
        ([], "no business relation"),
    ],
)
def test_other_companies_are_outside_and_say_why(relations: list[dict[str, Any]], words: str) -> None:
    found = answer(known(*relations), "CT1")
    assert isinstance(found, Outside)
    assert "CT1" in found.reason
    assert words in found.reason
    assert found.waits == "contact_accounts/CT1"


def test_without_a_code_in_marketing_setup_nobody_is_a_customer() -> None:
    found = answer(known(relation("CT1", "C1"), code=""), "CT1")
    assert isinstance(found, Outside)
    assert "Marketing Setup" in found.reason


def test_no_company_is_no_account() -> None:
    for side in Side:
        assert contact_accounts(known(), side, [""]) == {"": ""}


def test_an_account_leads_to_the_company_of_its_customer() -> None:
    there = contact_accounts(known(), Side.LEFT, [ACCOUNT])[ACCOUNT]
    assert isinstance(there, Through)
    assert (there.key, there.via) == (ACCOUNT, ("CUSTOMER",))
    given = known(relation("CT1", "C1"), relation("CT2", "C2", "Vendor"), relation("CT3", "C3", code="X"))
    asked = [("CUSTOMER", one) for one in ("C1", "c1", "C2", "C3")]
    found = companies(given, Side.LEFT, asked)
    assert (found["CUSTOMER", "C1"], found["CUSTOMER", "c1"]) == ("CT1", "CT1")
    for other in ("C2", "C3"):
        reason = found["CUSTOMER", other]
        assert isinstance(reason, Missing)
        assert f"customer {other}" in reason.reason
    assert companies(given, Side.RIGHT, [("CUSTOMER", ACCOUNT)]) == {("CUSTOMER", ACCOUNT): ACCOUNT}


def with_vendors(given: Facts) -> Facts:
    return msgspec.structs.replace(given, mappings=frozenset({"CUSTOMER", "VENDOR"}))


def test_a_company_leads_to_its_vendor_where_it_is_no_customer() -> None:
    given = with_vendors(
        known(relation("CT1", "V1", "Vendor", "VEND"), relation("CT2", "V2", "Vendor"), relation("CT2", "C2"))
    )
    found = answer(given, "CT1")
    assert isinstance(found, Through)
    assert (found.key, found.via) == ("V1", ("VENDOR",))
    assert "vendor V1" in found.what
    assert answer(given, "CT2").via == ("CUSTOMER",)


def test_an_account_leads_to_the_company_of_its_vendor_though_a_customer_has_that_number() -> None:
    given = with_vendors(known(relation("CT1", "10000"), relation("CT2", "10000", "Vendor", "VEND")))
    there = contact_accounts(given, Side.LEFT, [ACCOUNT])[ACCOUNT]
    assert isinstance(there, Through)
    assert there.via == ("CUSTOMER", "VENDOR")
    found = companies(given, Side.LEFT, [("VENDOR", "10000"), ("CUSTOMER", "10000"), ("VENDOR", "20000")])
    assert (found["VENDOR", "10000"], found["CUSTOMER", "10000"]) == ("CT2", "CT1")
    missing = found["VENDOR", "20000"]
    assert isinstance(missing, Missing)
    assert "vendor 20000" in missing.reason


def test_of_a_customer_that_is_only_rehearsed_the_company_is_not_known() -> None:
    assert isinstance(companies(known(), Side.LEFT, [("CUSTOMER", "")])["CUSTOMER", ""], Keep)


def test_changed_relations_touch_the_persons_of_their_company() -> None:
    rows = [relation("CT2", "C2"), relation("CT1", "C1")]
    assert companies_touched({"contactBusinessRelations": rows}) == ["CT1", "CT2"]
    assert companies_touched({"marketingSetup": [{}]}) is None


def test_relations_that_are_added_during_a_run_are_seen() -> None:
    given = known(relation("CT1", "C1"))
    assert isinstance(answer(given, "CT2"), Outside)
    given.tables["contactBusinessRelations"].append(relation("CT2", "C2"))
    assert isinstance(answer(given, "CT2"), Through)


def test_salutations_go_by_code_then_by_description() -> None:
    given = facts(salutations=[{"code": "M", "description": "Mr."}, {"code": "F", "description": "Ms."}])
    found = salutations(given, Side.LEFT, ["m", "ms.", "Dr.", ""])
    assert (found["m"], found["ms."], found[""]) == ("M", "F", "")
    assert isinstance(found["Dr."], Missing)
    assert "'Dr.'" in found["Dr."].reason
    assert salutations(given, Side.RIGHT, ["M"]) == {"M": "M"}
