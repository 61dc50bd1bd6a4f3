"""Customers to accounts without any state: what a first load costs at least.

`python -m tests.bench.bare_load BUSINESS_CENTRAL DATAVERSE`; prints its requests as JSON. It sends what a
first load sends, page by page and batch by batch, looks whether each part was taken, and remembers nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import aiohttp
import msgspec

from kobling.catalogue.load import default_mappings
from kobling.model.mapping import Side

_PAGE = 5000
_BATCH = 500
_IN_FLIGHT = 4
_FORM = {"grant_type": "client_credentials", "client_id": "kobling", "client_secret": "sandbox"}
_TEXTS = {
    "name": "name",
    "contact": "address1_primarycontactname",
    "address": "address1_line1",
    "address2": "address1_line2",
    "postCode": "address1_postalcode",
    "city": "address1_city",
    "countryRegionCode": "address1_country",
    "county": "address1_stateorprovince",
    "eMail": "emailaddress1",
    "faxNo": "fax",
    "homePage": "websiteurl",
    "phoneNo": "telephone1",
}
_OPTIONS = {
    "paymentTermsCode": ("paymenttermscode", {"NET30": 1, "2%10NET30": 2, "NET45": 3, "NET60": 4}),
    "shipmentMethodCode": ("address1_freighttermscode", {"FOB": 1, "NOCHARGE": 2}),
    "shippingAgentCode": (
        "address1_shippingmethodcode",
        {"AIRBORNE": 1, "DHL": 2, "FEDEX": 3, "UPS": 4, "POSTALMAIL": 5, "FULLLOAD": 6, "WILLCALL": 7},
    ),
}
_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class Load:
    """One load from the first page to the last batch."""

    def __init__(self, session: aiohttp.ClientSession, business_central: str, dataverse: str) -> None:
        self._session = session
        self._bc = business_central
        self._crm = f"{dataverse}/api/data/v9.2"
        self._root = f"{business_central}/v2.0/sandbox/production/api"
        self._heads: dict[str, dict[str, str]] = {}
        self.requests = {"bc": 0, "crm": 0}

    async def run(self, dataverse: str) -> None:
        """Everything, once."""
        for system, base in (("bc", self._bc), ("crm", dataverse)):
            async with self._session.post(
                f"{base}/sandbox/oauth2/v2.0/token", data=_FORM | {"scope": f"{base}/.default"}
            ) as answer:
                token = (await answer.json())["access_token"]
            self._heads[system] = {"Authorization": f"Bearer {token}"}
        await self._look_ups()
        table, places = default_mappings()["CUSTOMER"], asyncio.Semaphore(_IN_FLIGHT)
        look_ups = {"ownerid", "transactioncurrencyid", "primarycontactid", "bcbi_companyid"}
        columns = [one.name for one in table.table(Side.RIGHT).columns]
        self._select = ",".join(
            f"_{one}_value" if one in look_ups else one for one in ["accountid", *columns]
        )
        select = ",".join(["id", "systemRowVersion", *(one.name for one in table.table(Side.LEFT).columns)])
        query = "$filter=systemRowVersion%20gt%200&$orderby=systemRowVersion"
        url = f"{self._company}/customers?$select={select}&{query}"
        async with asyncio.TaskGroup() as group:
            while url:
                page = await self._get("bc", url)
                url = page.get("@odata.nextLink", "")
                for start in range(0, len(page["value"]), _BATCH):
                    await places.acquire()
                    posting = group.create_task(self._post(page["value"][start : start + _BATCH]))
                    posting.add_done_callback(lambda done: places.release())

    async def _look_ups(self) -> None:
        companies = (await self._get("bc", f"{self._root}/v2.0/companies"))["value"]
        company = companies[0]["id"]
        self._company = f"{self._root}/kobling/sync/v1.0/companies({company})"
        users = {
            one["internalemailaddress"]: one["systemuserid"] for one in await self._all("crm", "systemusers")
        }
        sellers = await self._all("bc", "salespeoplePurchasers")
        self._owners = {one["code"]: users[one["eMail"]] for one in sellers}
        currencies = await self._all("crm", "transactioncurrencies")
        self._currencies = {one["isocurrencycode"]: one["transactioncurrencyid"] for one in currencies}
        [ledger] = await self._all("bc", "generalLedgerSetup")
        self._local = ledger["lcyCode"]
        today = datetime.now(UTC).date().isoformat()
        rates = sorted(await self._all("bc", "currencyExchangeRates"), key=lambda one: one["startingDate"])
        self._factors = {
            one["currencyCode"]: Decimal(one["exchangeRateAmount"]) / Decimal(one["relationalExchRateAmount"])
            for one in rates
            if one["startingDate"] <= today
        }
        marks = await self._all("crm", "bcbi_companies")
        self._mark = next(one["bcbi_companyid"] for one in marks if one["bcbi_externalid"] == company)

    async def _all(self, system: str, name: str) -> Any:
        place = self._crm if system == "crm" else self._company
        return (await self._get(system, f"{place}/{name}"))["value"]

    async def _get(self, system: str, url: str) -> Any:
        self.requests[system] += 1
        head = self._heads[system] | {"Prefer": f"odata.maxpagesize={_PAGE}"}
        async with self._session.get(url, headers=head) as answer:
            assert answer.status == 200, await answer.text()
            return _decode(await answer.read())

    def _body(self, row: dict[str, Any]) -> dict[str, Any]:
        body = {crm: row[bc] for bc, crm in _TEXTS.items() if row[bc]}
        for bc, (crm, options) in _OPTIONS.items():
            if row[bc]:
                body[crm] = options[row[bc]]
        code = row["currencyCode"]
        currency = self._currencies[code or self._local]
        limit = Decimal(row["creditLimitLCY"]) * (self._factors[code] if code else 1)
        return body | {
            "creditlimit": limit.quantize(Decimal("0.01"), ROUND_HALF_UP),
            "customertypecode": 3,
            "ownerid@odata.bind": f"/systemusers({self._owners[row['salespersonCode']]})",
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency})",
            "bcbi_CompanyId@odata.bind": f"/bcbi_companies({self._mark})",
        }

    async def _post(self, rows: list[dict[str, Any]]) -> None:
        self.requests["crm"] += 1
        lines = bytearray()
        for row in rows:
            identifier = uuid.uuid5(uuid.NAMESPACE_URL, row["id"])
            head = (
                "--batch_x\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
                f"PATCH {self._crm}/accounts({identifier})?$select={self._select}"
                " HTTP/1.1\r\nIf-None-Match: *\r\nPrefer: return=representation\r\n"
                "Content-Type: application/json\r\n\r\n"
            )
            lines += head.encode() + _encode(self._body(row)) + b"\r\n"
        head = self._heads["crm"] | {"Content-Type": "multipart/mixed; boundary=batch_x"}
        async with self._session.post(
            f"{self._crm}/$batch", data=bytes(lines + b"--batch_x--\r\n"), headers=head
        ) as answer:
            said = await answer.read()
        taken = said.count(b"HTTP/1.1 201") + said.count(b"HTTP/1.1 200")
        assert taken == len(rows), said[:800]


async def _main(business_central: str, dataverse: str) -> None:
    async with aiohttp.ClientSession() as session:
        load = Load(session, business_central, dataverse)
        await load.run(dataverse)
    print(json.dumps({"requests": load.requests}))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
