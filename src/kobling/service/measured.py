"""What the metrics say: what the database tells, and what ends some day."""

from __future__ import annotations

from typing import Final

from kobling.adapters.postgres.measures import QUERIES, measures
from kobling.service.expiries import expiries
from kobling.service.schedule import schedule_store
from kobling.service.session import Session

_DAYS_LEFT: Final = "kobling_days_left"
# Every metric that is measured.
MEASURED: Final = frozenset({*QUERIES, _DAYS_LEFT})


async def measured(session: Session) -> dict[str, list[tuple[tuple[str, ...], float]]]:
    """(labels, value) by metric."""
    found = await measures(session.state.database, session.state.connection_id)
    now = await schedule_store(session).now()
    found[_DAYS_LEFT] = [((one.subject,), one.days_left(now)) for one in await expiries(session, now)]
    return found
