"""A pooler in transaction mode: a client has a session of the server for the time of a transaction."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_READY, _IDLE = b"Z", b"I"
_ENCRYPTION_CODES = {80877103, 80877104}

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Pooler:
    """Sessions are kept in the order in which they came back, the last one first."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._free: list[Streams] = []
        self._all: list[Streams] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            start = await self._start(reader, writer)
            session = await self._session(start)
            writer.write(await _until_ready(session[0]))
            self._free.append(session)
            await self._talk(reader, writer, start)
        writer.close()

    async def _start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        while True:
            head = await reader.readexactly(8)
            body = await reader.readexactly(int.from_bytes(head[:4], "big") - 8)
            if int.from_bytes(head[4:], "big") not in _ENCRYPTION_CODES:
                return head + body
            writer.write(b"N")

    async def _session(self, start: bytes) -> Streams:
        """A new session of the server; its greeting is still to be read."""
        streams = await asyncio.open_unix_connection(self._socket)
        streams[1].write(start)
        self._all.append(streams)
        return streams

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, start: bytes) -> None:
        taken: Streams | None = None
        try:
            while True:
                message = await _message(reader)
                if message[:1] == b"X":
                    return
                if taken is None:
                    taken = await self._take(start)
                taken[1].write(message)
                # Simple queries and the end of extended ones are answered up to 'ready'.
                if message[:1] in b"QS":
                    answer = await _until_ready(taken[0])
                    writer.write(answer)
                    if answer[-1:] == _IDLE:
                        self._free.append(taken)
                        taken = None
        finally:
            if taken is not None:
                taken[1].close()

    async def _take(self, start: bytes) -> Streams:
        if self._free:
            return self._free.pop()
        session = await self._session(start)
        await _until_ready(session[0])
        return session

    def close(self) -> None:
        for _, writer in self._all:
            writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(int.from_bytes(head[1:], "big") - 4)


async def _until_ready(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while True:
        message = await _message(reader)
        answer += message
        if message[:1] == _READY:
            return answer


@contextmanager
def transaction_pooler(url: str) -> Iterator[str]:
    """The URL of a pooler before the server of `url`, which listens on a socket file."""
    parts = conninfo_to_dict(url)
    loop, started, port = asyncio.new_event_loop(), threading.Event(), [0]
    pooler = _Pooler(f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}")
    ended = asyncio.Event()

    async def run() -> None:
        server = await asyncio.start_server(pooler.serve, "127.0.0.1", 0)
        port[0] = server.sockets[0].getsockname()[1]
        started.set()
        await ended.wait()
        server.close()
        pooler.close()

    thread = threading.Thread(target=loop.run_until_complete, args=[run()])
    thread.start()
    started.wait()
    try:
        given = {name: value for name, value in parts.items() if name in {"user", "dbname", "password"}}
        asked = make_conninfo(**given)  # type: ignore[arg-type]
        user, name = conninfo_to_dict(asked)["user"], conninfo_to_dict(asked)["dbname"]
        yield f"postgresql://{user}@127.0.0.1:{port[0]}/{name}"
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()
