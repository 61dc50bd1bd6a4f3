"""`kobling undo`: what a job did is taken back."""

from __future__ import annotations

from typing import Annotated

import typer

from kobling.cli.options import ConfigOption, JsonOption
from kobling.cli.session import finish, in_session
from kobling.cli.show import say, wait_notice


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command()(undo)


def undo(
    job: Annotated[str, typer.Argument(metavar="JOB")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be taken back; write nothing.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes back what a job did, where nobody has touched it since: fields and created records."""
    from kobling.service.undo import undo_job

    document, status = in_session(
        config, lambda session: undo_job(session, job, dry_run=dry_run, wait=wait_notice)
    )
    words = "would be taken back" if dry_run else "is taken back"
    headline = f"Job {document['undone']} of {document['mapping']} {words}."
    if not document["actions"]:
        headline = f"Nothing of job {document['undone']} of {document['mapping']} is left to take back."
    if not as_json:
        say(headline)
        for one in document["left_out"]:
            say(f"  left out from now on: {one['record']}; to let it take part again: {one['cure']}")
    finish(document, status, as_json)
