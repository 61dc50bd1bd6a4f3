"""`kobling mapping`: what the mappings are, and how they are changed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kobling.cli.options import (
    AnyMappingArgument,
    ConfigOption,
    ExistingOption,
    JsonOption,
    MappingArgument,
    YesOption,
    print_json,
)
from kobling.cli.session import answer_rows, in_session
from kobling.cli.show import note, say, say_rows, wait_notice

_MAPPINGS = {
    "name": "Mapping",
    "bc_table": "BC table",
    "crm_entity": "Entity",
    "key_type": "Key",
    "direction": "Direction",
    "state": "State",
    "depends_on": "Needs",
}
_FIELDS = {
    "bc_field": "BC field",
    "crm_field": "Sales field",
    "direction": "Direction",
    "enabled": "Enabled",
    "how": "How",
}
_DERIVED = {
    "rule": "Rule",
    "bc_field": "BC field",
    "crm_field": "Sales field",
    "direction": "Direction",
    "how": "What it does",
}
_INSTEAD = {"bc_field": "BC field", "crm_field": "Sales field", "instead": "Instead"}
# Said in other lines.
_NOT_SAID = {"bc_table", "crm_entity", "direction", "ready", "bc_conditions", "crm_conditions", "fields"}
_MARKS = {
    "clear_on_failed": "blank while a look-up has no answer",
    "not_null": "a blank value is not written",
    "match": "used for coupling by matching",
}
mapping_app = typer.Typer(no_args_is_help=True, help="Integration table mappings.")


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    mapping_app.command("list")(mapping_list)
    mapping_app.command("show")(mapping_show)
    mapping_app.command("set")(mapping_set)
    from kobling.cli import exchange, own_mapping

    own_mapping.register(mapping_app)
    exchange.register(mapping_app)
    app.add_typer(mapping_app, name="mapping")


EveryVariantOption = Annotated[
    bool,
    typer.Option("--every-variant", help="Also what the settings of the connection leave out."),
]


def mapping_list(
    every_variant: EveryVariantOption = False, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """All mappings, in short; one that is only defined is not carried out by this version."""
    from kobling.service.mappings import list_mappings
    from kobling.service.variants import list_every_variant

    document = in_session(config, list_every_variant if every_variant else list_mappings)
    if as_json:
        print_json(document)
    else:
        rows = [one | {"state": _state(one)} for one in (*document["mappings"], *document["beside"])]
        answer_rows({"mappings": rows}, "mappings", _MAPPINGS, as_json, cell=_words)
        if document.get("paused"):
            note(f"The connection is paused {document['paused']}: nothing is written.")


def _state(mapping: dict[str, Any]) -> str:
    if not mapping["ready"]:
        return "definition only"
    if mapping["enabled"] and mapping["observe"]:
        return "observed"
    return "enabled" if mapping["enabled"] else "disabled"


def mapping_show(
    name: AnyMappingArgument = None,
    every_variant: EveryVariantOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One mapping, or all: tables, direction, filters, policies and every field row."""
    from kobling.service.mappings import show_every_mapping, show_mappings
    from kobling.service.variants import every_mapping_with_variants, show_every_variant

    show = show_every_variant if every_variant else show_mappings
    show_all = every_mapping_with_variants if every_variant else show_every_mapping
    document = in_session(config, lambda session: show_all(session) if name is None else show(session, name))
    if as_json:
        print_json(document)
        return
    for one in document.get("mappings", (document,)):
        say_mapping(one)


def mapping_set(
    name: MappingArgument,
    edits: Annotated[list[str], typer.Argument(metavar="key=value...")],
    existing: ExistingOption = False,
    yes: YesOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Changes a mapping; key=default takes a change back.

    Keys: enabled, observe, direction, synch_only_coupled, bc_filter, crm_filter, update_conflict,
    deletion_conflict, guard_deletions, guard_changes, guard_empty, guard_schema, guard_mapping.
    """
    from kobling.service.mappings import set_mapping

    document = in_session(
        config,
        lambda session: set_mapping(session, name, edits, existing=existing, yes=yes, wait=wait_notice),
    )
    if as_json:
        print_json(document)
        return
    if document["widened"]:
        note("Only what changes from now on is taken in; --existing takes in the records of before, too.")
    say_mapping(document)


def say_mapping(document: dict[str, Any]) -> None:
    """A mapping with its variants, and what of its changes is set aside."""
    for one in document.get("set_aside", ()):
        what = f" {one['what']}" if one["what"] else ""
        note(f"{document['name']}{what} is set aside: {one['message']}. {one['cure']}")
    for variant in document["variants"]:
        _say_variant(document["name"], variant)


def _say_variant(name: str, variant: dict[str, Any]) -> None:
    say(f"{name}: {variant['bc_table']} and {variant['crm_entity']}, {variant['direction']}")
    if not variant["ready"]:
        say("  definition only: this version does not carry it out")
    for key, value in variant.items():
        if key not in _NOT_SAID and (value or key != "switches"):
            say(f"  {key}: {_words(value)}")
    say(f"  takes part: {'; '.join(variant['bc_conditions'] + variant['crm_conditions']) or 'every record'}")
    plain = [one for one in variant["fields"] if not one.get("rule") and not one.get("instead")]
    derived = [one for one in variant["fields"] if one.get("rule")]
    others = [one for one in variant["fields"] if one.get("instead")]
    _say_fields("Fields", plain, _FIELDS)
    _say_fields("Set by a rule", derived, _DERIVED)
    _say_fields("Done differently", others, _INSTEAD)


def _say_fields(title: str, fields: list[dict[str, Any]], titles: dict[str, str]) -> None:
    if not fields:
        return
    say()
    say(f"{title}:")
    rows = [[_cell(one, key) for key in titles] for one in fields]
    say_rows(rows, list(titles.values()))


def _cell(field: dict[str, Any], key: str) -> str:
    if key == "how":
        said = [f"always {field['constant']}"] if field["constant"] else []
        said += [field["transformation"]] if field["transformation"] else []
        said += [f"{word}" for key, word in _MARKS.items() if field[key]]
        said += [f"only with {_words(field['switches'])}"] if field.get("switches") else []
        said += [field["note"].rstrip(".")] if field.get("note") else []
        said += ["added by you"] if field.get("new") else []
        said += [f"changed by you: {', '.join(field['changed'])}"] if field.get("changed") else []
        return "; ".join(said)
    return _words(field.get(key))


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={one}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)
