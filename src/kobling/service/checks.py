"""Whether both services and the database can be used as configured, step by step, with what to do where not.

Nothing is written: the right to change a row is asked for with a change of a row that does not exist.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from kobling.adapters.business_central.service import API
from kobling.adapters.dataverse.options import is_option_table
from kobling.adapters.odata.http import Door
from kobling.catalogue.definition import Definition, Table
from kobling.catalogue.fitting import SetAside
from kobling.catalogue.load import default_mappings, every_variant
from kobling.catalogue.sources import REFERENCES
from kobling.model.errors import ConfigurationError, KoblingError, ProtocolError
from kobling.model.mapping import Direction, Side
from kobling.service.configuration import Configuration
from kobling.service.connection import (
    HEADERS,
    ask,
    chosen_company,
    companies,
    open_door,
    organization,
    refusal,
    who_am_i,
)
from kobling.service.database import database_meanwhile, describe_database, explained
from kobling.service.session import session_on

_BC_STEPS: Final = ("bc sign-in", "bc company", "bc extension", "bc rights")
_CRM_STEPS: Final = ("crm sign-in", "crm organization", "crm user", "crm change tracking", "crm rights")
_DATABASE_STEPS: Final = ("database",)


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One step. message: what was found or what is wrong; cure: how to mend it, "" where nothing is wrong. A
    step with a cure may be ok: it works, and could be better."""

    name: str
    ok: bool
    message: str
    cure: str = ""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """All steps in order. exit_status: 0, 2 where the configuration is wrong, else 3."""

    checks: tuple[Check, ...]
    exit_status: int

    @property
    def ok(self) -> bool:
        """Whether everything was found to be in order."""
        return self.exit_status == 0


class _RowVersion(msgspec.Struct, rename="camel"):
    last_used_row_version: int


class _RowVersions(msgspec.Struct):
    value: list[_RowVersion]


class _User(msgspec.Struct):
    fullname: str | None = None
    isdisabled: bool = False
    applicationid: str | None = None


class _Definition(msgspec.Struct, rename="pascal"):
    logical_name: str
    change_tracking_enabled: bool


class _Definitions(msgspec.Struct):
    value: list[_Definition]


class _Chain:
    """The steps of one system, told in order; what stands behind a failure that it needs is not tested."""

    def __init__(self, names: Iterable[str]) -> None:
        self.checks: list[Check] = []
        self.exit_status = 0
        self._left = list(names)

    def passed(self, message: str, cure: str = "") -> None:
        self.checks.append(Check(name=self._left.pop(0), ok=True, message=message, cure=cure))

    def failed(self, error: KoblingError) -> None:
        name = self._left.pop(0)
        self.checks.append(Check(name=name, ok=False, message=error.message, cure=error.cure))
        self.exit_status = 2 if isinstance(error, ConfigurationError) else self.exit_status or 3

    def added(self, name: str, error: KoblingError) -> None:
        """A failure of a step that is told only then."""
        self._left.insert(0, name)
        self.failed(error)

    def broken(self, error: KoblingError) -> None:
        cause = self._left[0]
        self.failed(error)
        message = f"Not tested, as {cause!r} failed."
        self.checks += [Check(name=name, ok=False, message=message) for name in self._left]

    async def attempt_also(self, name: str, work: Awaitable[str]) -> None:
        """A step that is there only sometimes."""
        self._left.insert(0, name)
        await self.attempt(work)

    async def attempt(self, work: Awaitable[str | tuple[str, str]]) -> None:
        """A step that no other one needs: what was found, and a cure where it could be better."""
        try:
            found = await work
            self.passed(*((found,) if isinstance(found, str) else found))
        except KoblingError as error:
            self.failed(error)


async def check_connection(configuration: Configuration) -> Checked:
    """Tests both services and the database at once, so a failure of one hides nothing of the others."""
    chains = await asyncio.gather(
        _chain(_BC_STEPS, configuration, _business_central),
        _chain(_CRM_STEPS, configuration, _dataverse),
        _chain(_DATABASE_STEPS, configuration, _database),
    )
    statuses = {chain.exit_status for chain in chains} - {0}
    checks = tuple(check for chain in chains for check in chain.checks)
    return Checked(checks=checks, exit_status=min(statuses, default=0))


