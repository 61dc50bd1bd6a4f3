"""The schedule: its entries as people see and change them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from kobling.adapters.postgres.schedule_store import ScheduleStore, Stored
from kobling.algebra.schedule import held, ready, retimed, shown
from kobling.catalogue.definition import Definition
from kobling.catalogue.schedule import TimingEdits, edited, name_of, timing_of
from kobling.catalogue.settings import ConnectionSettings, is_automatic
from kobling.engine.pause import paused_words
from kobling.model.errors import ConfigurationError
from kobling.model.schedule import EVERY_DAY, MINUTES_OF_DAY, Entry, Status, Timing, Work
from kobling.service.session import Document, Session

NEVER: Final = "never"
DEFAULT: Final = "default"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTE_SECONDS: Final = 60
_MINUTES_MAX: Final = 366 * MINUTES_OF_DAY
_ATTEMPTS_MAX: Final = 1_000
_CATEGORY_LETTERS_MAX: Final = 30
_ONCE_SECONDS: Final = 1
# Every key of `schedule set`, with what it means.
KEYS: Final = {
    "every_minutes": "How often it runs.",
    "inactivity_minutes": "How long it is on hold after a run that found nothing: `0` until a change "
    "wakes it, `never` not at all.",
    "attempts": "How many runs in a row may fail.",
    "delay_seconds": "How long after the first of them it is tried again; the delay doubles each time.",
    "category": "Entries of one category run one after the other; empty for none.",
    "days": "The days of the week, as `mon,tue,wed`, or `all`.",
    "hours": "The part of the day, as `06:00-22:00`, also over midnight; `all` for the whole day.",
    "time_zone": "Whose clock `days` and `hours` go by, as `Europe/Oslo`.",
    "quiet_minutes": "For how long its runs may do nothing before that is an alert; `never` for ever.",
}


async def list_entries(session: Session) -> Document:
    """Every entry: `{"entries": [...]}`."""
    store = schedule_store(session)
    async with store.changing() as now:
        entries = await known_entries(session, store, now)
    return {"entries": _documents(entries, await going_names(session), now)}


async def set_timing(session: Session, name: str, edits: Sequence[str]) -> Document:
    """Changes when the entry of a mapping runs. Raises ConfigurationError."""
    given = [_given(one) for one in edits]

    def change(stored: Stored, now: datetime) -> tuple[Entry, TimingEdits]:
        changes = stored.edits
        for key, text in given:
            changes = _edit(changes, key, text)
        timing = edited(timing_of(stored.entry.mapping), changes)
        return retimed(stored.entry, timing, now, zone_of(timing)), changes

    return await _change(session, [name], change)


async def hold_entries(session: Session, names: Sequence[str]) -> Document:
    """Puts entries on hold; what runs goes on to its end. Raises ConfigurationError."""
    return await _change(session, names, lambda stored, now: (held(stored.entry), stored.edits))


async def ready_entries(session: Session, names: Sequence[str]) -> Document:
    """Sets entries going: they start at once. Raises ConfigurationError."""
    return await _change(session, names, lambda stored, now: (ready(stored.entry, now), stored.edits))


async def ask_for_run(session: Session, name: str, *, full: bool) -> Document:
    """Queues one run of a mapping for a worker. Raises ConfigurationError."""
    [chosen] = session.named([name], await session.mappings())
    chosen = session.definitions[chosen].part_of or chosen
    store = schedule_store(session)
    async with store.changing() as now:
        await known_entries(session, store, now)
        soon = now + timedelta(seconds=_ONCE_SECONDS)
        number = await store.ask_once(chosen, Work.FULL if full else Work.CHANGES, soon)
        entries = await known_entries(session, store, now)
    made = [one for one in entries if one.entry.id == number]
    return {"entries": _documents(made, await going_names(session), now)}


def schedule_store(session: Session) -> ScheduleStore:
    """The entries of the session's connection."""
    return ScheduleStore(session.state.database, session.state.connection_id)


async def known_entries(session: Session, store: ScheduleStore, now: datetime) -> list[Stored]:
    """The entries of every mapping that this version carries out, made where they are missing."""
    settings = await session.settings()
    names = [name for name, one in session.definitions.items() if has_entry(one, settings)]
    await store.ensure(names, now)
    return await store.entries(names)


def has_entry(definition: Definition, settings: ConnectionSettings) -> bool:
    """Whether the schedule has an entry of its own for the mapping."""
    by_hand = definition.auto and not is_automatic(definition, settings)
    return definition.ready and not definition.part_of and not by_hand


async def enabled_names(session: Session) -> frozenset[str]:
    """The mappings that take part in runs."""
    changes = await session.changes()
    return frozenset(
        name for name, one in changes.items() if one.is_enabled and session.definitions[name].ready
    )


async def going_names(session: Session) -> frozenset[str]:
    """The mappings whose entries start: none while the connection is paused."""
    return frozenset() if await paused_words(session.state) else await enabled_names(session)


def zone_of(timing: Timing) -> tzinfo:
    """The time zone that an entry goes by."""
    return ZoneInfo(timing.time_zone)


async def _change(
    session: Session, names: Sequence[str], change: Callable[[Stored, datetime], tuple[Entry, TimingEdits]]
) -> Document:
    """Changes the recurring entries of these mappings, of all without a name; how they are then."""
    chosen = {session.definition(name).name for name in names} or set(session.definitions)
    store = schedule_store(session)
    async with store.changing() as now:
        for stored in await known_entries(session, store, now):
            if stored.entry.mapping in chosen and stored.entry.recurring:
                entry, edits = change(stored, now)
                await store.save(entry, stored.queue_job)
                await store.edit(entry, edits)
        after = await known_entries(session, store, now)
    kept = [one for one in after if one.entry.mapping in chosen and one.entry.recurring]
    if not kept:
        session.named(names, await session.mappings())
    return {"entries": _documents(kept, await going_names(session), now)}


