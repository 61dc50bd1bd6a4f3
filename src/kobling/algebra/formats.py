"""Dates, times and numbers as people write them, there and back.

A format of a date is made of `yyyy`, `yy`, `MM`, `M`, `dd`, `d`, `HH`, `H`, `mm`, `m`, `ss` and `s`; what is
no letter stands for itself. Names of months and days are left out, as they belong to a language.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from typing import Final

from kobling.model.values import Value

_TOKENS: Final = {
    "yyyy": ("{0.year:04}", r"(?P<year>\d{4})"),
    "yy": ("{1:02}", ""),
    "MM": ("{0.month:02}", r"(?P<month>\d{2})"),
    "M": ("{0.month}", r"(?P<month>\d{1,2})"),
    "dd": ("{0.day:02}", r"(?P<day>\d{2})"),
    "d": ("{0.day}", r"(?P<day>\d{1,2})"),
    "HH": ("{0.hour:02}", r"(?P<hour>\d{2})"),
    "H": ("{0.hour}", r"(?P<hour>\d{1,2})"),
    "mm": ("{0.minute:02}", r"(?P<minute>\d{2})"),
    "m": ("{0.minute}", r"(?P<minute>\d{1,2})"),
    "ss": ("{0.second:02}", r"(?P<second>\d{2})"),
    "s": ("{0.second}", r"(?P<second>\d{1,2})"),
}
_PARTS: Final = re.compile(r"([A-Za-z])\1*|[^A-Za-z]")
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,7})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
# Larger numbers are no amounts, and written out they would fill the memory.
_DIGITS_MAX: Final = 40
_CONTEXT: Final = Context(prec=4 * _DIGITS_MAX)
DIRECTIONS: Final = {"nearest": ROUND_HALF_UP, "up": ROUND_UP, "down": ROUND_DOWN}


def format_parts(text: str) -> list[str]:
    """The parts of a date's format. Raises ValueError that names the part that is unknown."""
    parts = [found.group() for found in _PARTS.finditer(text)]
    unknown = [one for one in parts if one[0].isalpha() and one not in _TOKENS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no part of a date; use {', '.join(_TOKENS)}")
    return parts


def moment_of(value: Value) -> datetime | None:
    """The moment that a service's text means, in universal time; None for what is no date."""
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def moment_text(moment: datetime) -> str:
    """The moment as both services write it, to the second."""
    return f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def write_moment(moment: datetime, parts: list[str]) -> str:
    """The moment in that format."""
    return "".join(
        _TOKENS[one][0].format(moment, moment.year % 100) if one in _TOKENS else one for one in parts
    )


def reader_of(parts: list[str], needed: tuple[str, ...]) -> re.Pattern[str]:
    """Reads that format. Raises ValueError where it does not say all that is `needed`, or says it twice."""
    text = "".join(_TOKENS[one][1] if one in _TOKENS else re.escape(one) for one in parts)
    try:
        pattern = re.compile(text, re.ASCII)
    except re.error:
        raise ValueError("the format says one part twice") from None
    missing = [one for one in needed if one not in pattern.groupindex]
    if missing:
        raise ValueError(f"a date cannot be read by a format without the {' and the '.join(missing)}")
    return pattern


def read_moment(text: str, pattern: re.Pattern[str]) -> datetime | None:
    """The moment that the text means; None for what the format does not fit."""
    found = pattern.fullmatch(text.strip())
    if found is None:
        return None
    numbers = {name: int(value) for name, value in found.groupdict().items()}
    try:
        return datetime(**numbers, tzinfo=UTC)
    except ValueError:
        return None


def seconds_of(moment: datetime) -> int:
    """Whole seconds since 1970."""
    return (moment - _EPOCH) // _SECOND


def moment_at(seconds: int) -> datetime | None:
    """The moment of a number of seconds since 1970; None outside the calendar."""
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None


def number_of(value: Value) -> Decimal | None:
    """The number that a value is, or spells with a point; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d{1,40}(\.\d{1,40})?", value.strip(), re.ASCII):
        return None
    number = Decimal(value.strip() if isinstance(value, str) else value)
    return number if number.is_finite() and -_DIGITS_MAX < number.adjusted() < _DIGITS_MAX else None


def plain_number(number: Decimal) -> str:
    """The number without an exponent."""
    return f"{number:f}"


def rounded(number: Decimal, precision: Decimal, direction: str) -> Decimal:
    """The nearest multiple of `precision`, or the next away from zero (up) or towards it (down)."""
    steps = _CONTEXT.divide(number, precision).quantize(Decimal(1), DIRECTIONS[direction], _CONTEXT)
    result = _CONTEXT.multiply(steps, precision)
    return result if result else abs(result)


def write_number(number: Decimal, digits: int, point: str, thousands: str) -> str:
    """The number with that many decimals, rounded half up."""
    result = rounded(number, Decimal(1).scaleb(-digits), "nearest")
    text = f"{result:,.{digits}f}"
    return text.translate({ord(","): thousands, ord("."): point})


def read_number(text: str, point: str, thousands: str) -> Decimal | None:
    """The number that the text means; None where it spells none."""
    plain = text.strip().replace(thousands, "") if thousands else text.strip()
    if point != "." and "." in plain:
        return None
    return number_of(plain.replace(point, "."))
