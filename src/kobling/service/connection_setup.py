"""`connection setup`: what must be there on both sides before kobling can do its work, and making it.

What the services' own interfaces can make, `apply` makes; the rest is said to a person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

import msgspec

from kobling.adapters.odata.http import Door
from kobling.model.errors import ConfigurationError, CredentialsError, ProtocolError
from kobling.service.base_currency import base_currency
from kobling.service.checks import (
    bc_extension,
    bc_rights,
    crm_rights,
    crm_user,
    extension_api,
    mapped_routes,
)
from kobling.service.configuration import Configuration
from kobling.service.connection import (
    HEADERS,
    Company,
    ask,
    chosen_company,
    companies,
    open_door,
    organization,
    refusal,
    who_am_i,
)

_COMPANIES: Final = "bcbi_companies"
_COMPANY: Final = "bcbi_company"
_NAME_LENGTH_MAX: Final = 100
_ACCOUNT_KEY: Final = ("account", "accountnumber")
_LANGUAGE: Final = 1033
_CUSTOMIZER: Final = "Let an administrator with the role System Customizer do it"
Make = Callable[[], Awaitable[None]]


class Requirement(msgspec.Struct, kw_only=True):
    """One thing that must be there. met: it is, by now. applied: this very command has made it. cure: what a
    person does, or how kobling makes it; "" where it is met."""

    name: str
    met: bool
    message: str
    cure: str = ""
    applied: bool = False
    make: Make | None = None


class _Definition(msgspec.Struct, rename="pascal"):
    logical_name: str
    change_tracking_enabled: bool = False


class _Definitions(msgspec.Struct):
    value: list[_Definition]


class _Key(msgspec.Struct, rename="pascal"):
    key_attributes: list[str]
    entity_key_index_status: str = "Active"


class _Keys(msgspec.Struct):
    value: list[_Key]


class _CompanyRow(msgspec.Struct):
    bcbi_name: str = ""


class _CompanyRows(msgspec.Struct):
    value: list[_CompanyRow]


async def set_up(configuration: Configuration, *, apply: bool) -> list[Requirement]:
    """Every requirement, in order; with `apply` what can be made is made first.

    Raises what keeps it from asking at all: ConfigurationError, UnreachableError, CredentialsError.
    """
    async with open_door(configuration, "bc") as bc, open_door(configuration, "crm") as crm:
        company = chosen_company(await companies(bc, configuration), configuration)
        found = [await _extension(bc, configuration, company), await _bc_rights(bc, configuration, company)]
        found += await _sales(crm, configuration, company)
        found.append(await _currencies(bc, crm, configuration, company))
        if apply:
            for one in found:
                await _apply(one)
    return found


async def _apply(one: Requirement) -> None:
    if one.met or one.make is None:
        return
    try:
        await one.make()
    except (ProtocolError, CredentialsError) as error:
        one.message = f"{one.message}; it could not be made: {error.message}"
        one.cure = f"{_CUSTOMIZER}: {one.cure}"
        return
    one.met = one.applied = True
    one.message, one.cure = "made just now", ""


async def _extension(bc: Door, configuration: Configuration, company: Company) -> Requirement:
    return await _of("extension of Business Central", bc_extension(bc, configuration, company.id))


async def _bc_rights(bc: Door, configuration: Configuration, company: Company) -> Requirement:
    return await _of("rights in Business Central", bc_rights(bc, configuration, company.id))


async def examine_currency(configuration: Configuration) -> Requirement:
    """Whether the base currency of Sales can be converted; raises what keeps it from asking."""
    async with open_door(configuration, "bc") as bc, open_door(configuration, "crm") as crm:
        company = chosen_company(await companies(bc, configuration), configuration)
        return await _currencies(bc, crm, configuration, company)


async def _currencies(bc: Door, crm: Door, configuration: Configuration, company: Company) -> Requirement:
    found = await organization(crm, configuration, await who_am_i(crm, configuration))
    return await _of("base currency", base_currency(bc, extension_api(configuration, company.id), found))


async def _sales(crm: Door, configuration: Configuration, company: Company) -> list[Requirement]:
    api = f"{configuration.crm.url}/api/data/v9.2"
    who = await who_am_i(crm, configuration)
    found = [
        await _of("integration user of Sales", crm_user(crm, api, who.user_id)),
        await _of("rights in Sales", crm_rights(crm, api)),
    ]
    definitions = await _definitions(crm, api)
    found.append(
        await _company(crm, api, company, known=_COMPANY in {one.logical_name for one in definitions})
    )
    found += [_tracking(crm, api, one) for one in definitions]
    found.append(await _key(crm, api, *_ACCOUNT_KEY))
    return found


async def _of(name: str, work: Awaitable[str]) -> Requirement:
    """A step of the connection test, as a requirement that only a person can meet."""
    try:
        return Requirement(name=name, met=True, message=await work)
    except (ProtocolError, CredentialsError, ConfigurationError) as error:
        return Requirement(name=name, met=False, message=error.message, cure=error.cure)


async def _definitions(crm: Door, api: str) -> list[_Definition]:
    names = [f"EntitySetName eq '{route}'" for route in (*mapped_routes(), _COMPANIES)]
    query = f"$select=LogicalName,ChangeTrackingEnabled&$filter={quote(' or '.join(names))}"
    found = (await ask(crm, f"{api}/EntityDefinitions?{query}", _Definitions)).value
    return sorted(found, key=lambda one: one.logical_name)


async def _company(crm: Door, api: str, company: Company, *, known: bool) -> Requirement:
    """The row that says in Sales whose a record is."""
    name = "company row in Sales"
    if not known:
        return Requirement(
            name=name,
            met=False,
            message=f"there is no table {_COMPANY}, so records cannot say whose they are",
            cure="Import Microsoft's solution for Business Central and Dataverse into the environment.",
        )
    place = f"{api}/{_COMPANIES}"
    condition = quote(f"bcbi_externalid eq '{company.id}'")
    rows = (await ask(crm, f"{place}?$select=bcbi_name&$filter={condition}", _CompanyRows)).value
    if rows:
        return Requirement(name=name, met=True, message=repr(rows[0].bcbi_name))
    title = f"{company.name[: _NAME_LENGTH_MAX - 39]} ({company.id})"
    body = {"bcbi_externalid": company.id, "bcbi_name": title}

    async def make() -> None:
        await _send(crm, "POST", place, body)

    cure = f"kobling connection setup --apply makes {title!r}."
    return Requirement(name=name, met=False, message=f"{company.name!r} has no row", cure=cure, make=make)


def _tracking(crm: Door, api: str, one: _Definition) -> Requirement:
    name = f"change tracking of {one.logical_name}"
    if one.change_tracking_enabled:
        return Requirement(name=name, met=True, message="on")

    async def make() -> None:
        # A definition is replaced as a whole.
        place = f"{api}/EntityDefinitions(LogicalName='{one.logical_name}')"
        whole: dict[str, Any] = await _document(crm, place)
        kept = {key: value for key, value in whole.items() if not key.startswith("@odata.context")}
        await _send(crm, "PUT", place, kept | {"ChangeTrackingEnabled": True}, {"MSCRM.MergeLabels": "true"})
        await _publish(crm, api, one.logical_name)

    cure = "kobling connection setup --apply switches it on; or 'Track changes' of the table in Power Apps."
    return Requirement(name=name, met=False, message="off", cure=cure, make=make)


async def _key(crm: Door, api: str, table: str, column: str) -> Requirement:
    """Two accounts of one number would both claim to be the customer."""
    name, place = f"key on {column}", f"{api}/EntityDefinitions(LogicalName='{table}')/Keys"
    keys = (await ask(crm, f"{place}?$select=KeyAttributes,EntityKeyIndexStatus", _Keys)).value
    state = next((one.entity_key_index_status for one in keys if one.key_attributes == [column]), "")
    if state in {"Active", "Pending", "InProgress"}:
        return Requirement(name=name, met=True, message=state.lower())
    if state:
        cure = "Merge accounts of one number, then activate the key of the table in Power Apps."
        return Requirement(name=name, met=False, message=state.lower(), cure=cure)
    label = {"Label": f"Key {column}", "LanguageCode": _LANGUAGE}
    body = {
        "SchemaName": f"kobling_{table}_{column}",
        "DisplayName": {"LocalizedLabels": [label]},
        "KeyAttributes": [column],
    }

    async def make() -> None:
        await _send(crm, "POST", place, body)

    cure = "kobling connection setup --apply makes it; accounts of one number must be merged first."
    return Requirement(name=name, met=False, message=f"the table {table} has none", cure=cure, make=make)


async def _publish(crm: Door, api: str, table: str) -> None:
    xml = f"<importexportxml><entities><entity>{table}</entity></entities></importexportxml>"
    await _send(crm, "POST", f"{api}/PublishXml", {"ParameterXml": xml})


async def _document(crm: Door, place: str) -> Any:
    answer = await crm.send("GET", place, HEADERS)
    document = answer.json(crm.name)
    if answer.status != 200 or not isinstance(document, dict):
        raise refusal(crm, place, answer, document)
    return document


async def _send(crm: Door, method: str, place: str, body: Any, more: dict[str, str] | None = None) -> None:
    """One write. Raises CredentialsError for a right that is missing, else ProtocolError."""
    headers = {**HEADERS, "Content-Type": "application/json", **(more or {})}
    answer = await crm.send(method, place, headers, msgspec.json.encode(body))
    if answer.status >= 400:
        raise refusal(crm, place, answer, answer.json(crm.name))


def requirement_document(one: Requirement) -> dict[str, Any]:
    """One requirement."""
    return {
        "name": one.name,
        "met": one.met,
        "applied": one.applied,
        "message": one.message,
        "cure": one.cure,
    }
