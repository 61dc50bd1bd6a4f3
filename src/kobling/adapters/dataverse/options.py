"""The values of choice columns as rows of a table, read and written through Dataverse's metadata.

The route `options/ENTITY.COLUMN` has one row for each value: `value`, the label under the column's own name,
and `code`, what Business Central would call it. Metadata has neither ids nor versions nor authors, so the id
is made of column and value, the version of value and label, and before each write the options are read again
and compared with what the plan knew.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any, Final, TypeAlias

import msgspec

from kobling.adapters.dataverse.multipart import Part
from kobling.adapters.odata.answer import Answer, refused
from kobling.adapters.odata.http import Door
from kobling.adapters.odata.results import undone
from kobling.catalogue.definition import OPTION_ROUTE
from kobling.catalogue.options import code_of
from kobling.model.errors import FeedExpiredError, ProtocolError
from kobling.ports import Method, Outcome, Page, Row, RowResult, RowWrite

_NAME: Final = "Dataverse"
_NAMESPACE: Final = uuid.UUID("5f2e7a0c-6d1b-5a43-9c0e-1b7f0d8a4e26")
# New values begin at the range of publishers; what stands below belongs to the service itself.
_FIRST_VALUE: Final = 100_000_000
_LANGUAGE: Final = 1033
_RIGHTS: Final = (
    "Give the application user in Dataverse the rights to customize tables and to publish, for example by "
    "the role System Customizer."
)
_KIND: Final = "Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
_QUERY: Final = "$select=LogicalName&$expand=OptionSet,GlobalOptionSet"
_HEADERS: Final = {"Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0"}
# Documents have choices of their own, which must know what an account may hold.
_COPIES: Final = {
    "account.paymenttermscode": (
        "salesorder.paymenttermscode",
        "quote.paymenttermscode",
        "invoice.paymenttermscode",
    ),
    "account.address1_freighttermscode": ("salesorder.freighttermscode", "quote.freighttermscode"),
    "account.address1_shippingmethodcode": (
        "salesorder.shippingmethodcode",
        "quote.shippingmethodcode",
        "invoice.shippingmethodcode",
    ),
}

Batch: TypeAlias = Callable[[Sequence[Part], bool], Awaitable[list[Answer]]]


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a choice column. language: of the label, as the service numbers languages."""

    value: int
    label: str
    language: int = _LANGUAGE

    @property
    def digest(self) -> str:
        """Another one as soon as value or label is another."""
        return sha256(f"{self.value} {self.label}".encode()).hexdigest()[:16]


# By value.
_Options: TypeAlias = dict[int, Option]


class _Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What a write does to its column, and before that to the columns that are kept like it."""

    place: str
    option: Option
    own: Part | None
    copies: tuple[Part, ...]


def is_option_table(route: str) -> bool:
    """Whether a route is of the values of a choice column."""
    return route.startswith(OPTION_ROUTE)


def options_part(api: str, entity: str, columns: Sequence[str]) -> Part:
    """The request for the choices of these columns of an entity; of all its columns where none is named."""
    url = f"{api}/EntityDefinitions(LogicalName='{entity}')/Attributes/{_KIND}?{_QUERY}"
    if columns:
        url += "&$filter=" + "%20or%20".join(f"LogicalName%20eq%20'{name}'" for name in columns)
    return Part("GET", url)


def option_rows(entity: str, attributes: Sequence[Row]) -> Iterator[Row]:
    """The choices of an entity's columns as rows of a reference table."""
    for attribute in attributes:
        name = str(attribute["LogicalName"])
        for one in _options(attribute).values():
            code = code_of(name, one.value, one.label)
            identifier = _id(f"{entity}.{name}", one.value)
            yield {"column": name, "value": one.value, "label": one.label, "id": identifier, "code": code}


