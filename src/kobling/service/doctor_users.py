"""Who writes in Dataverse: the integration user with its roles, and other integrations beside it.

The connection set-up of Business Central's own integration is in no API. What shows from outside is the user
that it writes as: an application with one of its roles, or rows that another application wrote.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

import msgspec

from kobling.adapters.odata.http import Door
from kobling.model.errors import KoblingError
from kobling.service.checks import mapped_routes
from kobling.service.configuration import Configuration
from kobling.service.connection import ask, open_door, who_am_i
from kobling.service.finding import Finding, hint, problem

_BUILT_IN: Final = "business central"
_ADMINISTRATOR: Final = "System Administrator"
_LATELY_DAYS: Final = 30
# Tables are asked about so many other applications at most; Dataverse has some of its own.
_USERS_MAX: Final = 25


class _Role(msgspec.Struct):
    name: str = ""


class _User(msgspec.Struct):
    systemuserid: str
    fullname: str | None = None
    applicationid: str | None = None
    systemuserroles_association: list[_Role] = []

    @property
    def roles(self) -> list[str]:
        return sorted(one.name for one in self.systemuserroles_association)


class _Users(msgspec.Struct):
    value: list[_User]


class _Written(msgspec.Struct):
    writer: str = msgspec.field(name="_modifiedby_value")


class _WrittenRows(msgspec.Struct):
    value: list[_Written]


async def examine_users(configuration: Configuration) -> list[Finding]:
    """The integration user's roles, and who else writes to the tables of the mappings."""
    api = f"{configuration.crm.url}/api/data/v9.2"
    try:
        async with open_door(configuration, "crm") as door:
            ours = (await who_am_i(door, configuration)).user_id
            query = "$select=fullname,applicationid&$expand=systemuserroles_association($select=name)"
            user = await ask(door, f"{api}/systemusers({ours})?{query}", _User)
            condition = quote(f"applicationid ne null and isdisabled eq false and systemuserid ne {ours}")
            others = (await ask(door, f"{api}/systemusers?{query}&$filter={condition}", _Users)).value
            return [_roles(user), *await _beside(door, api, others)]
    except KoblingError as error:
        return [hint("crm roles", f"not tested: {error.message}", error.cure)]


def _roles(user: _User) -> Finding:
    name, roles = user.fullname or user.systemuserid, ", ".join(user.roles)
    if not user.roles:
        cure = "Give it a role in the Power Platform admin center, under Application users."
        return problem("crm roles", f"user {name!r} has no security role", cure, 3)
    if user.applicationid is None:
        return problem(
            "crm roles",
            f"kobling writes as {name!r}, a person's user: what the person changes is taken for our own",
            "Use an application user that nobody else works as.",
        )
    if _ADMINISTRATOR in user.roles:
        cure = "A role with the rights that `kobling connection test` asks for is enough, and safer."
        return hint("crm roles", f"user {name!r} has {roles}", cure)
    return Finding(name="crm roles", message=f"user {name!r} has {roles}")


async def _beside(door: Door, api: str, others: list[_User]) -> list[Finding]:
    """Other applications that look like an integration."""
    built_in = [one for one in others if any(_BUILT_IN in role.casefold() for role in one.roles)]
    found = [
        hint(
            "other integrations",
            f"{one.fullname!r} has the role {', '.join(one.roles)}: Microsoft's own integration may be on",
            "Switch it off: clear Enabled on the page Dataverse Connection Setup in Business Central. Two"
            " integrations of the same records undo each other's work.",
        )
        for one in built_in
    ]
    writers = await _writers(door, api, others[:_USERS_MAX])
    found += [
        hint(
            "other integrations",
            f"{name!r} wrote to {', '.join(routes)} within {_LATELY_DAYS} days",
            "If it keeps the same records in step with Business Central, switch it off.",
        )
        for name, routes in sorted(writers.items())
    ]
    return found or [Finding(name="other integrations", message="no other application writes to our tables")]


async def _writers(door: Door, api: str, others: list[_User]) -> dict[str, list[str]]:
    """The tables that each of these users has written to lately, by the user's name."""
    found: dict[str, list[str]] = {}
    if not others:
        return found
    names = {one.systemuserid.lower(): one.fullname or one.systemuserid for one in others}
    since = (datetime.now(UTC) - timedelta(days=_LATELY_DAYS)).strftime("%Y-%m-%dT%H:%M:%SZ")
    users = " or ".join(f"_modifiedby_value eq {one}" for one in names)
    query = f"$select=_modifiedby_value&$top=50&$filter={quote(f'modifiedon ge {since} and ({users})')}"
    for route in mapped_routes():
        rows = (await ask(door, f"{api}/{route}?{query}", _WrittenRows)).value
        for writer in sorted({one.writer.lower() for one in rows}):
            found.setdefault(names.get(writer, writer), []).append(route)
    return found
