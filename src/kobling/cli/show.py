"""What the commands print for people; with --json one document on stdout and nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

Document = dict[str, Any]
_SYSTEMS = {"bc": "Business Central", "crm": "Sales"}
_WAYS = {"to": "To integration table", "from": "From integration table"}


def say(text: str = "") -> None:
    """A line for a person, on stdout."""
    print(text)


def note(text: str) -> None:
    """A line beside the output, on stderr."""
    print(text, file=sys.stderr)


def wait_notice(name: str) -> None:
    """Somebody else holds the mapping."""
    note(f"{name} is being synchronized by another run; waiting for it to end.")


def counts_text(counts: dict[str, int]) -> str:
    """The counters that are not zero, in words."""
    return ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "nothing"


def say_job(job: Document) -> None:
    """What a job did, per direction, and what went wrong."""
    head = f"{job['mapping']}{' (observed, nothing is written)' if job.get('observed') else ''}: "
    for way, words in _WAYS.items():
        if any(job["counts"][way].values()):
            say(f"{head}{words}: {counts_text(job['counts'][way])}.")
            head = " " * len(head)
    if head.strip():
        say(f"{head}nothing to do.")
    say_errors(job["errors"])
    say_errors(job["warnings"])
    still = {word: number for word, number in job["open"].items() if number and word != "clearable"}
    if still:
        say(f"  still open: {counts_text(still)}")


def say_links(document: Document) -> None:
    """Where the record of each system is opened, as far as it is known."""
    for key, system in _SYSTEMS.items():
        if document[f"{key}_url"]:
            say(f"{system}: {document[f'{key}_url']}")


def say_full_warning(names: Sequence[str]) -> None:
    """A full run over two filled sides makes a second record of what stands on both and is not coupled."""
    if names:
        note(
            f"{', '.join(names)}: a full run creates every uncoupled record on the other side, also those"
            " that stand there already. Couple them first: kobling couple-match."
        )


def say_action(action: Document) -> None:
    """One action of a dry run: a line for the record, and one for each field with its reason."""
    lines = [
        f"{_SYSTEMS[one['system']]}: {one['field']} {_cell(one['before'])!r} -> {_cell(one['after'])!r}"
        f" ({one['reason']})"
        for one in action["changes"]
    ]
    lines += [f"conflict: {field}" for field in action["contested"]]
    lines += [f"held: {field}" for field in action["held"]]
    lines += [f"open: {one['field'] or 'the record'} ({one['reason']})" for one in action["open"]]
    say(f"{action['mapping']}: {action['action']} {action['record']}: {action['reason']}")
    for line in lines:
        say(f"  {line}")


def say_verified(document: Document) -> None:
    """How many pairs were compared, and what they came to."""
    kinds = ("in_step", "normalised", "accepted", "waiting", "different")
    counts = ", ".join(f"{document[kind]} {kind.replace('_', ' ')}" for kind in kinds)
    say(f"{document['checked']} checked: {counts}.")


def say_errors(errors: Sequence[Document]) -> None:
    """Each error in one line, with what to do."""
    for error in errors:
        say(f"  {error['message']}. {error['cure']}")


def say_rows(rows: Sequence[Sequence[object]], titles: Sequence[str]) -> None:
    """A plain table; nothing but its titles where there are no rows."""
    texts = [[_cell(one) for one in row] for row in [titles, *rows]]
    widths = [max(len(row[at]) for row in texts) for at in range(len(titles))]
    for row in texts:
        say("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    """A value as one line of text."""
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return " ".join(str(value).split())


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else str(value)


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[str, int], None]]:
    """A line on stderr that says how far the work is; silent where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield lambda what, count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    count = TextColumn("{task.completed} records")
    columns = (TextColumn("{task.description}"), BarColumn(), count, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(what: str, count: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=None)
            bar.update(tasks[what], completed=count)

        yield show
