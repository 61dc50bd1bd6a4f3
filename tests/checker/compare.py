"""The outside checker: reads both services by plain HTTP and compares coupled records by a table of its own.

It shares nothing with the package: neither code nor the table (`make_table.py` makes that), and what is
coupled it is told as pairs of ids.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

TABLE: dict[str, Any] = json.loads(Path(__file__).with_name("table.json").read_text(encoding="utf-8"))
Row = dict[str, Any]
Pairs = Mapping[str, Iterable[tuple[str, str]]]
_NOTHING = (None, "", "_x0020_", "00000000-0000-0000-0000-000000000000")
# Of a contact whose company is linked to several records the couplings of this order decide.
_COMPANIES = {"CUSTOMER": "customers", "VENDOR": "vendors"}


class Services:
    """Every row of a table of either service, read as the checker's own application user."""

    def __init__(self, business_central: str, dataverse: str) -> None:
        self._bases = {"bc": business_central.rstrip("/"), "crm": dataverse.rstrip("/")}
        self._tokens = {system: self._token(base) for system, base in self._bases.items()}
        self._root = f"{self._bases['bc']}/v2.0/sandbox/production/api"
        self._company = self._get("bc", f"{self._root}/v2.0/companies")["value"][0]["id"]

    def bc(self, table: str) -> list[Row]:
        return list(self._rows("bc", f"{self._root}/kobling/sync/v1.0/companies({self._company})/{table}"))

    def crm(self, table: str) -> list[Row]:
        return list(self._rows("crm", f"{self._bases['crm']}/api/data/v9.2/{table}"))

    def _rows(self, system: str, url: str) -> Iterator[Row]:
        while url:
            page = self._get(system, url)
            yield from page["value"]
            url = page.get("@odata.nextLink", "")

    def _get(self, system: str, url: str) -> Any:
        head = {"Authorization": f"Bearer {self._tokens[system]}", "Prefer": "odata.maxpagesize=5000"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=head)) as answer:
            return json.loads(answer.read(), parse_float=Decimal)

    def _token(self, base: str) -> str:
        form = {"grant_type": "client_credentials", "client_id": "Checker", "client_secret": "sandbox"}
        data = urllib.parse.urlencode(form | {"scope": f"{base}/.default"}).encode()
        with urllib.request.urlopen(f"{base}/sandbox/oauth2/v2.0/token", data) as answer:
            return str(json.load(answer)["access_token"])


def complaints(services: Services, pairs: Pairs) -> list[str]:
    """What is wrong, in words: ids that are coupled twice or do not exist, and fields that differ."""
    found: list[str] = []
    compare = _Comparison(services, pairs)
    for name, coupled in pairs.items():
        known = list(coupled)
        for at, system in enumerate(("bc", "crm")):
            twice = [one for one, times in Counter(pair[at] for pair in known).items() if times > 1]
            found += [f"{name}: {system} {one} is coupled more than once" for one in twice]
        found += compare.mapping(name, known)
    return found


