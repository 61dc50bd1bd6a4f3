"""`kobling full-sync`: everything for the first time, in the right order, without duplicates."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kobling.cli.options import ConfigOption, JsonOption, MappingsArgument, Use, print_json
from kobling.cli.session import in_session
from kobling.cli.show import Document, note, progress_bar, say, say_job, say_rows, wait_notice

if TYPE_CHECKING:
    from kobling.model.full_synchronization import Line
    from kobling.service.session import Session

_TITLES = ("Mapping", "Recommendation", "BC", "Sales", "Coupled", "Waits for", "Status", "To", "From")


class YesNo(StrEnum):
    """An answer."""

    YES = "yes"
    NO = "no"


full_app = typer.Typer(no_args_is_help=True, help="All records of all mappings, for the first time.")


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    full_app.command("review")(full_review)
    full_app.command("start")(full_start)
    app.add_typer(full_app, name="full-sync")


def full_review(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What a full synchronization would do, a line for each mapping, and what the last one came to.

    Counts the records on both sides and writes nothing there.
    """
    from kobling.service.full_review import review

    async def work(session: Session) -> Document:
        with progress_bar(quiet=as_json) as progress:
            return await review(session, progress=progress)

    document = in_session(config, work)
    if as_json:
        print_json(document)
    else:
        _say_lines(document["lines"])


def full_start(
    mappings: MappingsArgument = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            "--leave-out", metavar="NAME", help="Not this one, and nobody waits for it; repeatable."
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also what is finished already.")] = False,
    create: Annotated[
        bool,
        typer.Option("--create", help="Create also what stands on both sides and found no partner there."),
    ] = False,
    use: Annotated[
        Use | None, typer.Option("--use", help="Whose values win where records are coupled.")
    ] = None,
    keep_creating: Annotated[
        YesNo | None,
        typer.Option(
            "--keep-creating", help="Whether jobs go on creating records; else asked at a terminal."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing before it starts.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Carries out what the review recommends, in order; run it again to go on after an interruption.

    Lines that are finished stay finished; a mapping that is named is carried out anew.
    """
    from kobling.service.full_synchronization import Full, Start

    request = Start(
        mappings=tuple(mappings or ()),
        left_out=tuple(leave_out or ()),
        again=again,
        create=create,
        use="" if use is None else use.value,
    )

    async def work(session: Session) -> tuple[Document, int]:
        with _bar(quiet=as_json) as show:
            say_each = (lambda job: None) if as_json else say_job
            full = Full(session, request, show=show, wait=wait_notice, say=say_each)
            chosen = await full.prepare(counting=lambda what, count: show(what, count, 0))
        if not chosen or not _agreed(chosen, ask=not (yes or as_json)):
            return {"lines": [], "jobs": [], "keep_creating": None}, 0
        with _bar(quiet=as_json) as show:
            full.show = show
            document = await full.carry_out(chosen)
        document["keep_creating"] = await _kept(session, document["lines"], keep_creating, ask=not as_json)
        return document, full.status

    document, status = in_session(config, work)
    if as_json:
        print_json(document)
    elif document["lines"]:
        _say_lines(document["lines"])
    else:
        note("Nothing was started. `kobling full-sync review` says why; --again takes finished lines, too.")
    raise typer.Exit(status)


def _agreed(chosen: Sequence[Line], *, ask: bool) -> bool:
    """Whether to start; asked only where a person sits."""
    if not ask or not _at_terminal():
        return True
    for line in chosen:
        say(f"{line.mapping}: {line.recommendation.value}")
    return typer.confirm(f"Start these {len(chosen)}?")


async def _kept(
    session: Session, lines: Sequence[Document], answer: YesNo | None, *, ask: bool
) -> bool | None:
    """Whether jobs may keep creating records; None where nobody has said, and all stays as it was."""
    from kobling.service.full_synchronization import keep_creating

    finished = [one["mapping"] for one in lines if one["status"] == "finished"]
    if answer is None and finished and ask and _at_terminal():
        keep = typer.confirm(f"May jobs go on creating records of {', '.join(finished)}?")
    elif answer is None:
        return None
    else:
        keep = answer is YesNo.YES
    if keep:
        await keep_creating(session, finished, wait=wait_notice)
    return keep


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _say_lines(lines: Sequence[Document]) -> None:
    rows = [
        (
            one["mapping"],
            one["recommendation"],
            *(f"{one[system]['records']} ({one[system]['uncoupled']} new)" for system in ("bc", "crm")),
            one["bc"]["coupled"],
            ", ".join(one["waits_for"]),
            one["status"],
            one["to"],
            one["from"],
        )
        for one in lines
    ]
    say_rows(rows, _TITLES)
    for one in lines:
        say(f"{one['mapping']}: {one['meaning']}{_more(one)}")


def _more(line: Document) -> str:
    jobs = f" Jobs: {', '.join(line['jobs'])}." if line["jobs"] else ""
    return f"{jobs} {line['message']}".rstrip() if line["message"] else jobs


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A line on stderr that says how far all of it is and how long the rest will take."""
    if quiet or not sys.stderr.isatty():
        yield lambda what, count, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    count = TextColumn("{task.completed} of {task.total} records, left:")
    columns = (TextColumn("{task.description}"), BarColumn(), count, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield show
