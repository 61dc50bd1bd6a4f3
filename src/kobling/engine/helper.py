"""Taking part in a job of another worker."""

from __future__ import annotations

import asyncio

from kobling.engine.created import recall
from kobling.engine.look_ups import bind_filters
from kobling.engine.synchronize import new_report
from kobling.engine.task import Context
from kobling.engine.worker import Worker
from kobling.model.state import Invitation

# What one worker has in hand, no other can take up; it lets go of it after a few batches.
_WAIT_SECONDS = 0.1


async def help_out(context: Context, invitation: Invitation, stop: asyncio.Event) -> int:
    """Settles what is due in the waves of that job until it wants nobody any more, or until told to stop; how
    many pairs. Raises what a run raises; what was in hand then is taken over by the others."""
    name, job = invitation.mapping, invitation.job
    report = context.reports[name] = new_report(name, "full" if invitation.full else "changes")
    report.job = job
    await bind_filters(context)
    await recall(context, name, job)
    worker = Worker(context, context.mappings[name], job, leads=False)
    async with worker.share.joined():
        while not stop.is_set() and (turn := await worker.share.turn()) is not None:
            if not await worker.take(turn, stop):
                await asyncio.sleep(_WAIT_SECONDS)
    return worker.done
