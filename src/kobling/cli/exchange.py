"""`kobling mapping export`, `import` and `reset`: mappings as one file, and back to what was shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kobling.cli.options import ConfigOption, ExistingOption, JsonOption, MappingsArgument, print_json
from kobling.cli.session import in_session
from kobling.cli.show import note, say, say_rows, wait_notice

_DIFFERENCES = {"mapping": "Mapping", "key": "What", "before": "Now", "after": "Then"}


def register(mapping_app: typer.Typer) -> None:
    """Adds the commands of this file."""
    mapping_app.command("export")(mapping_export)
    mapping_app.command("import")(mapping_import)
    mapping_app.command("reset")(mapping_reset)


def mapping_export(
    mappings: MappingsArgument = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Where to; else it is printed.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What you changed of these mappings, or of all, and those that you made, as one YAML text."""
    from kobling.service.exchange import export_mappings

    document = in_session(config, lambda session: export_mappings(session, mappings or (), file))
    if as_json:
        print_json(document)
    elif file is None:
        say(document["text"].rstrip())
    else:
        say(f"{len(document['mappings'])} mappings are written to {document['file']}.")


def mapping_import(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    apply: Annotated[
        bool, typer.Option("--apply", "--yes", help="Carry it out; else it is only shown.")
    ] = False,
    existing: ExistingOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a file of `mapping export` would change; with --apply it is carried out, all of it or nothing."""
    from kobling.service.exchange import import_mappings

    document = in_session(
        config,
        lambda session: import_mappings(session, file, apply=apply, existing=existing, wait=wait_notice),
    )
    _answer(document, as_json)


def mapping_reset(
    mappings: MappingsArgument = None,
    every: Annotated[bool, typer.Option("--all", help="Every mapping that was shipped.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Also where coupled pairs would flow otherwise, or no more.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes mappings back to what was shipped; couplings stay."""
    from kobling.service.exchange import reset_mappings

    document = in_session(
        config,
        lambda session: reset_mappings(session, mappings or (), every=every, yes=yes, wait=wait_notice),
    )
    _answer(document, as_json)


def _answer(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    for one in document["consequences"]:
        note(f"{one['mapping']}: {one['message']}.")
    if not document["changed"]:
        say("Nothing is different.")
        return
    if document["differences"]:
        rows = [[_cell(one, key) for key in _DIFFERENCES] for one in document["differences"]]
        say_rows(rows, list(_DIFFERENCES.values()))
    say("Changed." if document["applied"] else "Nothing is changed yet; --apply carries it out.")


def _cell(one: dict[str, Any], key: str) -> object:
    return "as shipped" if one[key] is None else one[key]
