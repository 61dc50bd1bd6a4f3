"""People who edit records one by one, as a benchmark's runs are to find them."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Iterable
from typing import Any

from tests.bench.places import Place

_FORM = {"grant_type": "client_credentials", "client_id": "Anna", "client_secret": "sandbox"}


class Person:
    """Somebody at work in both services, over one connection to each."""

    def __init__(self, place: Place) -> None:
        self._doors = {base: _Door(base) for base in (place.business_central, place.dataverse)}
        self._crm = self._doors[place.dataverse]
        self._bc = self._doors[place.business_central]
        root = "/v2.0/sandbox/production/api"
        company = self._bc.send("GET", f"{root}/v2.0/companies")["value"][0]["id"]
        self._customers = f"{root}/kobling/sync/v1.0/companies({company})/customers"

    def edit_customers(self, ids: Iterable[str], **values: Any) -> None:
        for one in ids:
            self._bc.send("PATCH", f"{self._customers}({one})", values)

    def edit_accounts(self, ids: Iterable[str], **values: Any) -> None:
        for one in ids:
            self._crm.send("PATCH", f"/api/data/v9.2/accounts({one})", values)


class _Door:
    def __init__(self, base: str) -> None:
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(base).netloc)
        form = urllib.parse.urlencode(_FORM | {"scope": f"{base}/.default"})
        kind = "application/x-www-form-urlencoded"
        self._connection.request("POST", "/sandbox/oauth2/v2.0/token", form, {"Content-Type": kind})
        token = json.load(self._connection.getresponse())["access_token"]
        self._head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def send(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body)
        self._connection.request(method, path, data, self._head | {"If-Match": "*"})
        with self._connection.getresponse() as answer:
            text = answer.read()
            assert answer.status < 300, (path, text)
        return json.loads(text) if text else None