async def _chain(
    names: tuple[str, ...],
    configuration: Configuration,
    steps: Callable[[Configuration, _Chain], Awaitable[None]],
) -> _Chain:
    chain = _Chain(names)
    try:
        await steps(configuration, chain)
    except KoblingError as error:
        chain.broken(error)
    return chain


async def _business_central(configuration: Configuration, chain: _Chain) -> None:
    place = configuration.bc
    async with open_door(configuration, "bc") as door:
        found = await companies(door, configuration)
        chain.passed(
            f"{place.url} knows client {place.client_id!r}; environment {place.environment!r} answers"
        )
        company = chosen_company(found, configuration)
        chain.passed(f"company {company.name!r} ({company.id})")
        chain.passed(await bc_extension(door, configuration, company.id))
        await chain.attempt(bc_rights(door, configuration, company.id))


async def bc_extension(door: Door, configuration: Configuration, company_id: str) -> str:
    """Whether the extension is installed, in words. Raises ProtocolError, CredentialsError."""
    try:
        await ask(door, f"{extension_api(configuration, company_id)}/rowVersions", _RowVersions)
    except ProtocolError as error:
        cure = "Install the kobling extension in that environment, or its newest version."
        raise ProtocolError(error.message, cure=cure) from None
    return "the extension's API answers"


async def bc_rights(door: Door, configuration: Configuration, company_id: str) -> str:
    """What kobling may do in Business Central, in words. Raises ProtocolError for rights that are missing."""
    cure = "Give the application the extension's permission set in Business Central."
    return await _rights(door, extension_api(configuration, company_id), _tables(Side.LEFT), cure)


def extension_api(configuration: Configuration, company_id: str) -> str:
    """The address of the extension's API for a company."""
    return f"{configuration.bc.root}{API}/companies({company_id})"


async def _dataverse(configuration: Configuration, chain: _Chain) -> None:
    place = configuration.crm
    api = f"{place.url}/api/data/v9.2"
    async with open_door(configuration, "crm") as door:
        who = await who_am_i(door, configuration)
        chain.passed(f"{place.url} knows client {place.client_id!r}")
        found = await organization(door, configuration, who)
        chain.passed(f"organization {found.name!r} ({found.id}), base currency {found.base_currency}")
        await chain.attempt(crm_user(door, api, found.user_id))
        await chain.attempt(_change_tracking(door, api, _tables(Side.RIGHT)))
        await chain.attempt(crm_rights(door, api))


async def crm_rights(door: Door, api: str) -> str:
    """What kobling may do in Sales, in words. Raises ProtocolError for rights that are missing."""
    cure = "Give the application user a security role with these rights."
    return await _rights(door, api, _tables(Side.RIGHT), cure)


async def crm_user(door: Door, api: str, user_id: str) -> str:
    """Who kobling is in Sales, in words. Raises ProtocolError for a user that is disabled."""
    user = await ask(door, f"{api}/systemusers({user_id})?$select=fullname,isdisabled,applicationid", _User)
    if user.isdisabled:
        raise ProtocolError(f"user {user.fullname!r} is disabled", cure="Enable that user in Dataverse.")
    kind = "a person's user" if user.applicationid is None else "an application user"
    return f"user {user.fullname!r}, {kind}"


async def _change_tracking(door: Door, api: str, tables: dict[str, _Probe]) -> str | tuple[str, str]:
    condition = " or ".join(f"EntitySetName eq '{route}'" for route, one in tables.items() if one.mapped)
    query = f"$select=LogicalName,ChangeTrackingEnabled&$filter={condition}"
    found = (await ask(door, f"{api}/EntityDefinitions?{query}", _Definitions)).value
    off = sorted(one.logical_name for one in found if not one.change_tracking_enabled)
    if off:
        words = f"change tracking is off for {', '.join(off)}, so runs find changes by their times and by ids"
        return words, "Switch 'Track changes' on in the properties of these tables in Power Apps."
    return f"change tracking is on for {', '.join(sorted(one.logical_name for one in found))}"


