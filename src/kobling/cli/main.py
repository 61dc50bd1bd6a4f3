"""The command line. Heavy imports stand inside the commands, so that help answers at once."""

from __future__ import annotations

import gc
import io
import os
import sys

import typer

import kobling
from kobling.cli import (
    alert,
    database,
    doctor,
    document,
    explanations,
    field,
    full_synchronization,
    mapping,
    option,
    pausing,
    plan,
    records,
    run,
    schedule,
    serving,
    setup,
    template,
    undo,
    verify,
    waiting,
)
from kobling.cli.options import ConfigOption, JsonOption, one_line
from kobling.model.errors import KoblingError

app = typer.Typer(
    name="kobling",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Keeps Business Central and Dynamics 365 Sales records coupled and in step.",
)

_DEBUG = "KOBLING_DEBUG"
_INTERRUPTED = 130
_READER_GONE = 141
_BUG = 70
_OBJECTS_BETWEEN_LOOKS = 300_000


def main() -> None:
    """Runs a command; an error that a person can mend is one line on stderr and its exit status.

    Exit status beside those of the commands: 130 interrupted, 141 nobody reads our output any more, 70 a bug.
    """
    # Imports and runs make objects by the million and hardly a circle among them; looking for circles after
    # every few hundred costs a quarter of a run's time.
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS, 50, 50)
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show is better shown in part than not at all.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_run())


def _run() -> int:
    try:
        status = app(standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        return _usage(error)
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except SystemExit as end:
        # Typer ends by itself when nobody reads.
        if isinstance(end.__context__, BrokenPipeError):
            return _reader_gone()
        raise
    except Exception as error:
        return _told(error)
    return status if isinstance(status, int) else 0


def _usage(error: typer.TyperException) -> int:
    text = error.format_message()
    # Without a command the message is the help itself.
    if "\n" not in text.strip():
        text = f"kobling: {one_line(text).rstrip('.')}. See `kobling --help`."
    print(text, file=sys.stderr)
    return error.exit_code


def _reader_gone() -> int:
    # What is still buffered would fail once more at the end of the process.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    return _READER_GONE


def _told(error: Exception) -> int:
    """Says what went wrong; its exit status."""
    if os.environ.get(_DEBUG) == "1":
        import traceback

        traceback.print_exception(error)
    known = error if isinstance(error, KoblingError) else _of_the_database(error)
    if known is not None:
        print(f"kobling: {one_line(str(known))}", file=sys.stderr)
        for line in known.excerpt or ():
            print(f"  {line}", file=sys.stderr)
        return known.exit_status
    # Its text is left out: nobody has looked at what may stand in it.
    print(
        f"kobling: this is a bug: {type(error).__name__} {_place(error)}. Report it to the project's issue "
        f"tracker with what {_DEBUG}=1 prints, personal data left out.",
        file=sys.stderr,
    )
    return _BUG


def _of_the_database(error: Exception) -> KoblingError | None:
    if "psycopg" not in sys.modules:
        return None
    from kobling.service.database import database_error

    return database_error(error)


def _place(error: Exception) -> str:
    """The innermost place in our own files."""
    place, step = "", error.__traceback__
    while step is not None:
        name = step.tb_frame.f_globals.get("__name__", "")
        if name.startswith("kobling."):
            place = f"in {name} line {step.tb_lineno}"
        step = step.tb_next
    return place


def _version(asked: bool) -> None:
    if asked:
        print(kobling.__version__)
        raise typer.Exit


@app.callback()
def _root(
    config: ConfigOption = None,
    as_json: JsonOption = False,
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


for group in (
    setup,
    mapping,
    field,
    doctor,
    full_synchronization,
    option,
    template,
    run,
    plan,
    records,
    waiting,
    verify,
    explanations,
    schedule,
    alert,
    database,
    serving,
    undo,
    pausing,
    document,
):
    group.register(app)
