"""`kobling database` and `kobling erase`: backups, and what is to be forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kobling.cli.options import ConfigOption, JsonOption, MappingArgument, RecordArgument, print_json
from kobling.cli.session import in_session
from kobling.cli.show import say, wait_notice

FileArgument = Annotated[Path, typer.Argument(metavar="FILE")]
database_app = typer.Typer(
    no_args_is_help=True, help="The database that holds the state: a backup, and back."
)


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    database_app.command("backup")(backup)
    database_app.command("restore")(restore)
    database_app.command("adopt")(adopt)
    app.add_typer(database_app, name="database")
    app.command()(erase)


def backup(file: FileArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Writes the whole database into a new file; runs may go on meanwhile. It holds personal data."""
    import asyncio

    from kobling.service.configuration import read_configuration
    from kobling.service.database_life import back_up

    document = asyncio.run(back_up(read_configuration(config), file))
    if as_json:
        print_json(document)
    else:
        say(f"{document['bytes']} bytes in {document['file']}.")


def restore(
    file: FileArgument,
    yes: Annotated[bool, typer.Option("--yes", help="What the database holds now is given up.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Goes back to a backup. Nobody else may use the database, and couplings are to be rebuilt after it."""
    import asyncio

    from kobling.model.errors import ConfigurationError
    from kobling.service.configuration import read_configuration
    from kobling.service.database_life import restore as restore_database

    if not yes:
        cure = "Say --yes. A backup of it first: kobling database backup FILE."
        raise ConfigurationError("What the database holds now would be given up.", cure=cure)
    document = asyncio.run(restore_database(read_configuration(config), file))
    if as_json:
        print_json(document)
    else:
        say(f"{document['file']} is restored.")
        _say_rebuild(document["rebuild"])


def adopt(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Lets a copy of a database go on, or one that was restored by other means; the former one must not."""
    from kobling.service.database_life import adopt as adopt_database

    document = in_session(config, adopt_database)
    if as_json:
        print_json(document)
    else:
        _say_rebuild(document["rebuild"])


def _say_rebuild(names: list[str]) -> None:
    say("Until what was coupled after the backup is found, nothing is created:")
    for name in names:
        say(f"  kobling coupling rebuild {name!r}")


def erase(
    mapping: MappingArgument,
    record: RecordArgument,
    yes: Annotated[bool, typer.Option("--yes", help="It cannot be taken back.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forgets what is kept of one record and its partner: values, names, the coupling. What happened stays.

    The records themselves stay in both systems: delete them there first.
    """
    from kobling.model.errors import ConfigurationError
    from kobling.service.database_life import erase_record

    if not yes:
        raise ConfigurationError("What is forgotten cannot be brought back.", cure="Say --yes.")
    document = in_session(config, lambda session: erase_record(session, mapping, record, wait=wait_notice))
    if as_json:
        print_json(document)
    else:
        counts = ", ".join(f"{document[one]} {one}" for one in ("couplings", "inbox", "writes", "errors"))
        say(f"{document['mapping']}: erased of {' and '.join(document['records'])}: {counts}.")
