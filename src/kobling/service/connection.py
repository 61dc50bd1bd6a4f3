"""The two services as the configuration names them: opened doors, and who stands behind them.

Opening asks nothing over the network; the company and the organization cost their requests when somebody
wants to know them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, TypeVar

import msgspec

from kobling.adapters.business_central.service import BusinessCentral
from kobling.adapters.dataverse.service import Dataverse
from kobling.adapters.odata.answer import Answer
from kobling.adapters.odata.http import Credentials, Door
from kobling.adapters.postgres.gate import open_gate
from kobling.model.errors import ConfigurationError, CredentialsError, ProtocolError
from kobling.model.mapping import Mapping, Side
from kobling.ports import Service
from kobling.service.configuration import Configuration, require

# Business Central refuses the sixth request of a user; Dataverse the fifty-third, which other programs of the
# same user share.
_AT_ONCE: Final = {"bc": 5, "crm": 16}
_NAMES: Final = {"bc": "Business Central", "crm": "Dataverse"}
_LISTED_COMPANIES_MAX: Final = 20
HEADERS: Final = {"Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0"}

_Document = TypeVar("_Document", bound=msgspec.Struct)


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """A company of the Business Central environment. id: lower-case GUID."""

    id: str
    name: str
    display_name: str = msgspec.field(name="displayName", default="")


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """The Dataverse environment's organization. Ids are lower-case GUIDs; base_currency is its ISO code."""

    id: str
    name: str
    user_id: str
    base_currency_id: str
    base_currency: str


class _Companies(msgspec.Struct):
    value: list[Company]


class WhoAmI(msgspec.Struct, frozen=True, rename="pascal"):
    """Who the token stands for in Dataverse, by id."""

    user_id: str
    organization_id: str
    business_unit_id: str = ""


class _Currency(msgspec.Struct):
    transactioncurrencyid: str = ""
    isocurrencycode: str = ""


class _OrganizationRow(msgspec.Struct):
    name: str
    basecurrencyid: _Currency | None = None


class _BusinessUnit(msgspec.Struct):
    name: str = ""


class Connection:
    """Both services with their doors open. Make one with `connect`."""

    def __init__(self, configuration: Configuration, bc: Door, crm: Door, company_id: str | None) -> None:
        self.configuration = configuration
        self.bc = bc
        self.crm = crm
        self._company_id = company_id
        self._company: Company | None = None
        self._organization: Organization | None = None
        self._who: WhoAmI | None = None

    async def company_id(self) -> str:
        """The id of the configured company; one request, the first time, unless it was known already."""
        if self._company_id is None:
            self._company_id = (await self.company()).id
        return self._company_id

    async def company(self) -> Company:
        """The configured company; one request, the first time."""
        if self._company is None:
            found = await companies(self.bc, self.configuration)
            self._company = chosen_company(found, self.configuration)
        return self._company

    async def organization(self) -> Organization:
        """Who stands on the Sales side; two requests, the first time."""
        if self._organization is None:
            self._organization = await organization(self.crm, self.configuration, await self._who_am_i())
        return self._organization

    async def business_unit(self) -> str:
        """The name of the business unit in Sales to which our user belongs; "" where that is not told."""
        unit = (await self._who_am_i()).business_unit_id
        if not unit:
            return ""
        place = f"{self.configuration.crm.url}/api/data/v9.2/businessunits({unit})?$select=name"
        return (await ask(self.crm, place, _BusinessUnit)).name

    async def _who_am_i(self) -> WhoAmI:
        if self._who is None:
            self._who = await who_am_i(self.crm, self.configuration)
        return self._who


@asynccontextmanager
async def connect(
    configuration: Configuration, *, company_id: str | None = None, url: str = ""
) -> AsyncIterator[Connection]:
    """Opens both doors. `company_id`: as an earlier connection of the same configuration resolved it. url: of
    the database, through which all processes keep the limits of the services together; "" for this one alone.

    Raises ConfigurationError for what is missing in the configuration, secrets included.
    """
    async with open_door(configuration, "bc", url) as bc, open_door(configuration, "crm", url) as crm:
        yield Connection(configuration, bc, crm, company_id)


@asynccontextmanager
async def open_door(configuration: Configuration, section: str, url: str = "") -> AsyncIterator[Door]:
    """The door of `bc` or `crm`; url: see `connect`. Raises ConfigurationError."""
    require(configuration, section)
    place = configuration.bc if section == "bc" else configuration.crm
    credentials = Credentials(
        token_url=place.token_url,
        client_id=place.client_id,
        # It may run a program, which must not hold up the loop.
        secret=await asyncio.to_thread(place.secret.reveal),
        scope=place.scope,
    )
    name, at_once, trust = _NAMES[section], _AT_ONCE[section], _trust(configuration, section)
    async with AsyncExitStack() as stack:
        shared = None
        if url:
            gate = open_gate(url, section, place.url, place.client_id, at_once)
            shared = await stack.enter_async_context(gate)
        yield await stack.enter_async_context(Door(name, credentials, at_once, ssl=trust, shared=shared))


