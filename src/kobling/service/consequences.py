"""What a change of a mapping does to the pairs that are coupled already: said before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kobling.catalogue.definition import Changes, Definition, changed
from kobling.catalogue.load import executable
from kobling.catalogue.sources import SOURCES
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Direction, Mapping
from kobling.service.entails import leaving
from kobling.service.session import Session

_TURNED: Final = {
    (Direction.TO_RIGHT, Direction.TO_LEFT),
    (Direction.TO_LEFT, Direction.TO_RIGHT),
}


async def consequences(session: Session, definition: Definition, old: Changes, new: Changes) -> list[str]:
    """What a person should know before these changes are made, in sentences without a full stop; none where
    the coupled pairs flow on as before."""
    count = await session.state.count_couplings(definition.name)
    if not count:
        return []
    before, after = changed(definition, old).direction, changed(definition, new).direction
    said = []
    if (before, after) in _TURNED:
        said.append(f"its {count} coupled pairs flow {after} from now on, and no longer {before}")
    outside = await _leaving(session, definition, old, new)
    if outside:
        said.append(
            f"{outside} of its {count} coupled pairs are outside the filter from now on: they stay coupled, "
            "and nothing flows between them"
        )
    return said


async def ask_first(
    session: Session, definition: Definition, old: Changes, new: Changes, *, yes: bool
) -> None:
    """Raises ConfigurationError with what the changes would do to coupled pairs, unless a person said yes."""
    said = [] if yes else await consequences(session, definition, old, new)
    if said:
        raise unasked(definition, said)


def unasked(definition: Definition, said: Sequence[str]) -> ConfigurationError:
    """The error for changes that would do this to coupled pairs, and to which nobody said yes."""
    return ConfigurationError(f"{definition.name}: {'; '.join(said)}.", cure="Say --yes to do it.")


async def _leaving(session: Session, definition: Definition, old: Changes, new: Changes) -> int:
    before = await _executable(session, definition, old)
    after = await _executable(session, definition, new)
    if before is None or after is None:
        return 0
    return await leaving(session, before, after)


async def _executable(session: Session, definition: Definition, changes: Changes) -> Mapping | None:
    if not definition.ready:
        return None
    available = {*session.definitions, *SOURCES}
    try:
        return executable(definition, changes, available, await session.settings())
    except ConfigurationError:
        return None
