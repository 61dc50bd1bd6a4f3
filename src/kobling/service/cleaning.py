"""Forgetting all that is kept of a connection, as for a company that was copied or is gone."""

from __future__ import annotations

import msgspec

from kobling.adapters.postgres import cleaning
from kobling.model.errors import ConfigurationError
from kobling.service.session import Document, Session


async def clean_connection(session: Session, name: str, *, yes: bool) -> Document:
    """Takes away the couplings, inbox, jobs, history, schedule and settings of a connection; the records of
    both services stay as they are, with the mark of the company.

    Raises ConfigurationError for a name that no connection has, while a run is under way, and, with what
    would go, without `yes`.
    """
    database = session.state.database
    known = await cleaning.connections(database)
    if name not in known:
        raise ConfigurationError(
            f"There is no connection {name!r} in this database.",
            cure=f"Name one of: {', '.join(known)}.",
        )
    async with database.transaction():
        busy = await cleaning.held(database, known[name])
        if busy:
            raise ConfigurationError(
                f"Of the connection {name!r} something is under way: {', '.join(busy)}.",
                cure="Wait until it has ended, or stop the worker; then clean the connection.",
            )
        found = await cleaning.contents(database, known[name])
        if not yes:
            raise ConfigurationError(_asked(name, found), cure="Add --yes to forget all of it, for good.")
        await cleaning.clean(database, known[name])
    return {"connection": name, "removed": msgspec.to_builtins(found)}


def _asked(name: str, found: cleaning.Contents) -> str:
    return (
        f"Of the connection {name!r} there would go {found.couplings} couplings, {found.inbox} records that"
        f" wait, {found.jobs} jobs with their history, {found.entries} entries of the schedule and"
        f" {found.settings} settings. No record of Business Central or Sales is touched."
    )