class _Comparison:
    def __init__(self, services: Services, pairs: Pairs) -> None:
        self._services = services
        self._partners = {name: dict(coupled) for name, coupled in pairs.items()}
        self._contacts = {one["no"]: one["id"].lower() for one in services.bc("contacts")}
        self._companies = self._accounts_of_companies()
        self._users = {one["systemuserid"]: one for one in services.crm("systemusers")}
        sellers = services.bc("salespeoplePurchasers")
        self._sellers = {one["code"]: _text(one["eMail"]).casefold() for one in sellers}
        self._iso = {one["code"]: one["isoCode"] or one["code"] for one in services.bc("currencies")}
        [ledger] = services.bc("generalLedgerSetup")
        self._countries = {one["code"]: one["name"] for one in services.bc("countriesRegions")}
        self._local = ledger["lcyCode"]
        self._currencies = {
            one["transactioncurrencyid"]: one["isocurrencycode"]
            for one in services.crm("transactioncurrencies")
        }
        # Of the rates that have begun the latest, by currency: foreign units for one of the local currency.
        self._factors = {
            one["currencyCode"]: Decimal(one["exchangeRateAmount"]) / Decimal(one["relationalExchRateAmount"])
            for one in sorted(services.bc("currencyExchangeRates"), key=lambda one: str(one["startingDate"]))
        }

    def _accounts_of_companies(self) -> dict[str, set[str]]:
        """By the number of a company contact: the accounts of its customer and of its vendor."""
        found: dict[str, set[str]] = {}
        for name, route in _COMPANIES.items():
            partners = self._partners.get(name, {})
            ids = {one["no"]: one["id"].lower() for one in self._services.bc(route)} if partners else {}
            for one in self._services.bc("contactBusinessRelations"):
                if one["linkToTable"] == name.capitalize() and ids.get(one["no"]) in partners:
                    found.setdefault(one["contactNo"], set()).add(partners[ids[one["no"]]])
        return found

    def mapping(self, name: str, pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
        table = TABLE[name]
        lefts = {one["id"].lower(): one for one in self._services.bc(table["bc_set"])}
        rights = {one[table["crm_key"]].lower(): one for one in self._services.crm(table["crm_set"])}
        for left, right in pairs:
            bc, crm = lefts.get(left), rights.get(right)
            if bc is None or crm is None:
                missing = left if bc is None else right
                yield f"{name}: there is no record {missing}, and it is coupled"
                continue
            for row in table["fields"]:
                if row["constant"] is None and not self._agree(name, row, bc, crm):
                    held, other = bc[row["bc"]], _held(crm, row["crm"])
                    yield f"{name} {left} {right}: {row['bc_field']} {held!r} but {row['crm']} {other!r}"
            if name == "CONTACT" and _held(crm, "parentcustomerid") not in self._companies.get(
                bc["companyNo"], ()
            ):
                yield f"{name} {left} {right}: another parentcustomerid than Company No. says"

    def _agree(self, name: str, row: Row, bc: Row, crm: Row) -> bool:
        left, right = bc[row["bc"]], _held(crm, row["crm"])
        if row["crm_kind"] == "owner":
            user = self._users.get(right, {})
            return not left or self._sellers[left] == _text(user.get("internalemailaddress")).casefold()
        if row["crm"] == "primarycontactid":
            # A contact that is not coupled has no partner to name, either way.
            known = self._partners.get("CONTACT", {})
            partner = known.get(self._contacts.get(left, ""))
            return partner == (right if right in known.values() else None)
        if row["crm_kind"] == "lookup":
            iso = self._currencies.get(right)
            return (self._iso[left] if left else self._local) == (iso or self._local)
        if row["crm_kind"] == "picklist":
            options = {label.upper(): value for label, value in row["options"].items()}
            return (options.get(left) if left else None) == (right or None)
        if row["crm_kind"] == "money":
            factor = self._factors[bc["currencyCode"]] if bc["currencyCode"] else Decimal(1)
            made = (Decimal(left) * factor).quantize(Decimal("0.01"), ROUND_HALF_UP)
            return made == Decimal(right or 0)
        if name == "CURRENCY":
            left = left or (bc["isoCode"] or bc["code"] if row["bc"] == "symbol" else bc["code"])
            left = self._iso[bc["code"]] if row["bc"] == "code" else left
        if row["crm"] == "lastname" and not left:
            left = bc["name"].split()[-1] if bc["name"].split() else ""
        if row["crm"] == "address1_country" and self._countries.get(left) == right:
            return True
        return _same_text(row, left, right)


def _same_text(row: Row, left: Any, right: Any) -> bool:
    """Equal, blank on both sides, or one is what the other side can hold of it."""
    one, other = _text(left), _text(right)
    if one == other:
        return True
    if row["direction"] != "from_integration" and one[: row["crm_length"]] == other:
        return True
    made = other[: row["bc_length"]]
    if row["bc_kind"] == "Code":
        made = other.strip().upper()[: row["bc_length"]]
    return row["direction"] != "to_integration" and made == one


def _text(value: Any) -> str:
    return "" if value in _NOTHING else str(value)


def _held(crm: Row, column: str) -> Any:
    look_up = f"_{column}_value"
    return crm[look_up] if look_up in crm else crm.get(column)
