"""A served Business Central for the tests: a real HTTP server on a free port, and a plain client for it."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import uvicorn

from kobling_sandbox.app import Endpoint
from kobling_sandbox.datasets.setup import company_id
from kobling_sandbox.server import Settings, build
from kobling_sandbox.tokens import Tokens

ROOT = "/v2.0/sandbox/production"
EXTENSION = f"{ROOT}/api/kobling/sync/v1.0"
STANDARD = f"{ROOT}/api/v2.0"
COMPANY = f"companies({company_id(1)})"
STARTUP_SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: header names in lower case, the body decoded when it is JSON."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.body["error"]["code"])

    @property
    def message(self) -> str:
        """The text of an error."""
        return str(self.body["error"]["message"])


@dataclass(slots=True)
class Client:
    """A client of one port that is one person or the integration user."""

    port: int
    application: str = "astrid"
    _token: str = field(default="", repr=False)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request with a token; header names are given with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.raw(method, path, body, {"Authorization": f"Bearer {self.token()}", **named})

    def raw(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        """One request as it is: a body that is bytes or text is sent unchanged."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            data = body if isinstance(body, bytes | str | None) else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        named = {name.lower(): value for name, value in response.getheaders()}
        is_json = named.get("content-type", "").startswith("application/json") and text
        return Answer(response.status, named, json.loads(text) if is_json else text)

    def token(self) -> str:
        """The token of this application, asked for once."""
        if not self._token:
            form = f"grant_type=client_credentials&client_id={self.application}&client_secret=sandbox"
            form += "&scope=https%3A%2F%2Fapi.businesscentral.dynamics.com%2F.default"
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            self._token = self.raw("POST", "/sandbox/oauth2/v2.0/token", form, headers).body["access_token"]
        return self._token

    def control(self, name: str, body: Any = None, method: str = "POST") -> Any:
        """One test control."""
        answer = self.raw(method, f"/_sandbox/{name}", body or {}, {})
        assert answer.status == 200, answer
        return answer.body

    def get(self, set_name: str, query: str = "", *, route: str = EXTENSION, **headers: str) -> Answer:
        """Reads a set or a row of the demo company; the query is not yet percent-encoded."""
        mark = f"?{quote(query, safe='=&$,()')}" if query else ""
        return self.send("GET", f"{route}/{COMPANY}/{set_name}{mark}", **headers)

    def rows(self, set_name: str, query: str = "", *, route: str = EXTENSION) -> list[dict[str, Any]]:
        """The rows of a set."""
        answer = self.get(set_name, query, route=route)
        assert answer.status == 200, answer
        rows: list[dict[str, Any]] = answer.body["value"]
        return rows

    def one(self, set_name: str, key: str, value: str) -> dict[str, Any]:
        """The only row with this value."""
        (row,) = self.rows(set_name, f"$filter={key} eq '{value}'")
        return row

    def post(self, set_name: str, body: Any, *, route: str = EXTENSION, **headers: str) -> Answer:
        """Creates a row in the demo company."""
        return self.send("POST", f"{route}/{COMPANY}/{set_name}", body, **headers)

    def created(self, set_name: str, **values: Any) -> dict[str, Any]:
        """A new row, which must have been accepted."""
        answer = self.post(set_name, values)
        assert answer.status == 201, answer
        row: dict[str, Any] = answer.body
        return row

    def patch(
        self, set_name: str, identifier: str, body: Any, *, match: str = "*", route: str = EXTENSION
    ) -> Answer:
        """Changes a row; a blank `match` sends no condition."""
        headers = {"If_Match": match} if match else {}
        return self.send("PATCH", f"{route}/{COMPANY}/{set_name}({identifier})", body, **headers)

    def changed(self, set_name: str, identifier: str, **values: Any) -> dict[str, Any]:
        """A changed row; the change must have been accepted."""
        answer = self.patch(set_name, identifier, values)
        assert answer.status == 200, answer
        row: dict[str, Any] = answer.body
        return row

    def delete(self, set_name: str, identifier: str, **headers: str) -> Answer:
        """Deletes a row."""
        return self.send("DELETE", f"{EXTENSION}/{COMPANY}/{set_name}({identifier})", **headers)

    def batch(self, requests: list[dict[str, Any]], *, route: str = EXTENSION, **headers: str) -> Answer:
        """Sends a JSON batch."""
        return self.send("POST", f"{route}/$batch", {"requests": requests}, **headers)


@contextmanager
def served(dataset: str = "demo", *, companies: int = 1) -> Iterator[Client]:
    """A client of Business Central's port, served in a thread with this data set."""
    with served_both(dataset, companies=companies) as (client, _):
        yield client


@contextmanager
def served_both(dataset: str = "demo", *, companies: int = 1) -> Iterator[tuple[Client, Client]]:
    """Clients of both ports; both services are served in threads, on free ports."""
    sandbox = build(Settings(dataset=dataset, companies=companies))
    tokens = Tokens()
    with ExitStack() as stack:
        ports = [stack.enter_context(_listening(Endpoint(side, sandbox, tokens))) for side in sandbox.sides]
        yield Client(ports[0]), Client(ports[1])


@contextmanager
def _listening(application: Endpoint) -> Iterator[int]:
    config = uvicorn.Config(application, port=0, log_level="error", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    started = threading.Event()
    startup = server.startup

    async def startup_and_tell(*arguments: Any, **named: Any) -> None:
        await startup(*arguments, **named)
        started.set()

    server.startup = startup_and_tell  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert started.wait(STARTUP_SECONDS_MAX), "the server did not start"
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def part(method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    """One operation of a batch on a set or row of the demo company."""
    headers = {"Content-Type": "application/json", **more.pop("headers", {})}
    return {
        "method": method,
        "url": f"{COMPANY}/{path}",
        "headers": headers,
        **({} if body is None else {"body": body}),
        **more,
    }
