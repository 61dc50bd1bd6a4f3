"""Options and arguments that commands have in common, and how a command answers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Use(StrEnum):
    """Whose values hold at first contact."""

    BC = "bc"
    CRM = "crm"
    LEAVE = "leave"


def _of_root(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:
    """What was given after the command's name, else what was given before it."""
    if value or context.parent is None:
        return value
    return context.find_root().params.get(parameter.name or "", value)


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="PATH",
        callback=_of_root,
        help="The configuration file; else KOBLING_CONFIG, else ./kobling.toml.",
    ),
]

JsonOption = Annotated[
    bool, typer.Option("--json", callback=_of_root, help="Print one JSON document and nothing else.")
]

MappingArgument = Annotated[str, typer.Argument(metavar="MAPPING")]
AnyMappingArgument = Annotated[str | None, typer.Argument(metavar="[MAPPING]")]
MappingsArgument = Annotated[list[str] | None, typer.Argument(metavar="[MAPPING]...")]
RecordArgument = Annotated[str, typer.Argument(metavar="ID")]
AnyRecordArgument = Annotated[str | None, typer.Argument(metavar="[ID]")]
RecordsOption = Annotated[
    list[str] | None, typer.Option("--record", metavar="ID", help="Only this record; may be repeated.")
]

ExistingOption = Annotated[
    bool,
    typer.Option(
        "--existing/--from-now",
        help="Also the records that were read past until now, or only what changes from now on.",
    ),
]

YesOption = Annotated[
    bool,
    typer.Option("--yes", help="Also where coupled pairs would flow otherwise, or no more, from then on."),
]


def print_json(document: Any) -> None:
    """One JSON document on stdout. Takes what msgspec can encode; a decimal becomes a number."""
    import msgspec

    text = msgspec.json.Encoder(decimal_format="number").encode(document)
    print(msgspec.json.format(text, indent=2).decode())


def one_line(text: str) -> str:
    """The text on one line, without characters that could play tricks on a terminal."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
