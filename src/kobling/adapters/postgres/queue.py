"""The job queue: Procrastinate in a schema of its own, in the same database.

A job carries out one entry of the schedule and ends, well or badly; it is never retried or scheduled ahead,
as that would block every later job of its lock. What is to be done again, the schedule queues again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition, Job, Status
from procrastinate.manager import JobManager

HEARTBEAT_SECONDS: Final = 2.0
STALLED_SECONDS: Final = 8.0
# A worker that stops gives what it has in hand so long, and its supervisor half a minute.
GRACE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 5.0
_POOL_MAX: Final = 8
# While the database is away, each step of an ending worker waits that long for a connection.
_POOL_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 1.0
_TASK: Final = "entry"
_BEFORE: Final = (
    "select count(*)::int from procrastinate_jobs where queue_name = %s and status in ('todo', 'doing')"
)
WORKERS_ALIVE: Final = (
    "select count(*) from procrastinate.procrastinate_workers"
    f" where last_heartbeat > now() - interval '{STALLED_SECONDS} seconds'"
)
# Procrastinate's names are not qualified.
_PATH: Final = "search_path = procrastinate, public"
_logger = logging.getLogger(__name__)

# What passes by itself once the database is back.
UNREACHABLE: Final = (ConnectorException, psycopg.OperationalError, OSError)

# Carries out an entry of a connection, both by their ids, for the job of that number.
CarryOut = Callable[[int, int, int], Awaitable[None]]


class _FairManager(JobManager):
    """Fetches no job of a connection that has its share of this worker in hand already."""

    share = 1

    def __init__(self, connector: PsycopgConnector) -> None:
        super().__init__(connector)
        self._in_hand: dict[str, int] = {}

    def begin(self) -> None:
        """A worker begins, with nothing in hand."""
        self._in_hand.clear()

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next job, or None where there is none that may begin."""
        open_ones = [one for one in queues or () if self._in_hand.get(one, 0) < self.share]
        job = await super().fetch_job(open_ones, worker_id) if open_ones else None
        if job is not None:
            self._in_hand[job.queue] = self._in_hand.get(job.queue, 0) + 1
        return job

    def ended(self, job: Job) -> None:
        """It is in hand no more."""
        self._in_hand[job.queue] = max(self._in_hand.get(job.queue, 0) - 1, 0)


class Queue:
    """The queues of some connections, by their ids. Make one with `open_queue`."""

    def __init__(self, app: App, manager: _FairManager, connections: Sequence[int]) -> None:
        self._app = app
        self._manager = manager
        self._connections = {name_of_queue(one): one for one in connections}
        # Jobs that ended here, and when, until the queue surely knows it, too: the database may have been
        # gone just then, and the heart of this worker goes on beating.
        self._over: dict[int, float] = {}

    async def put(
        self, database: psycopg.AsyncConnection[Any], connection: int, entry: int, lock: str
    ) -> int:
        """Queues an entry in the transaction in hand; the number of its job.

        The more a connection has queued and running, the later comes what it adds: connections take turns.
        """
        await database.execute(f"set local {_PATH}")
        name = name_of_queue(connection)
        before = await (await database.execute(_BEFORE, [name])).fetchone()
        assert before is not None
        task = self._app.configure_task(
            _TASK, queue=name, lock=lock, priority=-before[0], connection=database
        )
        number = await task.defer_async(entry=entry)
        await database.execute("set local search_path = default")
        return int(number)

    async def rescue(self, database: psycopg.AsyncConnection[Any]) -> None:
        """Ends the jobs of workers that are gone, and those of ours whose end was not noted."""
        manager = self._manager
        stalled = await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS)
        before = time.monotonic() - HEARTBEAT_SECONDS
        over = [number for number, ended in self._over.items() if ended < before]
        gone = {one.id for one in stalled if one.id is not None} | await live_jobs(database, over)
        for number in over:
            del self._over[number]
        for number in gone:
            _logger.warning("its worker is gone", extra={"queue_job": number})
            # Another worker may have ended it meanwhile.
            with contextlib.suppress(ConnectorException):
                await manager.finish_job_by_id_async(number, Status.FAILED, delete_job=True)

    async def work(self, carry_out: CarryOut, concurrency: int, stop: asyncio.Event) -> None:
        """Carries out jobs until told to stop; an outage of the database is outlived.

        Of several connections none takes up more than half of the concurrency.
        """
        alone = len(self._connections) == 1
        self._manager.share = concurrency if alone else max(1, concurrency // 2)

        @self._app.task(name=_TASK, pass_context=True)
        async def run(context: JobContext, entry: int) -> None:
            assert context.job.id is not None
            try:
                await carry_out(self._connections[context.job.queue], entry, context.job.id)
            finally:
                self._over[context.job.id] = time.monotonic()
                self._manager.ended(context.job)

        while not stop.is_set():
            try:
                await self._work_once(concurrency, stop)
            except UNREACHABLE as error:
                _logger.warning("the queue cannot be reached: %s", type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _PAUSE_SECONDS)

    async def _work_once(self, concurrency: int, stop: asyncio.Event) -> None:
        self._manager.begin()
        worker = asyncio.create_task(
            self._app.run_worker_async(
                queues=list(self._connections),
                concurrency=concurrency,
                fetch_job_polling_interval=_POLL_SECONDS,
                shutdown_graceful_timeout=GRACE_SECONDS,
                delete_jobs=DeleteJobCondition.ALWAYS.value,
                install_signal_handlers=False,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALLED_SECONDS,
            )
        )
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({worker, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker


@asynccontextmanager
async def open_queue(url: str, connections: Sequence[int]) -> AsyncIterator[Queue]:
    """The queues of these connections, in a database whose schema is up to date. Raises UnreachableError."""
    connector = PsycopgConnector(
        conninfo=url, min_size=1, max_size=_POOL_MAX, timeout=_POOL_SECONDS, configure=_configure
    )
    app = App(connector=connector)
    manager = _FairManager(connector)
    app.job_manager = manager
    async with app.open_async():
        yield Queue(app, manager, connections)


def name_of_queue(connection_id: int) -> str:
    """What Procrastinate calls the queue of a connection."""
    return f"connection-{connection_id}"


async def live_jobs(database: psycopg.AsyncConnection[Any], numbers: list[int]) -> set[int]:
    """Those of these jobs that are queued or carried out."""
    cursor = await database.execute(
        "select id from procrastinate.procrastinate_jobs where id = any(%s) and status in ('todo', 'doing')",
        [numbers],
    )
    return {row[0] async for row in cursor}


async def workers_alive(database: psycopg.AsyncConnection[Any]) -> int:
    """How many workers of the database have a heart that beats."""
    row = await (await database.execute(WORKERS_ALIVE)).fetchone()
    return 0 if row is None else int(row[0])


async def _configure(database: psycopg.AsyncConnection[Any]) -> None:
    before = database.autocommit
    await database.set_autocommit(True)
    await database.execute(f"set {_PATH}")
    await database.set_autocommit(before)
