"""Both services on two ports of one process."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import trustme
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kobling_sandbox import datasets
from kobling_sandbox.app import TRANSPORT, Endpoint
from kobling_sandbox.business_central import ENVIRONMENT, TENANT, BusinessCentral
from kobling_sandbox.controls import Sandbox
from kobling_sandbox.dataverse import Dataverse
from kobling_sandbox.exchange import decode_json, encode_json
from kobling_sandbox.plugins import Plugins
from kobling_sandbox.sides import Side
from kobling_sandbox.tokens import Tokens

HOST = "127.0.0.1"


class SettingError(Exception):
    """A setting of the server cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to serve. A port of 0 takes a free one."""

    business_central_port: int = 0
    dataverse_port: int = 0
    dataset: str = "demo"
    companies: int = 1
    tls: bool = False
    state: Path | None = None


class _Protocol(HttpToolsProtocol):
    """Lets a fault drop the connection: the transport goes along with each request."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[TRANSPORT] = self.transport  # type: ignore[literal-required]


def build(settings: Settings) -> Sandbox:
    """Both services with their rows: those of the state file if it exists, else those of the data set."""
    try:
        dataset = datasets.build(settings.dataset, companies=settings.companies)
    except ValueError as error:
        raise SettingError(str(error)) from None
    sides = []
    for make in (BusinessCentral, Dataverse):
        plugins = Plugins()
        service = make(plugins)
        service.load(dataset)
        service.ensure_user("kobling")
        sides.append(Side(service, plugins))
    sandbox = Sandbox(*sides)
    if settings.state is not None and settings.state.exists():
        _restore(sandbox, settings.state)
    return sandbox


def _restore(sandbox: Sandbox, path: Path) -> None:
    try:
        saved = decode_json(path.read_bytes())
        for side in sandbox.sides:
            side.service.store.restore(saved[side.service.name])
            side.service.store.clock.offset_seconds = float(saved[side.service.name]["offset_seconds"])
    except (OSError, msgspec.DecodeError, KeyError, TypeError, IndexError) as error:
        raise SettingError(f"the state file {path} cannot be read: {error!r}") from None


def save(sandbox: Sandbox, path: Path) -> None:
    """Writes the rows and clocks of both services; the file is replaced whole or not at all."""
    saved: dict[str, Any] = {}
    for side in sandbox.sides:
        store = side.service.store
        saved[side.service.name] = store.snapshot() | {"offset_seconds": store.clock.offset_seconds}
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    draft.write_bytes(encode_json(saved))
    draft.replace(path)


async def serve(settings: Settings, ready: Callable[[dict[str, Any]], None], stop: asyncio.Event) -> None:
    """Serves until `stop` is set. `ready` gets the addresses once both ports answer. Raises SettingError."""
    sandbox = await asyncio.to_thread(build, settings)
    tokens = Tokens()
    with contextlib.ExitStack() as stack:
        certificates = stack.enter_context(_certificates()) if settings.tls else None
        ports = (settings.business_central_port, settings.dataverse_port)
        sockets = [stack.enter_context(_listen(port)) for port in ports]
        servers = [
            uvicorn.Server(_config(Endpoint(side, sandbox, tokens), certificates)) for side in sandbox.sides
        ]
        await _run(servers, sockets, lambda: ready(_addresses(sockets, certificates)), stop)
        if settings.state is not None:
            save(sandbox, settings.state)


async def _run(
    servers: list[uvicorn.Server],
    sockets: list[socket.socket],
    ready: Callable[[], None],
    stop: asyncio.Event,
) -> None:
    tasks = [
        asyncio.create_task(server._serve(sockets=[each]))
        for server, each in zip(servers, sockets, strict=True)
    ]
    try:
        while not all(server.started for server in servers):
            if any(task.done() for task in tasks):
                break
            await asyncio.sleep(0.005)
        else:
            ready()
            waiting = asyncio.create_task(stop.wait())
            await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)


def _config(endpoint: Endpoint, certificates: "_Certificates | None") -> uvicorn.Config:
    files: dict[str, Any] = {}
    if certificates is not None:
        files = {"ssl_certfile": certificates.chain, "ssl_keyfile": certificates.key}
    return uvicorn.Config(
        endpoint,
        http=_Protocol,
        ws="none",
        lifespan="off",
        loop="uvloop",
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=120,
        # A delayed answer must not hold up the end of the process.
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=131_072,
        **files,
    )


def _listen(port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise SettingError(f"a port lies between 0 and 65535, not at {port}")
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise SettingError(f"port {port} cannot be used: {error.strerror}") from None
    listening.listen(256)
    return listening


@dataclass(frozen=True, slots=True)
class _Certificates:
    chain: str
    key: str
    authority: str


@contextlib.contextmanager
def _certificates() -> Any:
    """A certificate of an authority of its own, in files that go away with the server."""
    with tempfile.TemporaryDirectory(prefix="kobling-sandbox-") as folder:
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", HOST)
        chain, key, root = (os.path.join(folder, name) for name in ("chain.pem", "key.pem", "ca.pem"))
        for blob in issued.cert_chain_pems:
            blob.write_to_path(chain, append=True)
        issued.private_key_pem.write_to_path(key)
        authority.cert_pem.write_to_path(root)
        ssl.create_default_context(cafile=root)
        yield _Certificates(chain, key, root)


def _addresses(sockets: list[socket.socket], certificates: _Certificates | None) -> dict[str, Any]:
    scheme = "http" if certificates is None else "https"
    host = HOST if certificates is None else "localhost"
    business_central, dataverse = (f"{scheme}://{host}:{each.getsockname()[1]}/" for each in sockets)
    return {
        "business_central": business_central,
        "dataverse": dataverse,
        "token": f"{business_central}{TENANT}/oauth2/v2.0/token",
        "tenant": TENANT,
        "environment": ENVIRONMENT,
        "ca_file": None if certificates is None else certificates.authority,
    }


def stop_on_signals(stop: asyncio.Event) -> None:
    """Sets the event on SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
