"""`kobling field`: how the field rows of a mapping are added and changed."""

from __future__ import annotations

from typing import Annotated

import typer

from kobling.cli.mapping import say_mapping
from kobling.cli.options import ConfigOption, JsonOption, MappingArgument, print_json
from kobling.cli.session import in_session
from kobling.cli.show import Document, note, wait_notice

field_app = typer.Typer(no_args_is_help=True, help="Integration field mappings.")
_TYPE = (
    "What a column holds, if it is not what the service says: text:50, option, integer, decimal, boolean, "
)
_TYPE += "id or date."


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    field_app.command("new")(field_new)
    field_app.command("set")(field_set)
    app.add_typer(field_app, name="field")


def field_new(
    name: MappingArgument,
    bc: Annotated[str, typer.Argument(metavar="BC_FIELD")],
    crm: Annotated[str, typer.Argument(metavar="SALES_FIELD")],
    edits: Annotated[list[str] | None, typer.Argument(metavar="[key=value]...")] = None,
    bc_type: Annotated[str, typer.Option("--bc-type", metavar="TYPE", help=_TYPE)] = "",
    crm_type: Annotated[str, typer.Option("--crm-type", metavar="TYPE", help=_TYPE)] = "",
    look_up: Annotated[
        str,
        typer.Option(
            "--look-up", metavar="MAPPING", help="Whose couplings answer, where several mappings could."
        ),
    ] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Adds a field mapping, disabled until it is enabled; none stands for a side without a field.

    Keys: enabled, direction, constant, transformation, clear_on_failed, not_null, match,
    match_priority, match_case, conflict.
    """
    from kobling.service.fields import NewField, new_field

    request = NewField(bc=bc, crm=crm, bc_type=bc_type, crm_type=crm_type, look_up=look_up)
    document = in_session(
        config, lambda session: new_field(session, name, request, edits or (), wait=wait_notice)
    )
    _answer(document, as_json, existing=False)


def field_set(
    name: MappingArgument,
    field: Annotated[str, typer.Argument(metavar="FIELD")],
    edits: Annotated[list[str], typer.Argument(metavar="key=value...")],
    existing: Annotated[
        bool,
        typer.Option(
            "--existing/--from-now",
            help="Also the records that are coupled already, or only what changes from now on.",
        ),
    ] = True,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Changes a field mapping, named by its Business Central field; key=default takes a change back.

    Keys: enabled, direction, constant, transformation, clear_on_failed, not_null, match,
    match_priority, match_case, conflict.
    """
    from kobling.service.fields import set_field

    document = in_session(
        config, lambda session: set_field(session, name, field, edits, existing=existing, wait=wait_notice)
    )
    _answer(document, as_json, existing=existing)


def _answer(document: Document, as_json: bool, *, existing: bool) -> None:
    if as_json:
        print_json(document)
        return
    count = document["couplings"]
    if count and existing:
        note(f"The next run compares the {count} coupled records in it; --from-now leaves them as they are.")
    say_mapping(document)
