"""What workers delete by themselves."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from kobling.service.schedule import schedule_store
from kobling.service.session import Session

_EVERY: Final = timedelta(days=1)
_PURGED: Final = "purged"
_logger = logging.getLogger(__name__)


async def purge_daily(session: Session) -> None:
    """Purges old jobs once a day, by whoever of all workers comes first, if the configuration says so."""
    days = session.configuration.retention.job_days
    if not days:
        return
    async with schedule_store(session).changing() as now:
        purged = (await session.state.marks()).get(_PURGED)
        if purged is not None and now < datetime.fromisoformat(purged) + _EVERY:
            return
        await session.state.keep_mark(_PURGED, now.isoformat())
    gone, kept = await session.state.purge_jobs(days)
    _logger.info("purged old jobs", extra={"jobs": gone, "kept": kept})
