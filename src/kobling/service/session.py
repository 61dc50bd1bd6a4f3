"""An installation in use: its configuration, its database, its mappings, and the two services when needed."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import psycopg

from kobling.adapters.postgres.connection_store import ConnectionStore
from kobling.adapters.postgres.examination import home
from kobling.adapters.postgres.schema import open_database
from kobling.adapters.postgres.store import PostgresStore
from kobling.adapters.telemetry.tracing import traced
from kobling.catalogue.definition import NO_CHANGES, Changes, Definition, changed
from kobling.catalogue.field_lookups import sources_of
from kobling.catalogue.fitting import SetAside, fitting, read_changes
from kobling.catalogue.load import definitions, every_variant, executable, only_coupling
from kobling.catalogue.settings import NO_SETTINGS, ConnectionSettings, known_settings, words_of
from kobling.catalogue.sources import SOURCES
from kobling.engine.rehearse import Rehearsal
from kobling.engine.task import Context, Options
from kobling.model.errors import ConfigurationError
from kobling.model.look_up import Facts
from kobling.model.mapping import Mapping, Side
from kobling.ports import Service
from kobling.service.configuration import Configuration
from kobling.service.connection import Connection, connect, services
from kobling.service.database import database

_PLACE: Final = "place"
_ABOUT: Final = "about"
# Where the database was when it was used last; see `check_home`.
HOME: Final = "home"
# The company by the name under which the web client opens it.
COMPANY_NAME: Final = "company name"


def _silent(what: str, count: int) -> None:
    """Nobody watches."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out of the Sales side when the connection was first used at its place."""

    base_currency: str = ""
    business_unit: str = ""


