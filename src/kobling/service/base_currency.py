"""Whether amounts in the base currency of Sales can be made amounts in Business Central's local one."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from kobling.adapters.odata.http import Door
from kobling.model.errors import ConfigurationError
from kobling.service.connection import Organization, ask


class _Setup(msgspec.Struct):
    code: str = msgspec.field(name="lcyCode", default="")


class _Setups(msgspec.Struct):
    value: list[_Setup]


class _Currency(msgspec.Struct):
    code: str
    iso: str = msgspec.field(name="isoCode", default="")


class _Currencies(msgspec.Struct):
    value: list[_Currency]


class _Rate(msgspec.Struct):
    id: str


class _Rates(msgspec.Struct):
    value: list[_Rate]


async def base_currency(door: Door, base: str, organization: Organization) -> str:
    """How the two go together, in words. base: the address of the extension's API for the company.

    Raises ConfigurationError where the base currency has no exchange rate in Business Central.
    """
    wanted = organization.base_currency
    setups = (await ask(door, f"{base}/generalLedgerSetup?$select=lcyCode", _Setups)).value
    local = setups[0].code if setups else ""
    if local == wanted:
        return f"{wanted} on both sides"
    known = (await ask(door, f"{base}/currencies?$select=code,isoCode", _Currencies)).value
    code = next((one.code for one in known if wanted in {one.iso, one.code}), "")
    if not code:
        raise _refused(wanted, local, f"Business Central has no currency {wanted}")
    condition = quote(f"currencyCode eq '{code}'")
    rates = (
        await ask(door, f"{base}/currencyExchangeRates?$select=id&$top=1&$filter={condition}", _Rates)
    ).value
    if not rates:
        raise _refused(wanted, local, f"the currency {code} has no exchange rate in Business Central")
    return f"{wanted} in Sales, {local} in Business Central; converted by the rates of {code}"


def _refused(wanted: str, local: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the base currency of Sales is {wanted}, the local currency of Business Central {local}, and {why}",
        cure=f"Make the currency {wanted} with an exchange rate on the page Currencies of Business Central.",
    )
