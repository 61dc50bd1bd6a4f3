"""What a connection knows of the others in its database that lead to the same organization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from kobling.model.errors import ConfigurationError

Database = psycopg.AsyncConnection[Any]


async def identify(database: Database, connection_id: int, identities: tuple[str, str, str]) -> None:
    """Remembers whom a connection joins: the BC company, the organization and our user there.

    Raises ConfigurationError where another connection joins the same two.
    """
    try:
        await database.execute(
            "update connection set left_identity = %s, right_identity = %s, right_user = %s where id = %s",
            [*identities, connection_id],
        )
    except psycopg.errors.UniqueViolation:
        company, organization, _ = identities
        raise ConfigurationError(
            f"Another connection in this database joins BC company {company} with Dataverse organization"
            f" {organization} already; two would make every record twice.",
            cure="Use that connection: write its name under [connection], or as KOBLING_CONNECTION_NAME.",
        ) from None


async def owner_of_shared(database: Database, connection_id: int) -> str:
    """The name of the connection that writes tables without a company in the same organization: the first
    that was there; '' if it is this one."""
    cursor = await database.execute(
        "select owner.name from connection join connection as owner using (right_identity)"
        " where connection.id = %s and right_identity <> '' and owner.id < connection.id"
        " order by owner.id limit 1",
        [connection_id],
    )
    row = await cursor.fetchone()
    return "" if row is None else str(row[0])


async def written_elsewhere(database: Database, connection_id: int, versions: Mapping[str, str]) -> set[str]:
    """Of these records on the right those of which another connection knows this version as its own; '' is
    any version."""
    cursor = await database.execute(
        "select right_id::text from coupling join mapping on mapping.id = mapping_id"
        " join connection on connection.id = mapping.connection_id"
        " join unnest(%s::uuid[], %s::text[]) as given(id, version)"
        " on given.id = right_id and given.version in ('', right_version)"
        " where connection.id <> %s and right_identity ="
        " (select right_identity from connection as mine where mine.id = %s)",
        [list(versions), list(versions.values()), connection_id, connection_id],
    )
    return {row[0] async for row in cursor}
