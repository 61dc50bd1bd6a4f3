"""Aim: broken couplings are found and mended, sound ones are left alone, and a look changes nothing."""

from __future__ import annotations

import pytest

from engine.world import Document, World, wrote
from kobling.service.rebuilding import repair_couplings

Pair = tuple[str, str]


def repaired(world: World, *, dry_run: bool = False) -> Document:
    return world.command(
        lambda one: repair_couplings(one, "CUSTOMER", dry_run=dry_run, wait=lambda name: None)
    )[0]


@pytest.mark.scenario("CP-17")
@pytest.mark.scenario("CP-18")
@pytest.mark.scenario("CP-19")
def test_what_is_broken_is_mended_and_the_rest_is_left_alone(
    common: World, pair: Pair, other_pair: Pair, third_pair: Pair
) -> None:
    before = {(one["bc_id"], one["crm_id"]) for one in common.couplings()}
    common.delete("bc", "customers", pair[0])
    common.delete("crm", "accounts", pair[1])
    common.delete("crm", "accounts", other_pair[1])
    made = common.create("crm", "bcbi_companies", bcbi_externalid="77777777-0000-4000-8000-000000000002")
    common.edit_account(
        third_pair[1], **{"bcbi_CompanyId@odata.bind": f"/bcbi_companies({made['bcbi_companyid']})"}
    )
    said = repaired(common, dry_run=True)
    assert {(one["bc_id"], one["crm_id"]) for one in common.couplings()} == before
    faults = {one["bc_id"]: one["fault"] for one in said["broken"]}
    assert faults == {
        pair[0]: "both records are gone",
        other_pair[0]: "the record of Sales is gone",
        third_pair[0]: "the record of Sales belongs to another company",
    }
    assert repaired(common)["broken"] == said["broken"]
    now = {(one["bc_id"], one["crm_id"]) for one in common.couplings()}
    assert now == before - {pair, third_pair}
    assert wrote(common.sync("CUSTOMER")) == 0
    assert other_pair[0] in {one["bc_id"] for one in common.skipped()}
