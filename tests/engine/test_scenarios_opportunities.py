"""Aim: scenarios of the built-in integration about coupling, matching and uncoupling opportunities."""

from __future__ import annotations

import pytest

from engine.test_opportunities import close, code, in_sales, opportunity, sold, user_of
from engine.world import World


@pytest.mark.scenario("CP-36")
def test_coupling_by_hand_pushes_name_and_owner(synchronized: World) -> None:
    made = synchronized.create("crm", "opportunities", name="Fra Salg")
    row = opportunity(synchronized, description="Fra BC")
    synchronized.couple("OPPORTUNITY", row["no"], f"crm:{made['opportunityid']}", use="bc")
    synchronized.sync("OPPORTUNITY")
    now = in_sales(synchronized, made["opportunityid"])
    assert now["name"] == "Fra BC"
    assert now["_ownerid_value"] == user_of(synchronized, code(synchronized))


@pytest.mark.scenario("UN-15")
def test_uncoupling_clears_the_company_of_the_opportunity(synchronized: World) -> None:
    row = opportunity(synchronized)
    synchronized.sync("OPPORTUNITY")
    there = sold(synchronized, row)
    assert in_sales(synchronized, there)["_bcbi_companyid_value"]
    synchronized.uncouple("OPPORTUNITY", row["no"])
    assert in_sales(synchronized, there)["_bcbi_companyid_value"] is None
    assert sold(synchronized, row) == ""


@pytest.mark.scenario("FI-10")
def test_matching_offers_only_those_that_the_filter_lets_through(synchronized: World) -> None:
    for name in ("Åpen", "Lukket"):
        opportunity(synchronized, description=name)
        made = synchronized.create("crm", "opportunities", name=name)
    close(synchronized, made["opportunityid"])
    matched = synchronized.match("OPPORTUNITY", "Description=name", use="leave", dry_run=True)
    assert len(matched["matched"]) == 1
    assert len(matched["unmatched"]) == 1


@pytest.mark.scenario("UN-14")
def test_two_of_three_are_uncoupled(synchronized: World) -> None:
    rows = [opportunity(synchronized, description=name) for name in ("En", "To", "Tre")]
    synchronized.sync("OPPORTUNITY")
    synchronized.uncouple("OPPORTUNITY", rows[0]["no"], rows[1]["no"])
    assert [bool(sold(synchronized, one)) for one in rows] == [False, False, True]
