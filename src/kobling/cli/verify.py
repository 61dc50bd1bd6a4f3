"""`kobling verify`: whether what is coupled is in step."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kobling.cli.options import ConfigOption, JsonOption, print_json

# What is shown of an entry, with its title.
_REASONS = {
    "mapping": "Mapping",
    "kind": "Kind",
    "field": "Field",
    "reason": "Reason",
    "records": "Records",
}
_DIFFERENCES = {
    "mapping": "Mapping",
    "number": "Number",
    "field": "Field",
    "bc": "Business Central",
    "crm": "Sales",
    "reason": "Reason",
}


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command()(verify)


def verify(
    mappings: Annotated[list[str] | None, typer.Argument(metavar="[MAPPING]...")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reads both sides afresh and compares every coupled pair; writes nothing."""
    import asyncio

    from kobling.cli.show import progress_bar
    from kobling.service.configuration import read_configuration
    from kobling.service.session import open_session
    from kobling.service.verify import verify as compare

    async def work() -> tuple[dict[str, object], int]:
        async with open_session(read_configuration(config)) as session:
            with progress_bar(quiet=as_json) as progress:
                return await compare(session, mappings or (), progress=progress)

    document, status = asyncio.run(work())
    if as_json:
        print_json(document)
    else:
        _say(document)
    raise typer.Exit(status)


def _say(document: dict[str, object]) -> None:
    from kobling.cli.show import say, say_rows

    kinds = ("in_step", "normalised", "accepted", "waiting", "different")
    counts = ", ".join(f"{document[kind]} {kind.replace('_', ' ')}" for kind in kinds)
    say(f"{document['checked']} checked: {counts}.")
    for words, key in ((_REASONS, "reasons"), (_DIFFERENCES, "differences")):
        rows: Any = document[key]
        if rows:
            say_rows([[one[name] for name in words] for one in rows], list(words.values()))