class Session:
    """One connection's state and mappings. Make one with `open_session`."""

    def __init__(
        self,
        configuration: Configuration,
        state: ConnectionStore,
        settings: ConnectionSettings = NO_SETTINGS,
        *,
        url: str = "",
    ) -> None:
        self.configuration = configuration
        self.state = state
        self.definitions: dict[str, Definition] = definitions(settings)
        self._settings = settings
        self._url = url
        # Why mappings take no part although they are enabled.
        self._out: dict[str, SetAside] = {}

    async def changes(self) -> dict[str, Changes]:
        """What a person changed of each mapping, as far as it fits the mapping as it is now."""
        return {name: one for name, (one, _) in (await self._judged()).items()}

    async def shown_changes(self) -> dict[str, Changes]:
        """The same, with mappings disabled that take no part for a change that does not fit."""
        return {
            name: msgspec.structs.replace(one, enabled=False) if name in self._out else one
            for name, one in (await self.changes()).items()
        }

    async def set_aside(self) -> list[SetAside]:
        """Stored changes that do not fit, and what to do about each."""
        aside = [each for _, found in (await self._judged()).values() for each in found]
        for name, stored in (await self.state.settings()).items():
            if "definition" in stored and name not in self.definitions:
                aside += read_changes(name, stored)[1]
        return aside

    async def _judged(self) -> dict[str, tuple[Changes, list[SetAside]]]:
        stored = {name: one for name, one in (await self.state.settings()).items() if one}
        read = {name: read_changes(name, stored[name]) for name in self.definitions if name in stored}
        enabled = {name for name in self.definitions if name not in read or read[name][0].is_enabled}
        available, settings = frozenset(enabled | set(SOURCES)), await self.settings()
        found: dict[str, tuple[Changes, list[SetAside]]] = {}
        for name, definition in self.definitions.items():
            changes, unread = read.get(name, (NO_CHANGES, []))
            if changes is not NO_CHANGES:
                changes, misfits = fitting(definition, changes, available, settings)
                unread = [*unread, *misfits]
            found[name] = (changes, unread)
        self._out = {one.mapping: one for _, aside in found.values() for one in aside if one.whole}
        return found

    async def load_own(self) -> None:
        """Takes in the mappings that a person made."""
        for name, stored in (await self.state.settings()).items():
            definition = read_changes(name, stored)[0].definition if "definition" in stored else None
            if definition is not None:
                self.definitions[name] = definition
            elif name in self.definitions and name not in every_variant():
                del self.definitions[name]

    async def changed(self, name: str) -> Definition:
        """The mapping of that name as a person's changes make it. Raises ConfigurationError."""
        definition = self.definition(name)
        return changed(definition, (await self.changes())[definition.name])

    async def settings(self) -> dict[str, str]:
        """What a person set of the connection as a whole."""
        return known_settings(await self.state.connection_settings())

    async def refresh(self) -> None:
        """Takes in what others have set of the connection, and made, since the session was opened."""
        settings = await self.settings()
        if settings != self._settings:
            self._settings = settings
            self.definitions = definitions(settings)
        await self.load_own()

    async def turn(self, settings: ConnectionSettings) -> None:
        """Stores the settings of the connection; what they leave in is what there is from here on."""
        await self.state.change_connection_settings(dict(settings))
        self.definitions = definitions(settings)
        await self.load_own()

    async def mappings(self) -> dict[str, Mapping]:
        """Every enabled mapping, ready to run."""
        changes, settings = await self.changes(), await self.settings()
        enabled = {
            name
            for name, one in changes.items()
            if one.is_enabled and name not in self._out and self.definitions[name].ready
        }
        available = frozenset(enabled | set(SOURCES))
        found = {
            name: executable(self.definitions[name], changes[name], available, settings)
            for name in sorted(enabled)
        }
        owner = await self.state.owner_of_shared()
        if owner:
            shared = [name for name in found if self.definitions[name].shared]
            found |= {name: only_coupling(found[name], owner) for name in shared}
        return found

    def definition(self, name: str) -> Definition:
        """The mapping of that name, however it is written. Raises ConfigurationError."""
        found = {one.casefold(): one for one in self.definitions}.get(name.casefold())
        if found is None:
            raise self._unknown(name)
        return self.definitions[found]

    def _unknown(self, name: str) -> ConfigurationError:
        others = {one.casefold(): each for one, each in every_variant().items()}
        left_out = others.get(name.casefold(), ())
        if not left_out:
            cure = f"Name one of: {', '.join(self.definitions)}."
            return ConfigurationError(f"There is no mapping {name!r}.", cure=cure)
        ways = [" ".join(f"{key}={value}" for key, value in words_of(one.only).items()) for one in left_out]
        return ConfigurationError(
            f"The mapping {left_out[0].name} is left out by the settings of the connection.",
            cure=f"Turn it on: kobling connection set {' or '.join(ways)}.",
        )

    def _takes_no_part(self, aside: SetAside) -> ConfigurationError:
        return ConfigurationError(aside.words, cure=aside.cure)

    def check_whole(self, name: str, keys: Collection[str]) -> None:
        """Whether nothing that is set aside would be lost by a change of these keys: more might come through
        then than a person wants. Raises ConfigurationError."""
        aside = self._out.get(name)
        if aside is not None and aside.what and aside.what not in keys:
            raise self._takes_no_part(aside)

    def named(self, names: Sequence[str], mappings: dict[str, Mapping]) -> list[str]:
        """These mappings by their own names. Raises ConfigurationError for an unknown or a disabled one."""
        chosen = [self.definition(name).name for name in names]
        for name in chosen:
            if not self.definitions[name].ready:
                raise ConfigurationError(
                    f"The mapping {name} is only defined; this version does not carry it out.",
                    cure=f"Name one of: {', '.join(mappings)}.",
                )
            if name in self._out:
                raise self._takes_no_part(self._out[name])
            if name not in mappings:
                raise ConfigurationError(
                    f"The mapping {name} is disabled.",
                    cure=f"Enable it: kobling mapping set {shlex.quote(name)} enabled=on.",
                )
        return list(dict.fromkeys(chosen))

    async def without_finder(self, names: Sequence[str], every: bool) -> list[str]:
        """Those of the mappings that create an uncoupled record without looking for it on the other side."""
        mappings = await self.mappings()
        chosen = list(mappings) if every else self.named(names, mappings)
        return [name for name in chosen if not (mappings[name].finder or mappings[name].part_of)]

    async def store(self, name: str) -> PostgresStore:
        """The store of one enabled mapping."""
        mappings = await self.mappings()
        [chosen] = self.named([name], mappings)
        return await self.state.mapping(mappings[chosen])

    async def check_home(self) -> None:
        """Nothing is written by a copy: the one that it was made of may be at work, or know more.

        Raises ConfigurationError.
        """
        here, known = await home(self.state.database), (await self.state.marks()).get(HOME)
        if known is None:
            await self.state.keep_mark(HOME, here)
        elif known != here:
            raise ConfigurationError(
                "The database is a copy, or was restored from a backup: nothing is written.",
                cure="If this is the one that goes on, and no other one does: kobling database adopt.",
            )

    @asynccontextmanager
    async def context(
        self,
        options: Options,
        *,
        rehearse: bool = False,
        progress: Callable[[str, int], None] = _silent,
    ) -> AsyncIterator[Context]:
        """Everything that a run needs, with both services connected."""
        await self.check_home()
        blank = {name: frozenset(one.blank_options) for name, one in (await self.changes()).items()}
        place = self._place()
        known = (await self.state.marks()).get(_PLACE) == place
        company, organization, user = await self.state.identities() if known else ("", "", "")
        async with connect(self.configuration, company_id=company or None, url=self._url) as connection:
            if not company or not organization or not user:
                company, organization, user = await self._identify(connection, place)
            # Only now it is known whether another connection writes what belongs to no company.
            mappings = await self.mappings()
            sources, references = sources_of(mappings.values())
            yield Context(
                services=_wrapped(await services(connection, mappings.values()), rehearse),
                state=self.state,
                stores={name: await self.state.mapping(one) for name, one in mappings.items()},
                mappings=mappings,
                sources=sources,
                references=references,
                facts=Facts(
                    tables={},
                    today=datetime.now(UTC).date(),
                    company=company,
                    mappings=frozenset(mappings),
                    blank=blank,
                ),
                namespace=uuid.uuid5(
                    uuid.NAMESPACE_URL, f"{self.configuration.bc.root} {company} {organization}"
                ),
                options=options,
                rehearse=rehearse,
                progress=progress,
                reports={},
                integration_user=user,
            )

    def _place(self) -> str:
        """Where the configuration leads."""
        bc, crm = self.configuration.bc, self.configuration.crm
        return f"{bc.root} {bc.company} {crm.url} {crm.client_id}"

    async def about(self) -> About:
        """What is known of the Sales side; nothing before the first use there."""
        marks = await self.state.marks()
        there = marks.get(_PLACE) == self._place() and _ABOUT in marks
        return msgspec.json.decode(marks[_ABOUT], type=About) if there else About()

    async def forget_place(self) -> None:
        """Who stands on both sides is found out anew when the connection is used next."""
        await self.state.keep_mark(_PLACE, "")

    async def _identify(self, connection: Connection, place: str) -> tuple[str, str, str]:
        """Who stands on both sides, and who we are in Sales; refused if the database is somebody else's."""
        company = await connection.company_id()
        organization = await connection.organization()
        await self.state.identify(company, organization.id, organization.user_id)
        await self.state.keep_mark(COMPANY_NAME, (await connection.company()).name)
        about = About(
            base_currency=organization.base_currency, business_unit=await connection.business_unit()
        )
        await self.state.keep_mark(_ABOUT, msgspec.json.encode(about).decode())
        await self.state.keep_mark(_PLACE, place)
        return company, organization.id, organization.user_id

    @asynccontextmanager
    async def locked(
        self, names: Sequence[str], wait: Callable[[str], None], *, rehearse: bool = False
    ) -> AsyncIterator[None]:
        """Holds these mappings, in one order for everybody. A rehearsal holds none, and whatever it stores is
        forgotten at its end."""
        async with AsyncExitStack() as stack:
            if rehearse:
                await stack.enter_async_context(self.state.rehearsal())
            for name in () if rehearse else sorted(names):
                await stack.enter_async_context(self.state.lock(name, wait))
            yield


def _wrapped(pair: dict[Side, Service], rehearse: bool) -> dict[Side, Service]:
    return {side: Rehearsal(one) for side, one in pair.items()} if rehearse else pair


@asynccontextmanager
async def open_session(configuration: Configuration) -> AsyncIterator[Session]:
    """The session of a configuration; the database is started and brought up to date if need be."""
    with traced(configuration.trace.url), database(configuration) as url:
        async with session_on(configuration, url) as session:
            yield session


@asynccontextmanager
async def session_on(configuration: Configuration, url: str) -> AsyncIterator[Session]:
    """The session of a configuration on the database at `url`, which is brought up to date if need be."""
    connection = await open_database(url)
    try:
        yield await session_over(configuration, connection, url)
    finally:
        await connection.close()


async def session_over(
    configuration: Configuration, connection: psycopg.AsyncConnection[Any], url: str
) -> Session:
    """A session of a configuration on a connection to the database that is open already."""
    state = await ConnectionStore.open(connection, configuration.connection.name)
    settings = known_settings(await state.connection_settings())
    session = Session(configuration, state, settings, url=url)
    await session.load_own()
    return session


Document = dict[str, Any]
