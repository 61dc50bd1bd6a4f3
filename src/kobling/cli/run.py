"""`kobling sync`, and the jobs that ran."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from kobling.cli.options import ConfigOption, JsonOption, print_json


class Way(StrEnum):
    """Which way a run writes."""

    BOTH = "both"
    TO = "to"
    FROM = "from"


job_app = typer.Typer(no_args_is_help=True, help="The jobs that ran.")


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(sync)
    job_app.command("list")(job_list)
    job_app.command("show")(job_show)
    app.add_typer(job_app, name="job")


def sync(
    mappings: Annotated[list[str] | None, typer.Argument(metavar="[MAPPING]...")] = None,
    every_mapping: Annotated[bool, typer.Option("--all", help="Every enabled mapping.")] = False,
    full: Annotated[
        bool,
        typer.Option("--full", help="All records; uncoupled ones are created, whatever the mapping says."),
    ] = False,
    every_record: Annotated[
        bool, typer.Option("--every-record", help="All coupled pairs are compared; nothing is created.")
    ] = False,
    direction: Annotated[
        Way, typer.Option("--direction", help="to: into Sales only; from: into Business Central only.")
    ] = Way.BOTH,
    record: Annotated[
        list[str] | None, typer.Option("--record", metavar="ID", help="Only this record; may be repeated.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show exactly what a run would do; write nothing.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Synchronizes what changed since the last run, in both directions."""
    import asyncio

    from kobling.cli.show import progress_bar, say_action, say_full_warning, say_job, wait_notice
    from kobling.service.configuration import read_configuration
    from kobling.service.session import open_session
    from kobling.service.synchronize import Request, synchronize

    request = Request(
        mappings=tuple(mappings or ()),
        all=every_mapping,
        full=full,
        every_record=every_record,
        direction=direction.value,
        records=tuple(record or ()),
        dry_run=dry_run,
    )

    async def work() -> tuple[dict[str, object], int]:
        async with open_session(read_configuration(config)) as session:
            if full and not record:
                say_full_warning(await session.without_finder(request.mappings, every_mapping))
            with progress_bar(quiet=as_json) as progress:
                return await synchronize(session, request, progress=progress, wait=wait_notice)

    document, status = asyncio.run(work())
    if as_json:
        print_json(document)
    else:
        for action in document.get("actions", ()):  # type: ignore[attr-defined]
            say_action(action)
        for job in document["jobs"]:  # type: ignore[attr-defined]
            say_job(job)
    raise typer.Exit(status)


def job_list(
    mappings: Annotated[list[str] | None, typer.Argument(metavar="[MAPPING]...")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many, newest first.")] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The jobs that ran, newest first."""
    import asyncio

    from kobling.cli.show import counts_text, say_rows
    from kobling.service.configuration import read_configuration
    from kobling.service.session import open_session
    from kobling.service.waiting import list_jobs

    async def work() -> dict[str, object]:
        async with open_session(read_configuration(config)) as session:
            return await list_jobs(session, mappings or (), limit)

    document = asyncio.run(work())
    if as_json:
        print_json(document)
        return
    rows = [
        (
            one["job"],
            one["mapping"],
            one["kind"],
            one["status"],
            one["started"],
            counts_text(one["counts"]["to"]),
            counts_text(one["counts"]["from"]),
        )
        for one in document["jobs"]  # type: ignore[attr-defined]
    ]
    say_rows(rows, ("Job", "Mapping", "Kind", "Status", "Started", "To", "From"))


def job_show(
    job: Annotated[str, typer.Argument(metavar="JOB")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One job: what it did, and every error with what to do."""
    import asyncio

    from kobling.cli.show import say_job
    from kobling.service.configuration import read_configuration
    from kobling.service.session import open_session
    from kobling.service.waiting import show_job

    async def work() -> dict[str, object]:
        async with open_session(read_configuration(config)) as session:
            return await show_job(session, job)

    document = asyncio.run(work())
    if as_json:
        print_json(document)
    else:
        say_job(document)
