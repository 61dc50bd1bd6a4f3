"""`kobling mapping new` and `delete`: mappings that a person makes."""

from __future__ import annotations

from typing import Annotated

import typer

from kobling.cli.mapping import say_mapping
from kobling.cli.options import ConfigOption, JsonOption, MappingArgument, print_json
from kobling.cli.session import in_session
from kobling.cli.show import note, say, wait_notice


def register(mapping_app: typer.Typer) -> None:
    """Adds the commands of this file."""
    mapping_app.command("new")(mapping_new)
    mapping_app.command("delete")(mapping_delete)


def mapping_new(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    bc_table: Annotated[str, typer.Argument(metavar="BC_TABLE")],
    crm_entity: Annotated[str, typer.Argument(metavar="CRM_ENTITY")],
    edits: Annotated[list[str] | None, typer.Argument(metavar="[key=value]...")] = None,
    key: Annotated[
        str,
        typer.Option(
            "--key",
            metavar="COLUMN",
            help="The column of Sales that tells records apart; a choice column makes an option mapping.",
        ),
    ] = "",
    number: Annotated[
        str, typer.Option("--number", metavar="BC_FIELD", help="By which people know a record, as No.")
    ] = "",
    title: Annotated[
        str, typer.Option("--title", metavar="BC_FIELD", help="What a record is called, as Description.")
    ] = "",
    table_id: Annotated[
        int,
        typer.Option("--table-id", min=0, help="The table's number, by which deletions are told."),
    ] = 0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes a mapping of any two tables, disabled and without fields; `field new` adds them.

    Keys: direction, synch_only_coupled, bc_filter, crm_filter, update_conflict, deletion_conflict.
    """
    from kobling.service.own_mappings import NewMapping, new_mapping

    request = NewMapping(
        name=name,
        bc_table=bc_table,
        crm_entity=crm_entity,
        key=key,
        number=number,
        title=title,
        table_id=table_id,
    )
    document = in_session(
        config, lambda session: new_mapping(session, request, edits or (), wait=wait_notice)
    )
    if as_json:
        print_json(document)
        return
    if document["note"]:
        note(f"{document['note']}.")
    say_mapping(document)


def mapping_delete(name: MappingArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Deletes a mapping that you made, with its fields; it must have no couplings."""
    from kobling.service.own_mappings import delete_mapping

    document = in_session(config, lambda session: delete_mapping(session, name, wait=wait_notice))
    if as_json:
        print_json(document)
    else:
        say(f"{document['deleted']} is deleted.")
