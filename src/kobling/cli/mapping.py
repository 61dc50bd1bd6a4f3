"""`kobling mapping`: what the mappings are, and how they are changed."""

from __future__ import annotations

from typing import Annotated

import typer

from kobling.cli.options import ConfigOption, JsonOption, MappingArgument, print_json
from kobling.cli.session import answer_rows, in_session
from kobling.cli.show import note, say, say_rows, wait_notice

_MAPPINGS = {
    "name": "Mapping",
    "bc_table": "BC table",
    "crm_entity": "Entity",
    "direction": "Direction",
    "enabled": "Enabled",
    "depends_on": "Needs",
}
mapping_app = typer.Typer(no_args_is_help=True, help="Integration table mappings.")


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    mapping_app.command("list")(mapping_list)
    mapping_app.command("show")(mapping_show)
    mapping_app.command("set")(mapping_set)
    app.add_typer(mapping_app, name="mapping")


def mapping_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """All mappings, in short."""
    from kobling.service.mappings import list_mappings

    answer_rows(in_session(config, list_mappings), "mappings", _MAPPINGS, as_json, cell=_words)


def mapping_show(
    name: MappingArgument,
    every_variant: Annotated[
        bool, typer.Option("--every-variant", help="Also the variants that the switches leave out.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One mapping: tables, direction, filters, policies and every field row."""
    from kobling.service.mappings import show_mappings

    document = in_session(config, lambda session: show_mappings(session, name))
    if as_json:
        print_json(document)
    else:
        _say(document)


def mapping_set(
    name: MappingArgument,
    edits: Annotated[list[str], typer.Argument(metavar="key=value...")],
    existing: Annotated[
        bool,
        typer.Option(
            "--existing/--from-now",
            help="Also the records that were read past until now, or only what changes from now on.",
        ),
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Changes a mapping; key=default takes a change back.

    Keys: enabled, direction, synch_only_coupled, bc_filter, crm_filter, update_conflict, deletion_conflict.
    """
    from kobling.service.mappings import set_mapping

    document = in_session(
        config, lambda session: set_mapping(session, name, edits, existing=existing, wait=wait_notice)
    )
    if as_json:
        print_json(document)
        return
    if document["widened"]:
        note("Only what changes from now on is taken in; --existing takes in the records of before, too.")
    _say(document)


def _say(document: dict[str, object]) -> None:

    for variant in document["variants"]:  # type: ignore[attr-defined]
        say(f"{document['name']}: {variant['bc_table']} and {variant['crm_entity']}, {variant['direction']}")
        for key, value in variant.items():
            if key not in {"bc_table", "crm_entity", "direction", "fields"}:
                say(f"  {key}: {_words(value)}")
        keys = ("bc_field", "crm_field", "direction", "enabled", "constant", "rule")
        rows = [[_words(one.get(key)) for key in keys] for one in variant["fields"]]
        say_rows(rows, ("BC field", "Sales field", "Direction", "Enabled", "Constant", "Rule"))


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)