class OptionTables:
    """The choice columns of one environment. api: its address. batch: sends parts and says what was answered;
    its flag tells that they write."""

    def __init__(self, api: str, door: Door, batch: Batch) -> None:
        self._api = api
        self._door = door
        self._batch = batch

    async def changes(self, route: str, token: str | None) -> AsyncIterator[Page]:
        """The options that are others than when the token was given: it is a digest of each.

        Raises FeedExpiredError for a token that is none.
        """
        before = {} if token is None else _read_token(route, token)
        place = _place(route)
        options = await self._options(place)
        now = {one.value: one.digest for one in options.values()}
        changed = [one for one in options.values() if before.get(one.value) != one.digest]
        deleted = [_id(place, value) for value in before if value not in now]
        after = " ".join(f"{value}:{digest}" for value, digest in sorted(now.items()))
        yield Page(rows=[_row(place, one) for one in changed], deleted=deleted, token=after)

    async def rows(self, route: str) -> list[Row]:
        """Every option of the column."""
        place = _place(route)
        return [_row(place, one) for one in (await self._options(place)).values()]

    async def write(self, writes: Sequence[RowWrite]) -> list[RowResult]:
        """Inserts and renames options, after comparing with what is there now; none is deleted.

        What is kept like the column goes first: where that is refused the column stays as it is, and where a
        run dies in between, its own write is still to come.
        """
        places = dict.fromkeys(place for one in writes for place in _all_places(_place(one.table)))
        held = await self._held(list(places))
        plans = [self._planned(one, held) for one in writes]
        ready = [one for one in plans if isinstance(one, _Planned)]
        copied = await self._sent([part for one in ready for part in one.copies])
        refusals: dict[int, Answer] = {}
        for one in ready:
            answers, copied = copied[: len(one.copies)], copied[len(one.copies) :]
            refusals |= {id(one): answer for answer in answers if _is_refused(answer)}
        going = [(id(one), one.own) for one in ready if id(one) not in refusals and one.own is not None]
        answers = await self._sent([own for _, own in going])
        answered = refusals | {key: one for (key, _), one in zip(going, answers, strict=True)}
        await self._publish({one.place for one in ready if not _is_refused(answered.get(id(one)))})
        return [
            one if isinstance(one, RowResult) else _result(write, one, answered.get(id(one)))
            for write, one in zip(writes, plans, strict=True)
        ]

    async def _options(self, place: str) -> _Options:
        options = _held_in(place, await self._door.send("GET", self._address(place), _HEADERS))
        if options is None:
            raise ProtocolError(
                f"{_NAME} has no choice column {place}.",
                cure="Check that the solution with this column is installed, or disable the mapping.",
            )
        return options

    async def _held(self, places: Sequence[str]) -> dict[str, _Options | None]:
        """The options of these columns; None for a column that the environment does not have."""
        answers = await self._batch([Part("GET", self._address(one)) for one in places], False)
        return {place: _held_in(place, answer) for place, answer in zip(places, answers, strict=True)}

    def _address(self, place: str) -> str:
        entity, column = _split(place)
        definition = f"{self._api}/EntityDefinitions(LogicalName='{entity}')"
        return f"{definition}/Attributes(LogicalName='{column}')/{_KIND}?{_QUERY}"

    async def _sent(self, parts: Sequence[Part]) -> list[Answer]:
        return await self._batch(parts, True) if parts else []

    def _planned(self, one: RowWrite, held: dict[str, _Options | None]) -> _Planned | RowResult:
        place = _place(one.table)
        option = _wanted(one, place, held)
        if isinstance(option, RowResult):
            return option
        parts = {each: self._made_so(each, option, held[each]) for each in _all_places(place)}
        # The next write of the same batch sees this one.
        for each in parts:
            if (options := held[each]) is not None:
                options[option.value] = option
        own = parts.pop(place)
        copies = tuple(part for part in parts.values() if part is not None)
        return _Planned(place=place, option=option, own=own, copies=copies)

    def _made_so(self, place: str, option: Option, options: _Options | None) -> Part | None:
        """The message after which the column has this option; None where it has it, or is not there."""
        if options is None:
            return None
        known = options.get(option.value)
        alike = known is not None and known.label == option.label
        return None if alike else self._message(place, option, new=known is None)

    def _message(self, place: str, option: Option, *, new: bool) -> Part:
        entity, column = _split(place)
        body: dict[str, Any] = {
            "EntityLogicalName": entity,
            "AttributeLogicalName": column,
            "Value": option.value,
            "Label": {"LocalizedLabels": [{"Label": option.label, "LanguageCode": option.language}]},
        }
        if not new:
            body["MergeLabels"] = True
        name = "InsertOptionValue" if new else "UpdateOptionValue"
        return Part("POST", f"{self._api}/{name}", (), msgspec.json.encode(body))

    async def _publish(self, places: set[str]) -> None:
        """Makes what was written show in the apps."""
        entities = sorted({_split(each)[0] for one in places for each in _all_places(one)})
        if not entities:
            return
        names = "".join(f"<entity>{one}</entity>" for one in entities)
        xml = f"<importexportxml><entities>{names}</entities></importexportxml>"
        part = Part("POST", f"{self._api}/PublishXml", (), msgspec.json.encode({"ParameterXml": xml}))
        for answer in await self._sent([part]):
            if _is_refused(answer):
                raise refused(_NAME, "the publishing of option values", answer, _RIGHTS)


