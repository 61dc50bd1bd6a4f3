"""Whose an account is, and which country its free text means."""

from __future__ import annotations

import pytest

from catalogue.known_facts import COMPANY, facts
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import KEEP, Facts
from kobling.model.mapping import Side
from kobling.model.pair import Missing

ROW = "cccccccc-0000-4000-8000-000000000001"
COUNTRIES = SOURCES["countries"].resolve
KNOWN = facts(
    countriesRegions=[
        {"code": "NO", "name": "Norway"},
        {"code": "DK", "name": "Denmark"},
        {"code": "CH", "name": "no"},
        {"code": "ZZ", "name": "Norway"},
        {"code": "XX", "name": ""},
    ]
)


@pytest.mark.parametrize("written", [COMPANY, COMPANY.upper(), f"{{{COMPANY.upper()}}}"])
def test_the_company_is_found_however_its_id_is_written(written: str) -> None:
    rows = [
        {"bcbi_companyid": "other", "bcbi_externalid": "another"},
        {"bcbi_companyid": ROW, "bcbi_externalid": written},
    ]
    found = SOURCES["company"].resolve(facts(bcbi_companies=rows), Side.RIGHT, [""])
    assert found == {"": ROW}


def test_a_company_that_sales_does_not_know_stamps_and_filters_nothing() -> None:
    blank = [{"bcbi_companyid": ROW, "bcbi_externalid": None}]
    resolve = SOURCES["company"].resolve
    assert resolve(facts(bcbi_companies=blank), Side.RIGHT, ["", ROW]) == {"": KEEP, ROW: KEEP}
    nobody = Facts(tables={"bcbi_companies": blank}, today=facts().today, company="")
    assert resolve(nobody, Side.RIGHT, [""]) == {"": KEEP}


def test_sales_gets_the_country_code_itself() -> None:
    assert COUNTRIES(KNOWN, Side.RIGHT, ["NO", "QQ", ""]) == {"NO": "NO", "QQ": "QQ", "": ""}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("NO", "NO"),
        ("dk", "DK"),
        ("Denmark", "DK"),
        (" DENMARK ", "DK"),
        ("", ""),
        ("no", "NO"),  # a code comes before the name of another country
        ("norway", "NO"),  # of two countries with one name the first code
    ],
)
def test_a_country_is_known_by_code_then_by_name(text: str, code: str) -> None:
    assert COUNTRIES(KNOWN, Side.LEFT, [text]) == {text: code}


def test_an_unknown_country_is_waited_for_by_name() -> None:
    answer = COUNTRIES(KNOWN, Side.LEFT, ["Norge"])["Norge"]
    assert isinstance(answer, Missing)
    assert "'Norge' is neither the code nor the name of a country" in answer.reason
