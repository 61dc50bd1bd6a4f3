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


def resume(
    on_start: Annotated[
        bool,
        typer.Option("--on-start", help="When the next worker starts, if the connection is in order then."),
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lets the connection write again; the next runs carry out what was left."""
    from kobling.service.pausing import resume as resume_connection
    from kobling.service.pausing import resume_on_start

    document = in_session(config, resume_on_start if on_start else resume_connection)
    if as_json:
        print_json(document)
    elif on_start and document["paused"]:
        say("The next worker that starts resumes, if the connection is in order then.")
    elif document["was"] is None:
        say("The connection was not paused.")
    else:
        say(f"Resumed. It was paused {document['was']}.")
