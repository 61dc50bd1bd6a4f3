"""`kobling plan`: what a run would do is kept in a file, looked at, and carried out as it was seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kobling.cli.options import ConfigOption, JsonOption, MappingsArgument, RecordsOption
from kobling.cli.run import DirectionOption, EveryRecordOption, FullOption, Way
from kobling.cli.session import finish, in_session
from kobling.cli.show import progress_bar, say, wait_notice

if TYPE_CHECKING:
    from kobling.service.session import Session

plan_app = typer.Typer(no_args_is_help=True, help="Runs that are looked at before they are carried out.")
FileArgument = Annotated[Path, typer.Argument(metavar="FILE")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    plan_app.command("save")(plan_save)
    plan_app.command("apply")(plan_apply)
    app.add_typer(plan_app, name="plan")


def plan_save(
    file: FileArgument,
    mappings: MappingsArgument = None,
    full: FullOption = False,
    every_record: EveryRecordOption = False,
    direction: DirectionOption = Way.BOTH,
    record: RecordsOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Saves what a run would do, of every enabled mapping or of those that are named; writes nothing else."""
    from kobling.service.plan import save_plan
    from kobling.service.synchronize import Request

    request = Request(
        mappings=tuple(mappings or ()),
        full=full,
        every_record=every_record,
        direction=direction.value,
        records=tuple(record or ()),
    )

    async def work(session: Session) -> tuple[dict[str, Any], int]:
        with progress_bar(quiet=as_json) as progress:
            return await save_plan(session, file, request, progress=progress)

    document, status = in_session(config, work)
    finish(document, status, as_json, f"Saved {len(document['actions'])} actions in {document['file']}.")


def plan_apply(file: FileArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Carries out a saved plan and nothing else; what has changed since is refused by name."""
    from kobling.service.plan import apply_plan

    async def work(session: Session) -> tuple[dict[str, Any], int]:
        with progress_bar(quiet=as_json) as progress:
            return await apply_plan(session, file, progress=progress, wait=wait_notice)

    document, status = in_session(config, work)
    if not as_json:
        for one in document["refused"]:
            say(f"{one['mapping']}: refused: {one['record']}: {one['reason']}")
    finish(document, status, as_json)
