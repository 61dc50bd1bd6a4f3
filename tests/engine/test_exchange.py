"""Aim: mappings leave as one file and come back as the same, elsewhere too; what a file or a change would do
is said before it is done, and a reset leaves the couplings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.test_own_mappings import FIELDS, NAME, add, make, names, nobody, put, shown
from engine.world import World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.exchange import export_mappings, import_mappings, reset_mappings
from kobling.service.fields import set_field
from kobling.service.mappings import set_mapping
from kobling.service.options import set_option

Document = dict[str, Any]


def export(world: World, *mappings: str, file: Path | None = None) -> Document:
    return world.command(lambda one: export_mappings(one, mappings, file))


def take_in(world: World, file: Path, *, apply: bool = True, existing: bool = False) -> Document:
    return world.command(lambda one: import_mappings(one, file, apply=apply, existing=existing, wait=nobody))


def reset(world: World, *mappings: str, every: bool = False, yes: bool = False) -> Document:
    return world.command(lambda one: reset_mappings(one, mappings, every=every, yes=yes, wait=nobody))


def turn(world: World, field: str, *edits: str, name: str = "CUSTOMER") -> None:
    world.command(lambda one: set_field(one, name, field, edits, existing=False, wait=nobody))


def settings(world: World) -> dict[str, Any]:
    return dict(world.query("select name, settings from mapping where settings <> '{}'"))


@pytest.fixture
def changed(world: World) -> World:
    """Much is changed: keys, filters, fields, options, and a mapping of its own."""
    put(world, "update_conflict=send", "bc_filter=Blocked = '' AND No. = A*", name="CUSTOMER")
    turn(world, "Fax No.", "enabled=off")
    turn(world, "Home Page", "transformation=trim > lowercase", "direction=to_integration")
    world.command(lambda one: set_option(one, "PAYMENT TERMS", "NET30", "blank", wait=nobody))
    make(world)
    for bc, crm in FIELDS:
        add(world, bc, crm, "enabled=on")
    add(world, "Customer No.", "new_accountid", look_up="CUSTOMER")
    return world


def test_what_was_exported_comes_back_as_the_same_after_a_reset(changed: World, tmp_path: Path) -> None:
    file = tmp_path / "mappings.yaml"
    before, said = settings(changed), export(changed, file=file)
    assert set(names(changed)) <= set(said["mappings"])
    assert file.read_text(encoding="utf-8") == said["text"]
    reset(changed, every=True)
    assert settings(changed).keys() == {NAME}
    shown_before = take_in(changed, file, apply=False)
    assert shown_before["changed"] == ["CUSTOMER", "PAYMENT TERMS"]
    assert settings(changed).keys() == {NAME}, "showing changes nothing"
    assert take_in(changed, file)["differences"] == shown_before["differences"]
    assert settings(changed) == before
    again = take_in(changed, file)
    assert (again["changed"], again["differences"]) == ([], [])


def test_another_installation_takes_it_in(
    changed: World, tmp_path: Path, database_url: str, sandbox: Any
) -> None:
    """Names only: the other one has its own database, and a mapping that a person made comes along."""
    file = tmp_path / "mappings.yaml"
    export(changed, file=file)
    before = settings(changed)
    (tmp_path / "other").mkdir()
    other = World(sandbox, database_url, tmp_path / "other")
    changed.command(lambda one: one.state.change_settings(NAME, {}))
    reset(other, every=True)
    assert NAME not in names(other)
    found = take_in(other, file)
    assert {"mapping": NAME, "key": "", "before": None, "after": "a new mapping"} in found["differences"]
    assert settings(other) == before
    put(other, "enabled=on", "synch_only_coupled=off")
    other.create("bc", "serviceVehicles", no="VH1", description="Blue van")
    assert other.sync(NAME)[NAME]["counts"]["to"]["inserted"] == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("route: serviceVehicles", "route: serviceBoats", "no table 'serviceBoats'"),
        ("table: new_vehicle\n", "table: new_boat\n", "Dataverse has no table 'new_boat'"),
        ("new_plate", "new_wings", "new_vehicle has no field 'new_wings' here"),
    ],
)
def test_a_mapping_of_tables_that_are_not_here_is_refused(
    changed: World, tmp_path: Path, old: str, new: str, said: str
) -> None:
    file = tmp_path / "mappings.yaml"
    text = export(changed, NAME)["text"]
    assert old in text
    file.write_text(text.replace(old, new))
    before = settings(changed)
    with pytest.raises(ConfigurationError, match=said):
        take_in(changed, file, apply=False)
    assert settings(changed) == before


def test_the_difference_is_said_key_by_key(changed: World, tmp_path: Path) -> None:
    file = tmp_path / "mappings.yaml"
    export(changed, "CUSTOMER", file=file)
    reset(changed, "CUSTOMER")
    found = {
        one["key"]: (one["before"], one["after"])
        for one in take_in(changed, file, apply=False)["differences"]
    }
    assert found["update_conflict"] == (None, "send")
    assert found["Fax No.: enabled"] == (None, False)
    assert found["Home Page: transformation"] == (None, "trim > lowercase")


def test_a_file_of_some_mappings_leaves_the_others(changed: World, tmp_path: Path) -> None:
    file = tmp_path / "vendor.yaml"
    before = settings(changed)
    export(changed, "vendor", file=file)
    assert list(yaml.safe_load(file.read_text(encoding="utf-8"))["mappings"]) == ["VENDOR"]
    take_in(changed, file)
    assert settings(changed) == before


def test_no_secret_address_or_id_is_in_an_export(changed: World) -> None:
    text = export(changed)["text"]
    place = changed.configuration
    for word in (place.bc.url, place.crm.url, place.bc.secret.reveal(), place.crm.client_id, changed.company):
        assert f"{word}\n" not in text
        assert len(word) < 9 or word not in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"kobling: 7\nmappings: {}\n", "line 1.*is of format 7"),
        (b"kobling: 1\nmappings:\n  CUSTOMER: {direction: sideways}\n", "line 3.*sideways"),
        (b"kobling: 1\nmappings:\n  VENDOR: {enabled: false}\n  BOAT: {}\n", "line 4.*no mapping 'BOAT'"),
        (b"kobling: 1\n\xff", "line 2 is no UTF-8"),
        (b"#" * 5_000_001, "has more than 5,000,000 bytes"),
        (b"kobling: 1\nmappings:\n  PAYMENT TERMS: {direction: bidirectional}\n", "flows only one way"),
    ],
)
def test_a_file_that_is_wrong_changes_nothing(
    world: World, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "mappings.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        take_in(world, file)
    assert settings(world) == {}


def test_a_file_that_is_not_there_or_cannot_be_written_is_named(world: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        take_in(world, tmp_path / "nothing.yaml")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        export(world, file=tmp_path / "nowhere" / "mappings.yaml")


def test_a_file_that_would_leave_a_mapping_without_a_flow_changes_nothing(
    world: World, tmp_path: Path
) -> None:
    make(world)
    file = tmp_path / "mappings.yaml"
    file.write_text(export(world, NAME)["text"].replace("enabled: false", "enabled: true", 1))
    before = settings(world)
    with pytest.raises(ConfigurationError, match=r"line \d+: VEHICLE.*no enabled field flows"):
        take_in(world, file)
    assert settings(world) == before


@pytest.mark.scenario("MP-25")
def test_a_reset_brings_back_the_default_fields_and_leaves_the_couplings(synchronized: World) -> None:
    before, count = names(synchronized), len(synchronized.couplings())
    fields = shown(synchronized, "CUSTOMER")["fields"]
    put(synchronized, "update_conflict=get", name="CUSTOMER")
    turn(synchronized, "Fax No.", "enabled=off")
    add(synchronized, "Search Name", "tickersymbol", name="CUSTOMER")
    put(synchronized, "update_conflict=get", name="VENDOR")
    assert shown(synchronized, "CUSTOMER")["fields"] != fields
    said = reset(synchronized, "CUSTOMER")
    assert said["changed"] == ["CUSTOMER"]
    assert shown(synchronized, "CUSTOMER")["fields"] == fields
    assert shown(synchronized, "VENDOR")["update_conflict"] == "get", "only what was named"
    assert names(synchronized) == before
    assert len(synchronized.couplings()) == count
    assert wrote(synchronized.sync()) == 0


def test_a_reset_needs_a_name_and_a_shipped_mapping(world: World) -> None:
    with pytest.raises(ConfigurationError, match="No mapping is named"):
        reset(world)
    make(world)
    with pytest.raises(ConfigurationError, match="VEHICLE is a mapping that you made"):
        reset(world, NAME)


def edit(world: World, *edits: str, yes: bool = False, name: str = "CUSTOMER") -> Document:
    return world.command(lambda one: set_mapping(one, name, edits, existing=False, yes=yes, wait=nobody))


def test_a_filter_that_leaves_coupled_pairs_outside_says_how_many_and_asks_first(synchronized: World) -> None:
    count = len(synchronized.couplings())
    number = synchronized.customer(synchronized.pair()[0])["no"]
    with pytest.raises(
        ConfigurationError, match=rf"{count - 1} of its {count} coupled pairs are outside.*--yes"
    ):
        edit(synchronized, f"bc_filter=No. = '{number}'")
    assert settings(synchronized) == {}
    edit(synchronized, f"bc_filter=No. = '{number}'", yes=True)
    assert len(synchronized.couplings()) == count
    edit(synchronized, "bc_filter=default")


def test_a_direction_that_is_turned_says_how_many_pairs_and_asks_first(synchronized: World) -> None:
    count = len(synchronized.couplings())
    edit(synchronized, "direction=to_integration")
    words = f"its {count} coupled pairs flow from_integration from now on, and no longer to_integration"
    with pytest.raises(ConfigurationError, match=words):
        edit(synchronized, "direction=from_integration")
    assert shown(synchronized, "CUSTOMER")["direction"] == "to_integration"
    edit(synchronized, "direction=from_integration", yes=True)
    with pytest.raises(ConfigurationError, match="flow to_integration"):
        synchronized.command(
            lambda one: set_mapping(
                one, "CUSTOMER", ["direction=to_integration"], existing=False, wait=nobody
            )
        )
    reset(synchronized, "CUSTOMER")


def test_what_is_not_coupled_yet_is_changed_without_a_question(world: World) -> None:
    edit(world, "direction=to_integration")
    edit(world, "direction=from_integration", "bc_filter=Name = Nobody")
    now = shown(world, "CUSTOMER")
    assert (now["direction"], now["bc_filter"]) == ("from_integration", "Name = Nobody")


def test_an_import_says_what_it_does_to_coupled_pairs(synchronized: World, tmp_path: Path) -> None:
    file = tmp_path / "mappings.yaml"
    file.write_text("kobling: 1\nmappings:\n  CUSTOMER: {bc_filter: Name = Nobody}\n")
    count = len(synchronized.couplings())
    [one] = take_in(synchronized, file, apply=False)["consequences"]
    assert one["message"].startswith(f"{count} of its {count} coupled pairs are outside the filter")
