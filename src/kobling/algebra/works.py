"""What the transformation rules do: each function makes the work of one rule from its arguments.

It raises ValueError, in words for a person, for arguments that the rule cannot have. What it makes is total.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeAlias

import re2

from kobling.algebra.formats import (
    DIRECTIONS,
    format_parts,
    moment_at,
    moment_of,
    moment_text,
    number_of,
    plain_number,
    read_moment,
    read_number,
    reader_of,
    rounded,
    seconds_of,
    write_moment,
    write_number,
)
from kobling.model.look_up import Rejected
from kobling.model.mapping import Step
from kobling.model.values import Value

# As long as the longest text of either service.
LENGTH_MAX: Final = 1_048_576
DAY: Final = ("year", "month", "day")
TIME: Final = (*DAY, "hour", "minute")
_GROUP: Final = re.compile(r"\\(\d|\\)")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")

Work: TypeAlias = Callable[[Value], Value | Rejected]


def text_of(value: Value) -> str | Rejected:
    """The value as text, as a rule for texts takes it."""
    if isinstance(value, str):
        return value if len(value) <= LENGTH_MAX else Rejected("the text is too long to be transformed")
    if isinstance(value, bool):
        return str(value).lower()
    number = number_of(value)
    return Rejected(f"{value!r} is no number that can be written") if number is None else plain_number(number)


def looked_up(table: str, source: str, target: str, rule: str = "target") -> Work:
    """What another table gives for the value. It is asked in bulk, so no chain carries it out."""
    if not all(one.isidentifier() for one in (table, source, target)):
        raise ValueError("field_lookup takes names on the wire, as countriesRegions, code and name")
    if rule not in {"target", "original"}:
        raise ValueError(f"field_lookup gives 'target' or, where that is blank, 'original', not {rule!r}")
    return lambda value: Rejected("a field_lookup stands last, in a row of its own")


def of_text(work: Callable[[str], Value | Rejected]) -> Work:
    def transform(value: Value) -> Value | Rejected:
        text = text_of(value)
        return text if isinstance(text, Rejected) else work(text)

    return transform


def titled(text: str) -> str:
    return _WORD.sub(lambda found: found.group()[0].upper() + found.group()[1:].lower(), text)


def _after(text: str, start: str) -> int:
    """Where the text goes on after `start`; at its end without it."""
    at = text.find(start)
    return len(text) if at < 0 else at + len(start)


def substring(start: int | str, end: int | str | None = None) -> Work:
    if any(isinstance(one, int) and one < 1 for one in (start, end)):
        raise ValueError("positions and lengths of substring begin with 1")

    def cut(text: str) -> str:
        rest = text[start - 1 :] if isinstance(start, int) else text[_after(text, start) :]
        if isinstance(end, int):
            return rest[:end]
        return rest.partition(end)[0] if end else rest

    return of_text(cut)


def replace(old: str, new: str) -> Work:
    if not old:
        raise ValueError("replace needs a text to look for")

    def replace(text: str) -> Value | Rejected:
        if len(text) + text.count(old) * (len(new) - len(old)) > LENGTH_MAX:
            return Rejected("the text grows too long")
        return text.replace(old, new)

    return of_text(replace)


def _pattern(text: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except (re2.error, UnicodeError) as error:
        words = error.args[0] if error.args else ""
        words = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
        raise ValueError(
            f"the pattern {text!r} cannot be used: {words} (looking ahead or back is not known)"
        ) from None


def _encodable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


_NO_TEXT: Final = Rejected("the text holds half a character")


def regex_replace(pattern: str, new: str) -> Work:
    compiled = _pattern(pattern)
    parts = _GROUP.split(new)
    if any(part.isdigit() and int(part) > compiled.groups for part in parts[1::2]):
        raise ValueError(f"{new!r} names a group that {pattern!r} does not have")

    def expanded(found: Any) -> str:
        out = [parts[0]]
        for mark, text in zip(parts[1::2], parts[2::2], strict=True):
            out += ["\\" if mark == "\\" else found.group(int(mark)) or "", text]
        return "".join(out)

    def replace(text: str) -> Value | Rejected:
        if not _encodable(text):
            return _NO_TEXT
        out, at, length = [], 0, 0
        for found in compiled.finditer(text):
            piece = text[at : found.start()] + expanded(found)
            out.append(piece)
            at, length = found.end(), length + len(piece)
            if length > LENGTH_MAX:
                return Rejected("the text grows too long")
        return "".join([*out, text[at:]])

    return of_text(replace)


def regex_match(pattern: str) -> Work:
    compiled = _pattern(pattern)

    def match(text: str) -> Value | Rejected:
        if not _encodable(text):
            return _NO_TEXT
        found = compiled.search(text)
        return "" if found is None else (found.group(1 if compiled.groups else 0) or "")

    return of_text(match)


def values(*texts: str) -> Work:
    pairs = _pairs(texts)
    return of_text(lambda text: pairs.get(text, text))


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    before, after = texts[::2], texts[1::2]
    if not texts or len(texts) % 2 or not all(isinstance(one, str) for one in texts):
        raise ValueError("values is written values(one, other, one, other, ...), all of them texts")
    if len(set(before)) < len(before) or len(set(after)) < len(after):
        raise ValueError("values names one text twice, so it could not be taken back")
    return dict(zip(before, after, strict=True))


def values_back(*texts: str) -> Step:
    back = tuple(text for pair in zip(texts[1::2], texts[::2], strict=True) for text in pair)
    return Step(rule="values", arguments=back)


def added(before: str, after: str) -> Work:
    return of_text(lambda text: f"{before}{text}{after}")


def removed(before: str, after: str) -> Work:
    def remove(text: str) -> Value | Rejected:
        if text.startswith(before) and text.endswith(after) and len(text) >= len(before) + len(after):
            return text[len(before) : len(text) - len(after)]
        place, missing = ("begin", before) if before else ("end", after)
        return Rejected(f"{text[:100]!r} does not {place} with {missing!r}")

    return of_text(remove)


def write_date(text: str) -> Work:
    parts = format_parts(text)

    def write(value: Value) -> Value | Rejected:
        moment = moment_of(value)
        return _no_date(value) if moment is None else write_moment(moment, parts)

    return write


def read_date(text: str, *, needed: tuple[str, ...]) -> Work:
    pattern = reader_of(format_parts(text), needed)

    def read(text_read: str) -> Value | Rejected:
        moment = read_moment(text_read, pattern)
        if moment is None:
            return Rejected(f"{text_read[:100]!r} is no date of the form {text}")
        return moment.date().isoformat() if needed is DAY else moment_text(moment)

    return of_text(read)


def _no_date(value: Value) -> Rejected:
    return Rejected(
        f"{str(value)[:100]!r} is no date"
        if isinstance(value, str)
        else f"a {type(value).__name__} is no date"
    )


def extract_date() -> Work:
    def extract(value: Value) -> Value | Rejected:
        moment = moment_of(value)
        return _no_date(value) if moment is None else moment.date().isoformat()

    return extract


def unix_timestamp() -> Work:
    def stamp(value: Value) -> Value | Rejected:
        moment = moment_of(value)
        return _no_date(value) if moment is None else seconds_of(moment)

    return stamp


def from_unix_timestamp() -> Work:
    def read(value: Value) -> Value | Rejected:
        number = number_of(value)
        moment = None if number is None else moment_at(int(number))
        return Rejected(f"{number!s} is no moment") if moment is None else moment_text(moment)

    return read


def _digits(digits: int) -> int:
    if not 0 <= digits <= 20:
        raise ValueError("decimal takes 0 to 20 digits")
    return digits


def _marks(point: str, thousands: str) -> None:
    if (
        len(point) != 1
        or len(thousands) > 1
        or point == thousands
        or any(one.isdigit() or one in "+-" for one in point + thousands)
    ):
        raise ValueError("the decimal point is one sign, the sign between thousands another or none")


def _number(work: Callable[[Decimal], Value | Rejected]) -> Work:
    def transform(value: Value) -> Value | Rejected:
        number = number_of(value)
        return (
            Rejected(f"{str(value)[:100] if isinstance(value, str) else 'the value'} is no number")
            if number is None
            else work(number)
        )

    return transform


def decimal(digits: int, point: str = ".", thousands: str = "") -> Work:
    _marks(point, thousands)
    count = _digits(digits)
    return _number(lambda number: write_number(number, count, point, thousands))


def read_decimal(point: str = ".", thousands: str = "") -> Work:
    _marks(point, thousands)

    def read(text: str) -> Value | Rejected:
        number = read_number(text, point, thousands)
        return Rejected(f"{text[:100]!r} is no number") if number is None else number

    return of_text(read)


def round_to(precision: int | Decimal, direction: str = "nearest") -> Work:
    step = number_of(precision)
    if step is None or step <= 0:
        raise ValueError("the precision of round is above zero")
    if direction not in DIRECTIONS:
        raise ValueError(f"round goes {', '.join(DIRECTIONS)}, not {direction!r}")
    return _number(lambda number: rounded(number, step, direction))
