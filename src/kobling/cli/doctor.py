"""`kobling doctor`: what is wrong with an installation, and what to do about it."""

from __future__ import annotations

import typer

from kobling.cli.options import ConfigOption, JsonOption, one_line, print_json


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(doctor)


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Examines the installation: connection, users, database, inbox, schedule; each finding with its cure.

    Writes nothing to either service.
    """
    import asyncio
    from datetime import UTC, datetime

    from kobling.model.errors import ConfigurationError
    from kobling.service.configuration import read_configuration
    from kobling.service.doctor import examine, exit_status_of
    from kobling.service.finding import problem

    try:
        configuration = read_configuration(config)
        found = asyncio.run(examine(configuration, datetime.now(UTC).date()))
    except ConfigurationError as error:
        found = [problem("configuration", error.message, error.cure, error.exit_status)]
    status = exit_status_of(found)
    if as_json:
        checks = [
            {"name": one.name, "level": one.level.value, "message": one.message, "cure": one.cure}
            for one in found
        ]
        print_json({"ok": status == 0, "checks": checks})
    else:
        for one in found:
            words = f"{one.message}. {one.cure}" if one.cure else one.message
            print(f"{one.level.value:7} {one.name}: {one_line(words)}")
    raise typer.Exit(status)
