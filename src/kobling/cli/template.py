"""`kobling template`: what created records get whatever their source holds."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from kobling.cli.options import ConfigOption, JsonOption, MappingArgument, MappingsArgument
from kobling.cli.session import answer_rows, in_session
from kobling.cli.show import Document, wait_notice

_TEMPLATES = {
    "mapping": "Mapping",
    "side": "In",
    "name": "Template",
    "priority": "Priority",
    "filter": "Of records with",
    "values": "Gives",
}
_IN = {"bc": "BC", "crm": "Sales"}
template_app = typer.Typer(no_args_is_help=True, help="Templates of created records.")
TemplateArgument = Annotated[str, typer.Argument(metavar="TEMPLATE")]


class System(StrEnum):
    """Where records are created."""

    BC = "bc"
    CRM = "crm"


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    template_app.command("list")(template_list)
    template_app.command("set")(template_set)
    template_app.command("remove")(template_remove)
    app.add_typer(template_app, name="template")


def template_list(
    mappings: MappingsArgument = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """The templates of these mappings, or of all, in the order in which they are tried."""
    from kobling.service.templates import list_templates

    _answer(in_session(config, lambda session: list_templates(session, mappings or ())), as_json)


def template_set(
    mapping: MappingArgument,
    template: TemplateArgument,
    values: Annotated[list[str], typer.Argument(metavar="FIELD=value...")],
    system: Annotated[System, typer.Option("--in", help="Where records are created: bc or crm.")],
    condition: Annotated[
        str, typer.Option("--filter", metavar="FILTER", help="Only of source records that pass it.")
    ] = "",
    priority: Annotated[int, typer.Option("--priority", help="The lowest that fits is taken.")] = 0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Adds or replaces a template: a record that is created gets its values, whatever its source holds."""
    from kobling.service.templates import NewTemplate, set_template

    request = NewTemplate(name=template, side=system.value, priority=priority, filter=condition)
    document = in_session(
        config, lambda session: set_template(session, mapping, request, values, wait=wait_notice)
    )
    _answer(document, as_json)


def template_remove(
    mapping: MappingArgument,
    template: TemplateArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes a template away."""
    from kobling.service.templates import remove_template

    document = in_session(
        config, lambda session: remove_template(session, mapping, template, wait=wait_notice)
    )
    _answer(document, as_json)


def _answer(document: Document, as_json: bool) -> None:
    answer_rows(document, "templates", _TEMPLATES, as_json, cell=_words)


def _words(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{key}={one}" for key, one in value.items())
    return _IN.get(value, value) if isinstance(value, str) else value
