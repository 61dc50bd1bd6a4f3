"""Subscriptions of Business Central: it posts where a table has changed. They live for three days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import msgspec

from kobling.adapters.business_central.service import API
from kobling.adapters.odata.answer import refused
from kobling.adapters.odata.http import Door

_NAME: Final = "Business Central"
_CURE: Final = "Check [web] public_url: Business Central must reach kobling there, over https."


class _Row(msgspec.Struct, rename="camel"):
    subscription_id: str
    resource: str = ""
    notification_url: str = ""
    expiration_date_time: str = ""


class _Rows(msgspec.Struct):
    value: list[_Row]


class Subscriptions:
    """Those of one company. `root` ends in `/v2.0/{tenant}/{environment}`."""

    def __init__(self, door: Door, root: str, company_id: str) -> None:
        self._door = door
        self._place = f"{root}{API}/subscriptions"
        self._company = f"{API}/companies({company_id})"

    async def keep(self, routes: Sequence[str], url: str, secret: str, before: timedelta) -> datetime | None:
        """One subscription to each of these sets, to be told at `url` with the secret as client state. Those
        that end within `before` are renewed. When the first of them ends, None where there is none. Raises
        ProtocolError where the service refuses."""
        answer = await self._door.send("GET", self._place, {"Accept": "application/json"})
        if answer.status != 200:
            raise refused(_NAME, "subscriptions", answer, _CURE)
        known = {
            one.resource.strip("/").lower(): one
            for one in answer.decoded(msgspec.json.Decoder(_Rows), f"{_NAME} for subscriptions").value
            if one.notification_url == url
        }
        soon = datetime.now(UTC) + before
        ends = []
        for route in routes:
            resource = f"{self._company}/{route}"
            row = known.get(resource.strip("/").lower())
            if row is None or _ends(row) < soon:
                body = {"notificationUrl": url, "resource": resource, "clientState": secret}
                row = await self._write(row, body)
            ends.append(_ends(row))
        return min(ends, default=None)

    async def _write(self, row: _Row | None, body: dict[str, Any]) -> _Row:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        method, place = "POST", self._place
        if row is not None:
            method, place = "PATCH", f"{self._place}('{quote(row.subscription_id)}')"
            headers["If-Match"] = "*"
        answer = await self._door.send(method, place, headers, msgspec.json.encode(body), writes=True)
        if answer.status not in {200, 201}:
            raise refused(_NAME, f"a subscription to {body['resource']}", answer, _CURE)
        return answer.decoded(msgspec.json.Decoder(_Row), f"{_NAME} for a subscription")


def _ends(row: _Row) -> datetime:
    try:
        found = datetime.fromisoformat(row.expiration_date_time)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
