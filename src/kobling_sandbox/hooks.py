"""Notifications of changes: subscriptions of Business Central, and web hooks as Dataverse posts them.

Both are told at once and once; a real Business Central waits half a minute and tries again. What is told
names the table, never the data.
"""

import asyncio
import json
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from kobling_sandbox.exchange import Request, Response, json_response
from kobling_sandbox.store import Store, format_time

_LIFE = timedelta(days=3)
_SECONDS_MAX = 10.0


@dataclass(slots=True)
class Hooks:
    """Whom one side tells. rows: subscriptions by id; posted: tasks that are under way."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: list[dict[str, Any]] = field(default_factory=list)
    posted: set[asyncio.Task[None]] = field(default_factory=set)

    def reset(self) -> None:
        """Nobody is told any more."""
        self.rows.clear()
        self.endpoints.clear()

    def tell(self, store: Store) -> None:
        """Tells of the tables that have changed since the last time."""
        changed, store.changed = store.changed, set()
        if not changed or not (self.rows or self.endpoints):
            return
        for url, body in [*self._subscribed(changed, store), *self._hooked(changed)]:
            task = asyncio.create_task(_post_quietly(url, body))
            self.posted.add(task)
            task.add_done_callback(self.posted.discard)

    def _subscribed(self, changed: set[tuple[str, str]], store: Store) -> list[tuple[str, dict[str, Any]]]:
        now = store.clock.text()
        return [
            (row["notificationUrl"], {"value": [_notification(row, now)]})
            for row in self.rows.values()
            if row["expirationDateTime"] > now and any(_is_about(row, *one) for one in changed)
        ]

    def _hooked(self, changed: set[tuple[str, str]]) -> list[tuple[str, dict[str, Any]]]:
        return [
            (
                f"{one['url']}?{urlencode({'code': one['key']})}",
                {"MessageName": "Update", "PrimaryEntityName": table, "Mode": 1},
            )
            for one in self.endpoints
            for table, _ in sorted(changed)
        ]


def _is_about(row: dict[str, Any], table: str, company: str) -> bool:
    place = row["resource"].lower()
    return place.endswith(f"/{row['set'].lower()}") and row["table"] == table and company.lower() in place


def _notification(row: dict[str, Any], now: str) -> dict[str, Any]:
    return {
        "subscriptionId": row["subscriptionId"],
        "clientState": row["clientState"],
        "expirationDateTime": row["expirationDateTime"],
        "resource": row["resource"].lstrip("/"),
        "changeType": "updated",
        "lastModifiedDateTime": now,
    }


async def answer_subscriptions(
    hooks: Hooks, store: Store, request: Request, key: str, table_of: dict[str, str]
) -> Response:
    """Lists, makes, renews or removes subscriptions. table_of: table names by the set's name."""
    if request.method == "GET":
        return json_response(200, {"value": [_shown(one) for one in hooks.rows.values()]})
    if request.method == "DELETE":
        return Response(204 if hooks.rows.pop(key, None) else 404)
    body = json.loads(request.body or b"{}")
    row = hooks.rows.get(key)
    if request.method == "PATCH" and row is None:
        return json_response(404, _error("NotFound", "There is no such subscription."))
    if row is None:
        name = str(body.get("resource", "")).rsplit("/", 1)[-1]
        if name not in table_of:
            return json_response(400, _error("BadRequest", "The resource cannot be subscribed to."))
        row = {"subscriptionId": uuid.uuid4().hex, "set": name, "table": table_of[name]}
    token = uuid.uuid4().hex
    url = f"{body.get('notificationUrl')}?validationToken={quote(token)}"
    try:
        answer = await _post(url, {})
    except (OSError, ValueError):
        answer = ""
    if answer.strip() != token:
        return json_response(400, _error("BadRequest", "The handshake failed."))
    given = {name: str(body.get(name, "")) for name in ("notificationUrl", "resource", "clientState")}
    expires = format_time(store.clock.now() + _LIFE, 3)
    hooks.rows[row["subscriptionId"]] = row | given | {"expirationDateTime": expires}
    made = _shown(hooks.rows[row["subscriptionId"]])
    return json_response(201 if request.method == "POST" else 200, made)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {"@odata.etag": 'W/"1"'} | {key: one for key, one in row.items() if key not in {"set", "table"}}


def _error(code: str, text: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": text}}


async def _post_quietly(url: str, body: dict[str, Any]) -> None:
    try:
        await _post(url, body)
    except (OSError, ValueError):
        return


async def _post(url: str, body: dict[str, Any]) -> str:
    def send() -> str:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=_SECONDS_MAX) as answer:  # noqa: S310
            return str(answer.read().decode())

    return await asyncio.to_thread(send)