def _documents(entries: Sequence[Stored], going: frozenset[str], now: datetime) -> list[Document]:
    plain = [one.entry for one in entries]
    return [_document(one, plain, one.mapping in going, now) for one in plain]


def _document(entry: Entry, entries: Sequence[Entry], going: bool, now: datetime) -> Document:
    timing = entry.timing
    # The entry of a disabled mapping never starts, and none does while the connection is paused.
    status = shown(entry, entries, now) if going or entry.running else Status.ON_HOLD
    start = entry.next_start if going and status is not Status.ON_HOLD else None
    inactivity = timing.inactivity_seconds
    return {
        "name": name_of(entry),
        "mapping": entry.mapping,
        "status": status.value,
        "next_start": None if start is None else start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "recurring": entry.recurring,
        "every_minutes": timing.every_seconds // _MINUTE_SECONDS,
        "inactivity_minutes": None if inactivity is None else inactivity // _MINUTE_SECONDS,
        "attempts": entry.attempts,
        "attempts_max": timing.attempts_max,
        "delay_seconds": timing.delay_seconds,
        "category": timing.category,
        "days": [DAYS[one] for one in timing.days],
        "hours": f"{_clock(timing.opens)}-{_clock(timing.closes)}",
        "time_zone": timing.time_zone,
        "quiet_minutes": None if timing.quiet_seconds is None else timing.quiet_seconds // _MINUTE_SECONDS,
        "message": entry.message,
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _given(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or key not in KEYS:
        raise ConfigurationError(f"{text!r} is no key=value.", cure=f"The keys: {', '.join(KEYS)}.")
    return key, value.strip()


def _edit(edits: TimingEdits, key: str, text: str) -> TimingEdits:
    names = _FIELDS[key]
    if text == DEFAULT:
        return msgspec.structs.replace(edits, **dict.fromkeys(names, msgspec.UNSET))
    values = _READERS[key](key, text)
    return msgspec.structs.replace(edits, **dict(zip(names, values, strict=True)))


def _number(key: str, text: str, minimum: int, maximum: int) -> int:
    # `int` also takes other digits, underscores and a sign.
    if text.isascii() and text.isdecimal() and len(text) < 10 and minimum <= int(text) <= maximum:
        return int(text)
    raise ConfigurationError(f"{key}={text} is no number from {minimum} to {maximum}.", cure=f"{KEYS[key]}")


def _minutes(key: str, text: str) -> tuple[int | None]:
    if key in {"inactivity_minutes", "quiet_minutes"} and text == NEVER:
        return (None,)
    least = 0 if key == "inactivity_minutes" else 1
    return (_number(key, text, least, _MINUTES_MAX) * _MINUTE_SECONDS,)


def _category(key: str, text: str) -> tuple[str]:
    if len(text) > _CATEGORY_LETTERS_MAX or not text.isprintable():
        raise ConfigurationError(
            f"{key} is no short text.", cure=f"Use at most {_CATEGORY_LETTERS_MAX} printable characters."
        )
    return (text,)


def _days(key: str, text: str) -> tuple[tuple[int, ...]]:
    named = text.casefold().replace(" ", "").split(",")
    if named == ["all"]:
        return (EVERY_DAY,)
    if not set(named) <= set(DAYS):
        raise ConfigurationError(
            f"{key}={text} names no days.", cure=f"Use some of {','.join(DAYS)}, or all."
        )
    return (tuple(sorted({DAYS.index(one) for one in named})),)


def _hours(key: str, text: str) -> tuple[int, int]:
    if text == "all":
        return 0, MINUTES_OF_DAY
    parts = [_minute_of_day(one) for one in text.split("-")]
    if len(parts) != 2 or None in parts or parts[0] == parts[1] or parts[0] == MINUTES_OF_DAY or not parts[1]:
        raise ConfigurationError(
            f"{key}={text} is no part of a day.", cure="Write it like 06:00-22:00, up to 24:00, or all."
        )
    assert parts[0] is not None
    return parts[0], parts[1]


def _minute_of_day(text: str) -> int | None:
    hour, _, minute = text.partition(":")
    if not all(one.isascii() and one.isdecimal() and len(one) == 2 for one in (hour, minute)):
        return None
    of_day = int(hour) * 60 + int(minute)
    return of_day if int(minute) < 60 and of_day <= MINUTES_OF_DAY else None


def _time_zone(key: str, text: str) -> tuple[str]:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ConfigurationError(f"{key}={text!r} is unknown.", cure="Write it like Europe/Oslo.") from None
    return (text,)


_READERS: Final[dict[str, Callable[[str, str], tuple[object, ...]]]] = {
    "every_minutes": _minutes,
    "inactivity_minutes": _minutes,
    "attempts": lambda key, text: (_number(key, text, 1, _ATTEMPTS_MAX),),
    "delay_seconds": lambda key, text: (_number(key, text, 0, _MINUTES_MAX),),
    "category": _category,
    "days": _days,
    "hours": _hours,
    "time_zone": _time_zone,
    "quiet_minutes": _minutes,
}
_FIELDS: Final = {
    "every_minutes": ("every_seconds",),
    "inactivity_minutes": ("inactivity_seconds",),
    "attempts": ("attempts_max",),
    "delay_seconds": ("delay_seconds",),
    "category": ("category",),
    "days": ("days",),
    "hours": ("opens", "closes"),
    "time_zone": ("time_zone",),
    "quiet_minutes": ("quiet_seconds",),
}
