"""A small world for stories: a served sandbox, a database, a configuration, and people in both systems."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any, LiteralString, TypeVar

import msgspec
import psycopg
from psycopg import sql

from kobling.engine.task import Context
from kobling.service.configuration import Configuration, read_configuration
from kobling.service.counterparts import create_counterparts
from kobling.service.couplings import couple_records, list_couplings, uncouple_records
from kobling.service.initial import Ports, write_initial
from kobling.service.matching import MatchRequest, match_couplings
from kobling.service.plan import apply_plan, save_plan
from kobling.service.session import Session, open_session
from kobling.service.synchronize import Request, synchronize
from kobling.service.undo import release, undo_job
from kobling.service.waiting import Resolution, list_conflicts, list_skipped, resolve_conflicts
from sandboxes import Sandbox

_Result = TypeVar("_Result")
Document = dict[str, Any]


class World:
    """Each method is what somebody does from outside: a person in one of the systems, or a command."""

    def __init__(self, sandbox: Sandbox, database_url: str, folder: Path) -> None:
        self.sandbox = sandbox
        bc, crm = (urllib.parse.urlsplit(one).port for one in (sandbox.business_central, sandbox.dataverse))
        assert bc is not None
        assert crm is not None
        self.path = folder / "kobling.toml"
        write_initial(self.path, Ports(bc=bc, crm=crm), replace=False)
        self.database_url = database_url
        self.stage = "fresh"
        self.environment = {"KOBLING_DATABASE_URL": database_url}
        self.configuration: Configuration = read_configuration(self.path, self.environment)
        companies = self.get("bc", f"{self.configuration.bc.root}/api/v2.0/companies")
        self.company = companies["value"][0]["id"]

    def command(self, work: Callable[[Session], Awaitable[_Result]]) -> _Result:
        async def inside() -> _Result:
            async with open_session(self.configuration) as session:
                return await work(session)

        return asyncio.run(inside())

    def sync(self, *mappings: str, today: date | None = None, alone: bool = True, **request: Any) -> Document:
        """A run; its jobs by mapping, with the status under ''. today: of the machine that runs it. alone:
        nobody else may hold the mappings."""
        wait = _nobody_else if alone else _whoever
        asked = Request(mappings=mappings, all=not mappings, **request)

        async def work(session: Session) -> tuple[Document, int]:
            seen = _Dated(session, today) if today else session
            return await synchronize(seen, asked, progress=lambda what, count: None, wait=wait)

        document, status = self.command(work)
        return {
            "": status,
            "actions": document.get("actions"),
            **{job["mapping"]: job for job in document["jobs"]},
        }

    def couple(self, mapping: str, bc: str, crm: str, use: str = "") -> Document:
        return self.command(lambda one: couple_records(one, mapping, bc, crm, use, wait=_nobody_else))[0]

    def match(self, mapping: str, *on: str, use: str = "", **request: Any) -> Document:
        asked = MatchRequest(mapping=mapping, on=on, use=use, **request)
        return self.command(lambda one: match_couplings(one, asked, wait=_nobody_else))[0]

    def counterparts(self, mapping: str, *records: str) -> tuple[Document, int]:
        return self.command(lambda one: create_counterparts(one, mapping, records, wait=_nobody_else))

    def uncouple(self, mapping: str, *records: str) -> Document:
        return self.command(lambda one: uncouple_records(one, mapping, records, wait=_nobody_else))[0]

    def resolve(self, use: str, **request: Any) -> tuple[Document, int]:
        asked = Resolution(use=use, **request)
        return self.command(lambda one: resolve_conflicts(one, asked, wait=_nobody_else))

    def save_plan(self, path: Path, *mappings: str, **request: Any) -> Document:
        asked = Request(mappings=mappings, **request)
        work = lambda one: save_plan(one, path, asked, progress=lambda what, count: None)  # noqa: E731
        return self.command(work)[0]

    def apply_plan(self, path: Path) -> Document:
        """What a saved plan did and refused, its jobs by mapping, with the status under ''."""

        async def work(session: Session) -> tuple[Document, int]:
            return await apply_plan(session, path, progress=lambda what, count: None, wait=_nobody_else)

        document, status = self.command(work)
        return {"": status, **document, **{job["mapping"]: job for job in document["jobs"]}}

    def undo(self, job: str, *, dry_run: bool = False) -> Document:
        """What an undo took back and refused; its status under ''."""
        document, status = self.command(lambda one: undo_job(one, job, dry_run=dry_run, wait=_nobody_else))
        return {"": status, **document}

    def release(self, mapping: str, record: str) -> tuple[Document, int]:
        return self.command(lambda one: release(one, mapping, record, wait=_nobody_else))

    def conflicts(self) -> list[Document]:
        return self.command(list_conflicts)["conflicts"]

    def skipped(self) -> list[Document]:
        return self.command(list_skipped)["skipped"]

    def couplings(self, mapping: str = "CUSTOMER") -> list[Document]:
        return self.command(lambda one: list_couplings(one, mapping))["couplings"]

    def pair(self, number: str = "") -> tuple[str, str]:
        """(customer, account) of that number, or of the first one."""
        found = sorted(self.couplings(), key=lambda one: one["number"])
        one = next(each for each in found if each["number"] >= number)
        return one["bc_id"], one["crm_id"]

    def customer(self, identifier: str) -> Document:
        return self.get("bc", f"{self.bc('customers')}({identifier})")

    def account(self, identifier: str) -> Document:
        return self.get("crm", f"{self.crm('accounts')}({identifier})")

    def edit_customer(self, identifier: str, **values: Any) -> None:
        self.send("bc", "PATCH", f"{self.bc('customers')}({identifier})", values)

    def edit_account(self, identifier: str, **values: Any) -> None:
        self.send("crm", "PATCH", f"{self.crm('accounts')}({identifier})", values)

    def customers(self, condition: str = "") -> list[Document]:
        query = f"?$filter={urllib.parse.quote(condition)}" if condition else ""
        return self.get("bc", self.bc("customers") + query)["value"]

    def accounts(self, condition: str = "") -> list[Document]:
        query = f"?$filter={urllib.parse.quote(condition)}" if condition else ""
        return self.get("crm", self.crm("accounts") + query)["value"]

    def bc(self, table: str) -> str:
        return f"{self.configuration.bc.root}/api/kobling/sync/v1.0/companies({self.company})/{table}"

    def crm(self, table: str) -> str:
        return f"{self.configuration.crm.url}/api/data/v9.2/{table}"

    def get(self, system: str, url: str) -> Document:
        return self.send(system, "GET", url)

    def send(
        self, system: str, method: str, url: str, body: Any = None, client: str = "Anna", **headers: str
    ) -> Document:
        head = {"Authorization": f"Bearer {self._token(system, client)}", "Prefer": "return=representation"}
        data = None
        if method in {"PATCH", "DELETE"}:
            head["If-Match"] = "*"
        if body is not None:
            data = json.dumps(body).encode()
            head["Content-Type"] = "application/json"
        request = urllib.request.Request(url, data, head | headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {url}: {error.code} {error.read().decode()}") from error
        return json.loads(text) if text else {}

    def _token(self, system: str, client: str) -> str:
        place = self.configuration.bc if system == "bc" else self.configuration.crm
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": "sandbox"}
        data = urllib.parse.urlencode(form | {"scope": place.scope}).encode()
        with urllib.request.urlopen(place.token_url, data) as answer:
            return str(json.load(answer)["access_token"])

    def faults(self, system: str, *rules: Document) -> None:
        self._control(system, "faults", {"rules": list(rules)})

    def plugins(self, *rules: Document) -> None:
        self._control("crm", "plugins", {"rules": list(rules)})

    def clock(self, offset_seconds: float) -> None:
        """The clock of Sales, against this machine's."""
        self._control("crm", "clock", {"offset_seconds": offset_seconds})

    def track(self, tracked: bool) -> None:
        """Whether Sales tracks the changes of its tables."""
        self._control("crm", "variants", {"tracked": tracked})

    def transaction(self, action: str, table: str) -> None:
        self._control("bc", "transactions", {"action": action, "table": table})

    def reset_requests(self) -> None:
        for system in ("bc", "crm"):
            self._control(system, "requests/reset", {})

    def requests(self, system: str) -> Document:
        return self._control(system, "requests")

    def configure(self, mapping: str, **changes: Any) -> None:
        """Settings of a mapping, by the keys of `Changes`."""
        self.command(lambda one: one.state.change_settings(mapping, changes))

    def create(self, system: str, table: str, **values: Any) -> Document:
        place = self.bc(table) if system == "bc" else self.crm(table)
        return self.send(system, "POST", place, values)

    def delete(self, system: str, table: str, identifier: str) -> None:
        place = self.bc(table) if system == "bc" else self.crm(table)
        self.send(system, "DELETE", f"{place}({identifier})")

    def query(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        """What the database holds, asked behind the product's back."""
        with psycopg.connect(self.environment["KOBLING_DATABASE_URL"]) as database:
            return database.execute(statement).fetchall()

    def stored(self) -> dict[str, str]:
        """What each table of the database holds, as one number. Requests are counted apart: that is how the
        limits of the services are kept, whoever asks."""
        tables = self.query(
            "select relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
            " where relkind = 'r' and nspname = 'public' and relname not like 'gate%' order by 1"
        )
        held = sql.SQL(" union all ").join(
            sql.SQL("select {}, md5(string_agg(t::text, chr(10) order by t::text)) from {} t").format(
                sql.Literal(name), sql.Identifier(name)
            )
            for (name,) in tables
        )
        with psycopg.connect(self.environment["KOBLING_DATABASE_URL"]) as database:
            return dict(database.execute(held).fetchall())

    def audit(self) -> list[tuple[str, str, str, str, Document]]:
        """(left id, right id, side, method, values by column) of every write that was noted."""
        rows = self.query(
            "select left_id::text, right_id::text, side, method, changes from audit order by id"
        )
        return [(*row[:4], _pairs(row[3], json.loads(row[4]))) for row in rows]

    def count(self, system: str, table: str) -> int:
        counts: Any = self._control(system, "state")["counts"]
        return int(counts[table])

    def _control(self, system: str, path: str, body: object | None = None) -> Document:
        base = self.sandbox.business_central if system == "bc" else self.sandbox.dataverse
        return self.sandbox.control(base, path, body)


def _pairs(method: str, changes: Document) -> Document:
    """Before and after by column: of a creation only the latter is kept."""
    return {name: [None, value] for name, value in changes.items()} if method == "create" else changes


class _Dated(Session):
    """A session on another day; the rules learn of days from the facts alone."""

    def __init__(self, session: Session, today: date) -> None:
        super().__init__(session.configuration, session.state)
        self.definitions = session.definitions
        self._today = today

    @asynccontextmanager
    async def context(self, *arguments: Any, **options: Any) -> AsyncIterator[Context]:
        async with super().context(*arguments, **options) as context:
            context.facts = msgspec.structs.replace(context.facts, today=self._today)
            yield context


def _nobody_else(name: str) -> None:
    raise AssertionError(f"somebody else holds {name}")


def _whoever(name: str) -> None:
    """Waits for whoever holds the mapping."""


def wrote(run: Document) -> int:
    """How many records a run wrote."""
    jobs = [job for name, job in run.items() if name not in {"", "actions"}]
    words = ("inserted", "modified", "deleted")
    return sum(job["counts"][way][word] for job in jobs for way in ("to", "from") for word in words)
