"""`kobling verify`: whether what is coupled is in step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from kobling.cli.options import ConfigOption, JsonOption, MappingsArgument, print_json
from kobling.cli.session import in_session
from kobling.cli.show import Document, progress_bar, say_rows, say_verified

if TYPE_CHECKING:
    from kobling.service.session import Session

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
    "cure": "What to do",
}


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command()(verify)


def verify(
    mappings: MappingsArgument = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reads both sides afresh and compares every coupled pair; writes nothing."""
    from kobling.service.verify import verify as compare

    async def work(session: Session) -> tuple[Document, int]:
        with progress_bar(quiet=as_json) as progress:
            return await compare(session, mappings or (), progress=progress)

    document, status = in_session(config, work)
    if as_json:
        print_json(document)
    else:
        _say(document)
    raise typer.Exit(status)


def _say(document: Document) -> None:
    say_verified(document)
    for words, key in ((_REASONS, "reasons"), (_DIFFERENCES, "differences")):
        rows = document[key]
        if rows:
            say_rows([[one[name] for name in words] for one in rows], list(words.values()))
