"""`kobling schedule`: the job queue entries of the mappings."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kobling.cli.options import ConfigOption, JsonOption, MappingArgument, MappingsArgument, print_json
from kobling.cli.run import FullOption
from kobling.cli.session import in_session
from kobling.cli.show import note, say, say_rows

_TITLES = {
    "name": "Entry",
    "status": "Status",
    "next_start": "Next start",
    "every_minutes": "Every (min)",
    "inactivity_minutes": "Inactivity (min)",
    "attempts": "Attempts",
    "category": "Category",
}
_ACTIVE = frozenset({"Ready", "In Process", "Waiting", "On Hold Due to Inactivity"})

schedule_app = typer.Typer(
    no_args_is_help=True, help="When which mapping runs; `kobling worker` and `kobling serve` carry it out."
)


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    schedule_app.command("list")(schedule_list)
    schedule_app.command("set")(schedule_set)
    schedule_app.command("hold")(schedule_hold)
    schedule_app.command("ready")(schedule_ready)
    schedule_app.command("run")(schedule_run)
    app.add_typer(schedule_app, name="schedule")


def schedule_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The job queue entries: one for each mapping, and the runs that were asked for."""
    from kobling.service.schedule import list_entries

    document = in_session(config, list_entries)
    _answer(document, as_json)
    if not as_json:
        recurring = [one for one in document["entries"] if one["recurring"]]
        active = sum(one["status"] in _ACTIVE for one in recurring)
        say(f"{active} of {len(recurring)} recurring entries are active.")


def schedule_set(
    mapping: MappingArgument,
    edits: Annotated[list[str], typer.Argument(metavar="key=value...")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Changes when the entry of a mapping runs; key=default takes a change back.

    The keys are every_minutes, inactivity_minutes, attempts, delay_seconds, category, days, hours, time_zone.
    """
    from kobling.service.schedule import set_timing

    _answer(in_session(config, lambda session: set_timing(session, mapping, edits)), as_json)


def schedule_hold(
    mappings: MappingsArgument = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Puts the entries of these mappings, or all, on hold. What runs goes on to its end."""
    from kobling.service.schedule import hold_entries

    _answer(in_session(config, lambda session: hold_entries(session, mappings or ())), as_json)


def schedule_ready(
    mappings: MappingsArgument = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Sets the entries of these mappings, or all, going: they start at once, or when their hours begin."""
    from kobling.service.schedule import ready_entries

    _answer(in_session(config, lambda session: ready_entries(session, mappings or ())), as_json)


def schedule_run(
    mapping: MappingArgument,
    full: FullOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Queues one run of a mapping and returns; a worker carries it out."""
    from kobling.service.schedule import ask_for_run

    _answer(in_session(config, lambda session: ask_for_run(session, mapping, full=full)), as_json)
    if not as_json:
        note("A worker takes it up; `kobling worker` starts one.")


def _answer(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    say_rows([[one[name] for name in _TITLES] for one in document["entries"]], list(_TITLES.values()))
    for one in document["entries"]:
        if one["message"]:
            say(f"  {one['mapping']}: {one['message']}")
