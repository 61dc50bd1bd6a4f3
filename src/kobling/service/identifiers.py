"""Ids as people type them: `bc:GUID`, `crm:GUID`, a bare GUID of either side, or a number in BC."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kobling.engine.task import Context, columns_of
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Mapping, Side
from kobling.model.state import Coupling
from kobling.model.values import guid
from kobling.ports import MappingState

_SIDES = {"bc": Side.LEFT, "crm": Side.RIGHT}


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """An id as typed. side: None for a bare one. guid: in lower case, '' where it is a number."""

    text: str
    side: Side | None = None
    guid: str = ""


def read_id(text: str) -> Given:
    """What was typed. Raises ConfigurationError for a prefix without a GUID."""
    prefix, colon, rest = text.partition(":")
    side = _SIDES.get(prefix.casefold()) if colon else None
    spelt = guid((rest if side is not None else text).strip("{} "))
    if side is not None and not spelt:
        raise ConfigurationError(
            f"{text!r} is no id: after {prefix}: a GUID is expected.",
            cure="Write for example bc:8d2f1f5c-0c2b-4f0e-9f3e-0123456789ab, or the number in BC alone.",
        )
    return Given(text=text, side=side, guid=spelt)


async def ids_in_state(store: MappingState, texts: Sequence[str]) -> set[str]:
    """The ids of the records, and of what they are coupled with, that the state knows by these texts."""
    found: set[str] = set()
    for text in texts:
        given = read_id(text)
        couplings = await _couplings(store, given)
        found |= {one for coupling in couplings for one in (coupling.left, coupling.right)}
        if given.guid:
            found.add(given.guid)
    return found


async def _couplings(store: MappingState, given: Given) -> list[Coupling]:
    if not given.guid:
        return await store.named(given.text)
    left = [] if given.side is Side.RIGHT else [given.guid]
    right = [] if given.side is Side.LEFT else [given.guid]
    return await store.couplings(left, right)


async def locate_among(
    context: Context, names: Sequence[str], texts: Sequence[str]
) -> dict[str, dict[Side, list[str]]]:
    """The records that these texts mean, by side, in those of the mappings that know one of them.

    Raises ConfigurationError for a text that no mapping knows.
    """
    if len(names) == 1:
        return {names[0]: await locate(context, context.mappings[names[0]], texts)}
    found: dict[str, dict[Side, list[str]]] = {}
    for text in texts:
        unknown: ConfigurationError | None = None
        anywhere = False
        for name in names:
            try:
                side, identifier = await _locate(context, context.mappings[name], _bare(text))
            except ConfigurationError as error:
                unknown = error
                continue
            anywhere = True
            found.setdefault(name, {one: [] for one in Side})[side].append(identifier)
        if not anywhere and unknown is not None:
            raise ConfigurationError(f"None of {', '.join(names)} has a record {text!r}.", cure=unknown.cure)
    return found


def _bare(text: str) -> Given:
    """What was typed, without its side: a mapping among several must know the record itself."""
    given = read_id(text)
    return msgspec.structs.replace(given, side=None) if given.guid else given


async def locate(context: Context, mapping: Mapping, texts: Sequence[str]) -> dict[Side, list[str]]:
    """The records that these texts mean, by side; what the state does not know is asked of the services.

    Raises ConfigurationError for one that nobody knows.
    """
    found: dict[Side, list[str]] = {Side.LEFT: [], Side.RIGHT: []}
    for text in texts:
        side, identifier = await _locate(context, mapping, read_id(text))
        found[side].append(identifier)
    return found


async def _locate(context: Context, mapping: Mapping, given: Given) -> tuple[Side, str]:
    if given.side is not None:
        return given.side, given.guid
    if given.guid:
        for coupling in await context.stores[mapping.name].couplings([given.guid], [given.guid]):
            return (Side.LEFT if coupling.left == given.guid else Side.RIGHT), given.guid
        for side in Side:
            table = mapping.table(side)
            if await context.services[side].read(table.route, columns_of(mapping, side), [given.guid]):
                return side, given.guid
    number = mapping.left.number
    if not given.guid and number is not None:
        for coupling in await context.stores[mapping.name].named(given.text):
            return Side.LEFT, coupling.left
        column = mapping.left.columns[number].name
        columns = columns_of(mapping, Side.LEFT)
        rows = await context.services[Side.LEFT].find(mapping.left.route, columns, column, [given.text])
        if rows:
            return Side.LEFT, rows[0]["id"]
    raise ConfigurationError(
        f"{mapping.name}: neither side has a record {given.text!r}.",
        cure="Give bc:GUID, crm:GUID, or the number in Business Central.",
    )
