"""Both services in one form, so that one test asks both: where they are, their table, their adapter."""

from __future__ import annotations

import asyncio
import json
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kobling.adapters.business_central.service import BusinessCentral
from kobling.adapters.dataverse.service import Dataverse
from kobling.model.mapping import Column, Table
from kobling.ports import Method, Page, Row, RowWrite, Service
from sandboxes import Sandbox


def _columns(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, caption=name) for name in names)


CUSTOMERS = Table(
    name="Customer",
    caption="Customer",
    route="customers",
    columns=_columns("name", "creditLimitLCY"),
    table_id=18,
)
ACCOUNTS = Table(
    name="account",
    caption="Account",
    route="accounts",
    key="accountid",
    columns=(
        *_columns("name", "creditlimit"),
        Column(name="primarycontactid", caption="Primary Contact", targets={"contact": "contacts"}),
        Column(name="ownerid", caption="Owner", targets={"systemuser": "systemusers", "team": "teams"}),
        Column(
            name="bcbi_companyid",
            caption="Company",
            targets={"bcbi_company": "bcbi_companies"},
            navigation="bcbi_CompanyId",
        ),
    ),
)
CONTACTS = Table(
    name="contact",
    caption="Contact",
    route="contacts",
    key="contactid",
    columns=(
        *_columns("lastname"),
        Column(
            name="parentcustomerid",
            caption="Company Name",
            targets={"account": "accounts", "contact": "contacts"},
        ),
    ),
)


@dataclass(frozen=True)
class Kit:
    """One service for a test. entity: the table's name in the sandbox's own state."""

    side: str
    table: Table
    entity: str
    number: str

    @property
    def columns(self) -> tuple[str, str]:
        return ("name", self.number)

    def base(self, sandbox: Sandbox) -> str:
        return sandbox.business_central if self.side == "bc" else sandbox.dataverse

    def create(self, name: str, one: str = "") -> RowWrite:
        return RowWrite(
            method=Method.CREATE,
            table=self.table.route,
            id=one or str(uuid.uuid4()),
            body={"name": name},
            select=self.columns,
        )

    def update(self, row: Row, **body: Any) -> RowWrite:
        return RowWrite(
            method=Method.UPDATE,
            table=self.table.route,
            id=row["id"],
            body=body,
            version=row["@odata.etag"],
            select=self.columns,
        )

    def delete(self, row: Row) -> RowWrite:
        return RowWrite(
            method=Method.DELETE, table=self.table.route, id=row["id"], body={}, version=row["@odata.etag"]
        )

    def faults(self, sandbox: Sandbox, *rules: dict[str, Any]) -> None:
        sandbox.control(self.base(sandbox), "faults", {"rules": list(rules)})

    def count(self, sandbox: Sandbox) -> int:
        counts: Any = sandbox.control(self.base(sandbox), "state")["counts"]
        return int(counts[self.entity])

    def outer(self, sandbox: Sandbox) -> list[str]:
        """The last segments of the requests since the last reset, as often as they were sent."""
        recorded: Any = sandbox.control(self.base(sandbox), "requests")["outer"]
        return [one["path"].rpartition("/")[2] for one in recorded for _ in range(one["count"])]

    def run(
        self,
        sandbox: Sandbox,
        work: Callable[[Any], Awaitable[Any]],
        *,
        page_rows: int = 5000,
        tables: Sequence[Table] = (),
        **who: str,
    ) -> Any:
        """Does the work with an adapter of its own."""
        base = self.base(sandbox)

        async def inside() -> Any:
            async with sandbox.door(base, **who) as door:
                if self.side == "crm":
                    return await work(Dataverse(door, base, tables or (self.table,), page_rows=page_rows))
                root = f"{base}/v2.0/sandbox/production"
                company = company_of(sandbox)
                return await work(
                    BusinessCentral(door, root, company, tables or (self.table,), page_rows=page_rows)
                )

        return asyncio.run(inside())


BC = Kit("bc", CUSTOMERS, "Customer", "creditLimitLCY")
CRM = Kit("crm", ACCOUNTS, "account", "creditlimit")
KITS = (BC, CRM)


def company_of(sandbox: Sandbox) -> str:
    """The id of the sandbox's company."""
    base = sandbox.business_central
    form = b"grant_type=client_credentials&client_id=kobling&client_secret=sandbox&scope=x/.default"
    with urllib.request.urlopen(f"{base}/sandbox/oauth2/v2.0/token", data=form) as answer:
        token = json.load(answer)["access_token"]
    url = f"{base}/v2.0/sandbox/production/api/v2.0/companies"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        found = str(json.load(answer)["value"][0]["id"])
    sandbox.control(base, "requests/reset", {})
    return found


async def pages(service: Service, table: str, columns: Sequence[str], token: str | None = None) -> list[Page]:
    """All pages of a feed."""
    return [page async for page in service.changes(table, columns, token)]


async def everything(service: Service, kit: Kit, token: str | None = None) -> tuple[list[Row], str]:
    """All rows of a feed and the token after it."""
    found = await pages(service, kit.table.route, kit.columns, token)
    after = found[-1].token
    assert after is not None
    return [row for page in found for row in page.rows], after
