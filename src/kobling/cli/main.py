"""The command line. Heavy imports stand inside the commands, so that help answers at once."""

from __future__ import annotations

import sys

import typer

import kobling
from kobling.model.errors import KoblingError

app = typer.Typer(
    name="kobling",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Keeps Business Central and Dynamics 365 Sales records coupled and in step.",
)


def main() -> None:
    """Runs a command; an error that a person can mend is one line on stderr and its exit status."""
    try:
        app()
    except KoblingError as error:
        print(f"kobling: {error}", file=sys.stderr)
        sys.exit(error.exit_status)


def _version(asked: bool) -> None:
    if asked:
        print(kobling.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Options of every command."""


@app.command()
def demo(
    once: bool = typer.Option(False, "--once", help="End by itself, and remove what it started."),
) -> None:
    """The main job on the sandbox: couples its customers and accounts and keeps them in step."""
    from kobling.cli.demo import run_demo

    run_demo(once=once)
