"""The life of the database: backups, going back to one, and forgetting one record."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from kobling.adapters.postgres import erasure
from kobling.adapters.postgres.archive import read_archive, write_archive
from kobling.adapters.postgres.examination import home
from kobling.adapters.postgres.generation import Generations
from kobling.engine.rebuild import RESTORED
from kobling.engine.synchronize import new_report
from kobling.model.errors import ConfigurationError
from kobling.service.configuration import Configuration
from kobling.service.database import database, explained
from kobling.service.identifiers import ids_in_state
from kobling.service.session import HOME, Document, Session, session_on

_KIND: Final = "erase"


async def back_up(configuration: Configuration, file: Path) -> Document:
    """Writes the whole database, all its connections, into a new file."""
    with explained(), database(configuration) as url:
        async with session_on(configuration, url):
            await write_archive(url, file)
    return {"file": str(file), "bytes": os.stat(file).st_size}


async def restore(configuration: Configuration, file: Path) -> Document:
    """Puts a backup in the place of what the database holds; the mappings whose couplings are to be rebuilt.

    Raises ConfigurationError, and nothing is changed then.
    """
    with explained(), database(configuration) as url:
        await read_archive(url, file)
        async with session_on(configuration, url) as session:
            return {"file": str(file), **await adopt(session)}


async def adopt(session: Session) -> Document:
    """This database goes on, wherever it was before; the mappings whose couplings are to be rebuilt."""
    names = sorted(await session.mappings())
    now = datetime.now(UTC).isoformat(timespec="seconds")
    async with session.state.together():
        await session.state.keep_mark(HOME, await home(session.state.database))
        for name in names:
            await session.state.keep_mark(f"{RESTORED}{name}", now)
    return {"rebuild": names}


async def erase_record(session: Session, name: str, text: str, *, wait: Callable[[str], None]) -> Document:
    """Forgets what is kept of a record and its partner in a mapping. Neither is created anew.

    Raises ConfigurationError for a record that is not known, and while a write to it is not settled.
    """
    store = await session.store(name)
    chosen = session.definition(name).name
    ids = sorted(await ids_in_state(store, text))
    if not ids:
        cure = "Give bc:GUID, crm:GUID, or the number of a coupled record."
        raise ConfigurationError(f"{chosen} knows no record {text!r}.", cure=cure)
    ids = sorted({*ids, *await _partners(session, chosen, ids)})
    data, number = session.state.database, await session.state.mapping_id(chosen)
    async with session.locked([chosen], wait):
        if await erasure.has_open_intents(data, number, ids):
            raise ConfigurationError(
                f"A run of {chosen} that is gone left a write to this record unsettled.",
                cure=f"Run it first, then erase: kobling sync {chosen!r}.",
            )
        async with session.state.together():
            job = await session.state.open_job(chosen, _KIND)
            found = await erasure.erase(data, number, ids)
            await Generations(data, number).leave_out([(one, str(job)) for one in ids])
            await session.state.close_job(job, "finished", new_report(chosen, _KIND))
    return {"mapping": chosen, "job": str(job), "records": ids, **found}


async def _partners(session: Session, name: str, ids: list[str]) -> set[str]:
    """What records that are not coupled any more were coupled with, as far as writes tell."""
    rows = await session.state.written(name, ids)
    return {row[key] for row in rows for key in ("bc_id", "crm_id")}
