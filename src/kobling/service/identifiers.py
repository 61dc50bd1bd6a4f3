"""Ids as people type them: `bc:GUID`, `crm:GUID`, a bare GUID of either side, or a number in BC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from kobling.algebra.transform import fit
from kobling.engine.task import Context, columns_of
from kobling.engine.through import known_as
from kobling.model.errors import ConfigurationError
from kobling.model.look_up import key_of_parts
from kobling.model.mapping import Mapping, Side
from kobling.model.values import guid
from kobling.ports import MappingState

_SIDES: Final = {"bc": Side.LEFT, "crm": Side.RIGHT}
_CURE: Final = "Give bc:GUID, crm:GUID, or the number in Business Central."
_Place = tuple[Side, str]


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


async def ids_in_state(store: MappingState, text: str) -> set[str]:
    """The ids of the record, and of what it is coupled with, that the state knows by this text."""
    given = read_id(text)
    if not given.guid:
        couplings = await store.named([text])
    else:
        sides = {side: [given.guid] if given.side in {None, side} else [] for side in Side}
        couplings = await store.couplings(sides[Side.LEFT], sides[Side.RIGHT])
    found = {one for coupling in couplings for one in (coupling.left, coupling.right)}
    return found | {given.guid} if given.guid else found


async def locate_among(
    context: Context, names: Sequence[str], texts: Sequence[str]
) -> dict[str, dict[Side, list[str]]]:
    """The records that these texts mean, by side, in those of the mappings that know one of them.

    Raises ConfigurationError for a text that no mapping knows.
    """
    if len(names) == 1:
        return {names[0]: await locate(context, context.mappings[names[0]], texts)}
    # A mapping among several must know the record itself, whatever side is said.
    given = [msgspec.structs.replace(one, side=None) for one in map(read_id, texts)]
    places = {name: await _places(context, context.mappings[name], given) for name in names}
    for one in given:
        if not any(one.text in found for found in places.values()):
            raise ConfigurationError(f"None of {', '.join(names)} has a record {one.text!r}.", cure=_CURE)
    return {name: _by_side(found, texts) for name, found in places.items() if found}


async def locate(context: Context, mapping: Mapping, texts: Sequence[str]) -> dict[Side, list[str]]:
    """The records that these texts mean, by side; what the state does not know is asked of the services.

    Raises ConfigurationError for one that nobody knows.
    """
    places = await _places(context, mapping, [read_id(one) for one in texts])
    for text in texts:
        if text not in places:
            raise ConfigurationError(f"{mapping.name}: neither side has a record {text!r}.", cure=_CURE)
    return _by_side(places, texts)


def _by_side(places: dict[str, _Place], texts: Sequence[str]) -> dict[Side, list[str]]:
    found = [places[one] for one in texts if one in places]
    return {side: [identifier for there, identifier in found if there is side] for side in Side}


async def _places(context: Context, mapping: Mapping, given: Sequence[Given]) -> dict[str, _Place]:
    """The side and the id that each text means; what nobody knows is left out."""
    ids = await _sides(context, mapping, [one.guid for one in given if one.guid and one.side is None])
    numbers = await numbered(context, mapping, [one.text for one in given if not one.guid])
    places: dict[str, _Place] = {}
    for one in given:
        if one.side is not None:
            places[one.text] = one.side, one.guid
        elif one.guid in ids:
            places[one.text] = ids[one.guid], one.guid
        elif not one.guid and one.text.casefold() in numbers:
            places[one.text] = Side.LEFT, numbers[one.text.casefold()]
    return places


async def _sides(context: Context, mapping: Mapping, ids: Sequence[str]) -> dict[str, Side]:
    """The side on which each of these ids stands."""
    if not ids:
        return {}
    couplings = await context.stores[mapping.name].couplings(ids, ids)
    coupled = {one.id(side): side for one in couplings for side in Side}
    found = {one: coupled[one] for one in ids if one in coupled}
    for side in Side:
        unknown = [one for one in ids if one not in found]
        if unknown:
            route, columns = mapping.table(side).route, columns_of(mapping, side)
            rows = await context.services[side].read(route, columns, unknown)
            found |= dict.fromkeys(rows, side)
    return found


async def numbered(context: Context, mapping: Mapping, numbers: Sequence[str]) -> dict[str, str]:
    """The ids of the records in Business Central with these numbers, by the number's folded case; a number
    that nobody has is left out."""
    if not numbers or mapping.left.number is None:
        return {}
    if mapping.left.known_by:
        found = {one.casefold(): await _by_parts(context, mapping, one) for one in numbers}
        return {number: one for number, one in found.items() if one}
    found = {
        one.left_number.casefold(): one.left for one in await context.stores[mapping.name].named(numbers)
    }
    unknown = [one for one in numbers if one.casefold() not in found]
    if unknown:
        column, columns = mapping.left.columns[mapping.left.number].name, columns_of(mapping, Side.LEFT)
        rows = await context.services[Side.LEFT].find(mapping.left.route, columns, column, unknown)
        found |= {str(row[column]).casefold(): row["id"] for row in rows}
    return found


async def _by_parts(context: Context, mapping: Mapping, text: str) -> str:
    """The id of the record in Business Central that several columns tell apart, written as `1000/PCS`; its
    number alone is enough where only one has it. '' for a text that means none of them.

    Raises ConfigurationError for one that means several.
    """
    table = mapping.left
    columns = [table.columns[one] for one in table.known_by]
    parts = text.rsplit("/", len(columns) - 1)
    if len(parts) == len(columns):
        asked = key_of_parts(*(fit(part, one) for part, one in zip(parts, columns, strict=True)))
        found = [one.id for one in (await known_as(context, mapping, Side.LEFT, [asked])).values()]
    else:
        assert table.number is not None, f"{mapping.name} is asked for by number and has none"
        read, name = columns_of(mapping, Side.LEFT), table.columns[table.number].name
        rows = await context.services[Side.LEFT].find(table.route, read, name, [text])
        found = [str(row["id"]) for row in rows]
    if len(found) <= 1:
        return next(iter(found), "")
    raise ConfigurationError(
        f"{mapping.name}: {len(found)} records of {table.name} are called {text!r}.",
        cure=f"Write {'/'.join(one.caption for one in columns)}, or an id.",
    )
