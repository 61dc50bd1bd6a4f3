"""`kobling init` and `kobling connection test`: from nothing to a connection that is known to work."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from kobling.cli import connection
from kobling.cli.options import ConfigOption, JsonOption, one_line, print_json

if TYPE_CHECKING:
    from kobling.service.checks import Checked
    from kobling.service.initial import Ports

_PORT_MAX = 65_535

connection_app = typer.Typer(no_args_is_help=True, help="The connection of both services and the database.")


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(init)
    connection_app.command("test")(connection_test)
    connection.register(connection_app)
    app.add_typer(connection_app, name="connection")


def init(
    config: ConfigOption = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="For a running kobling-sandbox; needs both ports.")
    ] = False,
    bc_port: Annotated[
        int | None, typer.Option("--bc-port", min=1, max=_PORT_MAX, help="The sandbox's Business Central.")
    ] = None,
    crm_port: Annotated[
        int | None, typer.Option("--crm-port", min=1, max=_PORT_MAX, help="The sandbox's Dataverse.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Writes a configuration file to fill in, or a complete one for a running sandbox; asks nothing."""
    from kobling.service.configuration import configuration_path
    from kobling.service.initial import write_initial

    ports = _ports(sandbox, bc_port, crm_port)
    path = configuration_path(config)
    written = write_initial(path, ports, replace=force)
    named = "" if config is None else f" --config {shlex.quote(str(config))}"
    following = f"kobling connection test{named}"
    if as_json:
        print_json({"written": [str(one) for one in written], "next": following})
        return
    for one in written:
        print(f"Wrote {one}.")
    print("Next: " + ("" if sandbox else "fill in what is empty there, then run ") + f"`{following}`.")


def _ports(sandbox: bool, bc_port: int | None, crm_port: int | None) -> Ports | None:
    if not sandbox:
        if bc_port is not None or crm_port is not None:
            raise typer.BadParameter("--bc-port and --crm-port belong to --sandbox; add it.")
        return None
    if bc_port is None or crm_port is None:
        raise typer.BadParameter(
            "--sandbox needs --bc-port and --crm-port: the ports that `kobling-sandbox serve` printed."
        )
    from kobling.service.initial import Ports

    return Ports(bc=bc_port, crm=crm_port)


def connection_test(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Tests both services and the database, step by step; goes on behind a failure."""
    checked = _checked(config)
    if as_json:
        print_json({"ok": checked.ok, "checks": checked.checks})
    else:
        for check in checked.checks:
            between = ". " if check.ok and check.cure else " "
            words = f"{check.message}{between}{check.cure}"
            state = "FAILED" if not check.ok else "look" if check.cure else "ok"
            print(f"{state:6} {check.name}: {one_line(words.strip())}")
    if not checked.ok:
        raise typer.Exit(checked.exit_status)


def _checked(config: ConfigOption) -> Checked:
    import asyncio

    from kobling.model.errors import ConfigurationError
    from kobling.service.checks import Check, Checked, check_connection
    from kobling.service.configuration import read_configuration

    try:
        configuration = read_configuration(config)
    except ConfigurationError as error:
        wrong = Check(name="configuration", ok=False, message=error.message, cure=error.cure)
        return Checked(checks=(wrong,), exit_status=error.exit_status)
    checked = asyncio.run(check_connection(configuration))
    read = Check(name="configuration", ok=True, message=str(configuration.path))
    return Checked(checks=(read, *checked.checks), exit_status=checked.exit_status)