class _Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of one table. mapped: it is a mapping's own, not one that rules read. changes: the column
    by which a change is asked for; "" where nobody writes to the table."""

    mapped: bool
    changes: str = ""


def _tables(side: Side) -> dict[str, _Probe]:
    """The tables that the shipped mappings and their rules use on that side, by route."""
    used = [one.route for one in REFERENCES.values() if one.side is side and not one.options]
    found = {route: _Probe(mapped=False) for route in used}
    for mapping in default_mappings().values():
        table = mapping.table(side)
        if is_option_table(table.route):
            # Metadata: no table that is tracked or could be changed by way of trial.
            continue
        changes = table.columns[table.title or 0].name if mapping.direction.allows(side) else ""
        before = found.get(table.route, _Probe(mapped=True))
        found[table.route] = _Probe(mapped=True, changes=before.changes or changes)
    return found


def mapped_routes() -> list[str]:
    """The tables of Dataverse that shipped mappings synchronize."""
    return sorted(route for route, one in _tables(Side.RIGHT).items() if one.mapped)


async def _rights(door: Door, base: str, tables: dict[str, _Probe], cure: str) -> str:
    asked = [(route, column) for route, probe in sorted(tables.items()) for column in {"", probe.changes}]
    answers = [_missing(door, f"{base}/{route}", column) for route, column in asked]
    # All are waited for, so none is left behind when the door closes.
    told = await asyncio.gather(*answers, return_exceptions=True)
    for one in told:
        if isinstance(one, BaseException):
            raise one
    missing = sorted(one for one in told if isinstance(one, str) and one)
    if missing:
        raise ProtocolError(f"rights are missing: {'; '.join(missing)}", cure=cure)
    changed = sorted(route for route, probe in tables.items() if probe.changes)
    return f"reads {', '.join(sorted(tables))}; changes {', '.join(changed) or 'nothing'}"


async def _missing(door: Door, place: str, column: str) -> str:
    """The right that is missing, with the service's words; "" where it is there.

    column: by which a change is asked for; "" to ask for reading.
    """
    if column:
        headers = {**HEADERS, "Content-Type": "application/json", "If-Match": "*"}
        body = msgspec.json.encode({column: ""})
        # Nobody has this id, and `If-Match: *` makes no row: what comes back is 'not found' or 'not allowed'.
        url = f"{place}({uuid.uuid4()})"
        answer = await door.send("PATCH", url, headers, body)
    else:
        url = f"{place}?$top=1"
        answer = await door.send("GET", url, HEADERS)
    document: Any = answer.json(door.name)
    error = refusal(door, url, answer, document)
    if answer.status == 403:
        return f"{'change' if column else 'read'} {place.rpartition('/')[2]} ({error.message})"
    fine = answer.status in {400, 404, 412} if column else answer.status == 200
    if not fine:
        raise error
    return ""


async def _database(configuration: Configuration, chain: _Chain) -> None:
    with explained():
        async with database_meanwhile(configuration) as url, session_on(configuration, url) as session:
            aside = await session.set_aside()
            own = {name: one for name, one in session.definitions.items() if name not in every_variant()}
    chain.passed(f"{describe_database(configuration)}; its schema is up to date")
    if aside:
        chain.added("mappings", _misfits(aside))
    if own:
        await chain.attempt_also("own mappings", _own_rights(configuration, list(own.values())))


async def _own_rights(configuration: Configuration, own: Sequence[Definition]) -> str:
    """What kobling may do with the tables of mappings that people made, in words. Raises KoblingError."""
    cure = "Give kobling's users in both services these rights."
    async with open_door(configuration, "bc") as bc, open_door(configuration, "crm") as crm:
        company = chosen_company(await companies(bc, configuration), configuration)
        base = extension_api(configuration, company.id)
        left = await _rights(bc, base, _probes([(one.bc, one.direction) for one in own], Side.LEFT), cure)
        api = f"{configuration.crm.url}/api/data/v9.2"
        right = await _rights(crm, api, _probes([(one.crm, one.direction) for one in own], Side.RIGHT), cure)
    return f"Business Central: {left}. Sales: {right}"


def _probes(tables: Sequence[tuple[Table, Direction]], side: Side) -> dict[str, _Probe]:
    return {
        table.route: _Probe(mapped=True, changes=table.title if direction.allows(side) else "")
        for table, direction in tables
        if not is_option_table(table.route)
    }


def _misfits(aside: Sequence[SetAside]) -> ConfigurationError:
    told = [f"{' '.join(each for each in (one.mapping, one.what) if each)}: {one.message}" for one in aside]
    return ConfigurationError(f"set aside: {'; '.join(told)}", cure=aside[0].cure)
