"""`kobling sync`, and the jobs that ran."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kobling.cli.options import ConfigOption, JsonOption, MappingsArgument, RecordsOption, print_json
from kobling.cli.session import finish, in_session
from kobling.cli.show import counts_text, note, progress_bar, say_full_warning, say_job, say_rows, wait_notice

if TYPE_CHECKING:
    from kobling.service.session import Session


class Way(StrEnum):
    """Which way a run writes."""

    BOTH = "both"
    TO = "to"
    FROM = "from"


FullOption = Annotated[
    bool,
    typer.Option("--full", help="All records; uncoupled ones are created, whatever the mapping says."),
]
EveryRecordOption = Annotated[
    bool, typer.Option("--every-record", help="All coupled pairs are compared; nothing is created.")
]
DirectionOption = Annotated[
    Way, typer.Option("--direction", help="to: into Sales only; from: into Business Central only.")
]


class Allowed(StrEnum):
    """What a guard would stop, and a person means."""

    DELETIONS = "deletions"
    CHANGES = "changes"
    EMPTY = "empty"
    SCHEMA = "schema"
    MAPPING = "mapping"
    ALL = "all"


AllowOption = Annotated[
    list[Allowed] | None,
    typer.Option("--allow", help="Go on though this guard stops the run; may be repeated."),
]
job_app = typer.Typer(no_args_is_help=True, help="The jobs that ran.")


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(sync)
    job_app.command("list")(job_list)
    job_app.command("show")(job_show)
    job_app.command("purge")(job_purge)
    app.add_typer(job_app, name="job")


def sync(
    mappings: MappingsArgument = None,
    every_mapping: Annotated[bool, typer.Option("--all", help="Every enabled mapping.")] = False,
    full: FullOption = False,
    every_record: EveryRecordOption = False,
    direction: DirectionOption = Way.BOTH,
    record: RecordsOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show exactly what a run would do; write nothing.")
    ] = False,
    allow: AllowOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Synchronizes what changed since the last run, in both directions.

    With --record and --direction to or from, one side of these records is made to hold, whatever the other
    holds now; what that overwrites is said first.
    """
    from kobling.service.synchronize import Request, overwritten, synchronize

    request = Request(
        mappings=tuple(mappings or ()),
        all=every_mapping,
        full=full,
        every_record=every_record,
        direction=direction.value,
        records=tuple(record or ()),
        dry_run=dry_run,
        allow=tuple(one.value for one in allow or ()),
    )

    async def work(session: Session) -> tuple[dict[str, Any], int]:
        for one in await session.set_aside() if every_mapping else ():
            note(f"{one.words} {one.cure}")
        if full and not record:
            say_full_warning(await session.without_finder(request.mappings, every_mapping))
        for lost in await overwritten(session, request):
            note(f"overwrites {lost}")
        with progress_bar(quiet=as_json) as progress:
            return await synchronize(session, request, progress=progress, wait=wait_notice)

    document, status = in_session(config, work)
    finish(document, status, as_json)


def job_list(
    mappings: MappingsArgument = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many, newest first.")] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The jobs that ran, newest first."""
    from kobling.service.waiting import list_jobs

    document = in_session(config, lambda session: list_jobs(session, mappings or (), limit))
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
        for one in document["jobs"]
    ]
    say_rows(rows, ("Job", "Mapping", "Kind", "Status", "Started", "To", "From"))


def job_show(
    job: Annotated[str, typer.Argument(metavar="JOB")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One job: what it did, and every error with what to do."""
    from kobling.service.waiting import show_job

    document = in_session(config, lambda session: show_job(session, job))
    if as_json:
        print_json(document)
    else:
        say_job(document)


def job_purge(
    older_than: Annotated[
        int, typer.Option("--older-than", metavar="DAYS", min=0, max=36_500, help="Days since the job ended.")
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deletes old jobs, their errors and the history of what they wrote.

    The last job of a record that is skipped stays, and one that is not settled yet.
    """
    from kobling.service.waiting import purge_jobs

    document = in_session(config, lambda session: purge_jobs(session, older_than))
    if as_json:
        print_json(document)
    else:
        typer.echo(f"{document['purged']} jobs deleted, {document['kept']} kept as something needs them.")