async def services(connection: Connection, mappings: Iterable[Mapping]) -> dict[Side, Service]:
    """The service behind each side, with the tables of these mappings."""
    known = tuple(mappings)
    bc, crm = connection.configuration.bc, connection.configuration.crm
    left = [mapping.left for mapping in known]
    right = [mapping.right for mapping in known]
    return {
        Side.LEFT: BusinessCentral(connection.bc, bc.root, await connection.company_id(), left),
        Side.RIGHT: Dataverse(connection.crm, crm.url, right),
    }


async def companies(door: Door, configuration: Configuration) -> list[Company]:
    """The companies that kobling may see in the environment."""
    url = f"{configuration.bc.root}/api/v2.0/companies"
    return (await ask(door, url, _Companies)).value


def chosen_company(found: list[Company], configuration: Configuration) -> Company:
    """The one that is configured, by name or id, or the only one. ConfigurationError lists what there is."""
    wanted = configuration.bc.company
    environment = f"{configuration.path}: environment {configuration.bc.environment!r}"
    if not found:
        raise ConfigurationError(
            f"{environment} shows no company to client {configuration.bc.client_id!r}.",
            cure="Give the application its permission sets in Business Central.",
        )
    fitting = [one for one in found if not wanted or _fits(one, wanted)]
    if len(fitting) == 1:
        return fitting[0]
    exact = [one for one in fitting if one.name == wanted]
    if len(exact) == 1:
        return exact[0]
    names = ", ".join(repr(one.name) for one in found[:_LISTED_COMPANIES_MAX])
    more = ", …" if len(found) > _LISTED_COMPANIES_MAX else ""
    problem = f"has no company {wanted!r}" if wanted else f"has {len(found)} companies"
    if fitting and wanted:
        problem = f"has several companies {wanted!r}"
    raise ConfigurationError(
        f"{environment} {problem}.", cure=f"Write company under [bc], by name or id: {names}{more}."
    )


def _fits(company: Company, wanted: str) -> bool:
    names = {company.id, company.name, company.display_name}
    return wanted.strip("{}").casefold() in {name.casefold() for name in names}


async def who_am_i(door: Door, configuration: Configuration) -> WhoAmI:
    """Who the application is in Dataverse."""
    return await ask(door, f"{configuration.crm.url}/api/data/v9.2/WhoAmI", WhoAmI)


async def organization(door: Door, configuration: Configuration, who: WhoAmI) -> Organization:
    """The organization of that user, with its base currency."""
    place = f"{configuration.crm.url}/api/data/v9.2/organizations({who.organization_id})"
    query = "$select=name&$expand=basecurrencyid($select=isocurrencycode)"
    row = await ask(door, f"{place}?{query}", _OrganizationRow)
    base = row.basecurrencyid or _Currency()
    return Organization(
        id=who.organization_id.lower(),
        name=row.name,
        user_id=who.user_id.lower(),
        base_currency_id=base.transactioncurrencyid.lower(),
        base_currency=base.isocurrencycode,
    )


async def ask(door: Door, url: str, shape: type[_Document]) -> _Document:
    """One GET whose answer has this shape.

    Raises UnreachableError, CredentialsError (also for a right that is missing), ProtocolError.
    """
    answer = await door.send("GET", url, HEADERS)
    document = answer.json(door.name)
    if answer.status != 200:
        raise refusal(door, url, answer, document)
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        raise ProtocolError(
            f"{door.name} answered {_shown(url)} with something else than it should ({error}).",
            cure="Check that the address is the service itself.",
        ) from None


def refusal(door: Door, url: str, answer: Answer, document: Any) -> CredentialsError | ProtocolError:
    """What an answer that is no success says, and what may help."""
    error = document.get("error") if isinstance(document, dict) else None
    words = str(error.get("message", "")) if isinstance(error, dict) else ""
    message = f"{door.name} answered {_shown(url)} with {answer.status}: {words or 'no reason given'}"
    if answer.status == 403:
        return CredentialsError(message, cure="Give the application user that right.")
    cure = "Check tenant, environment and company in the configuration." if answer.status == 404 else ""
    return ProtocolError(message, cure=cure)


def _shown(url: str) -> str:
    """The end of an address: enough to know it by."""
    return "api/" + url.partition("?")[0].partition("/api/")[2]


def _trust(configuration: Configuration, section: str) -> ssl.SSLContext | None:
    place = configuration.bc if section == "bc" else configuration.crm
    if place.ca_file is None:
        return None
    # What this machine trusts stays trusted: the token endpoint may be somebody else's.
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(place.ca_file)
    except OSError as error:
        place_of_file = f"{configuration.path}: [{section}] ca_file {place.ca_file}"
        raise ConfigurationError(
            f"{place_of_file} cannot be used ({error.strerror or error}).",
            cure="Name a file of certificates in PEM form.",
        ) from None
    return context
