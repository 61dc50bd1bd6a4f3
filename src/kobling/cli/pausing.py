"""`kobling pause` and `kobling resume`: all writes of a connection at once."""

from __future__ import annotations

from typing import Annotated

import typer

from kobling.cli.options import ConfigOption, JsonOption, print_json
from kobling.cli.session import in_session
from kobling.cli.show import say


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(pause)
    app.command()(resume)


def pause(
    reason: Annotated[str, typer.Option("--reason", help="Why; told to whoever meets it.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stops all writes of the connection; a run that is under way stops at its next batch."""
    from kobling.service.pausing import pause as pause_connection

    document = in_session(config, lambda session: pause_connection(session, reason))
    if as_json:
        print_json(document)
    else:
        say(f"Paused {document['paused']}. Nothing is written until `kobling resume`.")


def resume(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Lets the connection write again; the next runs carry out what was left."""
    from kobling.service.pausing import resume as resume_connection

    document = in_session(config, resume_connection)
    if as_json:
        print_json(document)
    elif document["was"] is None:
        say("The connection was not paused.")
    else:
        say(f"Resumed. It was paused {document['was']}.")
