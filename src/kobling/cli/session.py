"""What commands that work in a session share: how they open one, and how they answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from kobling.cli.options import print_json
from kobling.cli.show import Document, say, say_action, say_job, say_rows

if TYPE_CHECKING:
    from kobling.service.session import Session

_Result = TypeVar("_Result")


def in_session(config: Path | None, work: Callable[[Session], Awaitable[_Result]]) -> _Result:
    """Does the work in an open session."""
    import asyncio

    from kobling.service.configuration import read_configuration
    from kobling.service.session import open_session

    async def inside() -> _Result:
        async with open_session(read_configuration(config)) as session:
            return await work(session)

    return asyncio.run(inside())


def finish(document: Document, status: int, as_json: bool, headline: str = "") -> None:
    """Ends a command that ran jobs: its document, or a headline and what the jobs did or would do."""
    if as_json:
        print_json(document)
    else:
        if headline:
            say(headline)
        for action in document.get("actions", ()):
            say_action(action)
        for job in document.get("jobs", ()):
            say_job(job)
    raise typer.Exit(status)


def answer_rows(
    document: Document,
    key: str,
    titles: Mapping[str, str],
    as_json: bool,
    *,
    cell: Callable[[Any], object] = lambda value: value,
) -> None:
    """Answers with a list: its document, or the entries under `key` as a table. titles: by entry key."""
    if as_json:
        print_json(document)
    else:
        rows = [[cell(one[name]) for name in titles] for one in document[key]]
        say_rows(rows, list(titles.values()))