def _place(route: str) -> str:
    return route.removeprefix(OPTION_ROUTE)


def _all_places(place: str) -> tuple[str, ...]:
    return (place, *_COPIES.get(place, ()))


def _split(place: str) -> tuple[str, str]:
    entity, _, column = place.partition(".")
    return entity, column


def _id(place: str, value: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{place}/{value}"))


def _version(option: Option) -> str:
    return f'W/"{option.digest}"'


def _row(place: str, option: Option) -> Row:
    column = _split(place)[1]
    return {
        "id": _id(place, option.value),
        "@odata.etag": _version(option),
        "modifiedBy": "",
        "value": option.value,
        "code": code_of(column, option.value, option.label),
        column: option.label,
    }


def _held_in(place: str, answer: Answer) -> _Options | None:
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise refused(_NAME, f"the options of {place}", answer, _RIGHTS)
    return _options(answer.row(f"{_NAME} for the options of {place}"))


def _options(attribute: Row) -> _Options:
    """A label is in the user's language, else the first that there is."""
    chosen = attribute.get("OptionSet") or attribute.get("GlobalOptionSet") or {}
    found: _Options = {}
    for option in chosen.get("Options") or ():
        label = option.get("Label") or {}
        own = label.get("UserLocalizedLabel") or next(iter(label.get("LocalizedLabels") or ()), None) or {}
        found[option["Value"]] = Option(
            value=option["Value"],
            label=str(own.get("Label") or ""),
            language=own.get("LanguageCode") or _LANGUAGE,
        )
    return found


def _free(place: str, label: str, held: dict[str, _Options | None]) -> int:
    """The next value that the column does not have, and that no column kept like it has for another label:
    a copy that an interrupted write left is taken up again."""
    sets = [held[one] or {} for one in _COPIES.get(place, ())]
    value = max((one + 1 for one in held[place] or () if one >= _FIRST_VALUE), default=_FIRST_VALUE)
    while any(value in one and one[value].label != label for one in sets):
        value += 1
    return value


def _wanted(one: RowWrite, place: str, held: dict[str, _Options | None]) -> Option | RowResult:
    """The option as the write wants it, or why it cannot be."""
    options = held[place]
    if options is None:
        return RowResult(outcome=Outcome.REJECTED, message=f"Dataverse has no choice column {place}")
    if one.method is Method.DELETE:
        words = "an option is not deleted, as records may hold its value; delete it in Power Apps"
        return RowResult(outcome=Outcome.REJECTED, message=words)
    label = str(one.body.get(_split(place)[1], ""))
    if one.method is Method.CREATE:
        language = next((each.language for each in options.values()), _LANGUAGE)
        return Option(value=_free(place, label, held), label=label, language=language)
    known = next((each for each in options.values() if _id(place, each.value) == one.id), None)
    if known is None:
        return RowResult(outcome=Outcome.GONE, message="there is no such option")
    if _version(known) != one.version:
        return RowResult(outcome=Outcome.STALE, message="the option has changed")
    return msgspec.structs.replace(known, label=label)


def _is_refused(answer: Answer | None) -> bool:
    return answer is not None and answer.status >= 400


def _result(write: RowWrite, planned: _Planned, answer: Answer | None) -> RowResult:
    if answer is not None and _is_refused(answer):
        return undone(write, answer, None)
    return RowResult(outcome=Outcome.DONE, row=_row(planned.place, planned.option))


def _read_token(route: str, token: str) -> dict[int, str]:
    try:
        pairs = [one.split(":") for one in token.split()]
        return {int(value): digest for value, digest in pairs}
    except ValueError:
        raise FeedExpiredError(
            f"The stored place in the changes of {route} cannot be read.",
            cure="The options must be read anew as a whole.",
        ) from None
