"""Making one side's value out of the other's.

A converter is total: every source value becomes a value, or says why not (KEEP: the destination keeps its
own; Missing: a look-up without an answer yet; Rejected: no value can be made of it). It is made once for a
row and a side, so that a run of a million records asks each question about the row only once.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final, TypeAlias

from kobling.algebra.chain import Chain, chain
from kobling.model.look_up import KEEP, Answer, Keep, LookUps, Outside, Rejected, key_of_parts
from kobling.model.mapping import Column, FieldRow, Mapping, Side
from kobling.model.pair import Missing
from kobling.model.values import BLANKS, Value, Values, is_blank

Converter: TypeAlias = Callable[[Values, LookUps], Answer]
_Reader: TypeAlias = Callable[[Values], Value]
_OPEN: Final = (Keep, Missing, Rejected, Outside)
_LARGEST_EXPONENT: Final = 300
# A product of two numbers of that size is exact, so it is rounded only once.
_EXACT: Final = Context(prec=8 * _LARGEST_EXPONENT, rounding=ROUND_HALF_UP)


def is_open(answer: Answer) -> bool:
    """Whether a converter made no value: the destination keeps its own, or it is said why."""
    return answer.__class__ in _OPEN


def fit(value: Value, column: Column) -> Value:
    """The value as `column` can hold it: blank in its own form, codes upper-cased, text cut to length."""
    if is_blank(value):
        return column.blank
    if not isinstance(value, str):
        return value
    if column.upper:
        value = value.strip(" ").upper()
    if column.maximum is not None:
        value = _cut(value, column.maximum)
    if column.upper:
        value = value.rstrip(" ")
    return column.blank if is_blank(value) else value


def _cut(text: str, maximum: int) -> str:
    """The longest beginning of at most `maximum` UTF-16 units, as both services count, never half a sign."""
    if len(text) * 2 <= maximum or (len(text) <= maximum and text.isascii()):
        return text
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) <= maximum * 2:
        return text
    cut = units[: maximum * 2].decode("utf-16-le", "surrogatepass")
    return cut if text.startswith(cut) else cut[:-1]


def key_of(mapping: Mapping, row: FieldRow, source: Values, target: Side) -> str:
    """What `row` asks its source for, '' for blank, to make a value for `target`."""
    return key_reader(mapping, row, target)(source)


def key_reader(mapping: Mapping, row: FieldRow, target: Side) -> Callable[[Values], str]:
    """Reads, from the source's values, what `row` asks its source for; '' for blank."""
    position = row.column(target.other) if row.conversion.key is None else row.conversion.key
    constant = row.conversion.constant
    # A look-up with several tables holds `entity/id`; the id is what couplings know. A code may hold a `/`.
    entity = row.conversion.entity if target is Side.LEFT else ""
    within = row.conversion.within if target is Side.RIGHT else ()
    work = chain(mapping, row, target) if row.conversion.kind == "look_up" else None

    def read(source: Values) -> str:
        value = constant if position is None else source[position]
        if work is not None:
            value = _read_as(work(value, source))
        if within:
            return key_of_parts(*(source[one] for one in within), value)
        if is_blank(value):
            return ""
        text = str(value)
        return text.rpartition("/")[2] if entity else text

    return read


def convert(mapping: Mapping, row: FieldRow, source: Values, target: Side, look_ups: LookUps) -> Answer:
    """What `row` makes of the other side's values for `target`."""
    return converter(mapping, row, target)(source, look_ups)


def converter(mapping: Mapping, row: FieldRow, target: Side) -> Converter:
    """Makes `row`'s value for `target` of the other side's values."""
    position = row.column(target)
    assert position is not None, f"{row.name} has no column on the {target} side"
    column, work = mapping.table(target).columns[position], chain(mapping, row, target)
    kind = row.conversion.kind
    if kind == "look_up":
        made = _look_up(mapping, row, column, target)
    elif kind == "product":
        made = _product(mapping, row, column, target)
    elif kind == "not_negative":
        made = _not_negative(_plain(_reader(mapping, row, target), column))
    elif kind == "last_word":
        made = _last_word(mapping, row, column, target)
    else:
        made = _plain(_reader(mapping, row, target), column)
    if row.not_null:
        made = _unless_blank(_reader(mapping, row, target), made)
    return made if work is None else _unless_refused(row, _untransformed(row, target), work, made)


def cutter(mapping: Mapping, row: FieldRow, target: Side) -> Callable[[Values], bool] | None:
    """Tells of a source whether what the row makes of it is longer than the column of `target` holds; None
    for a row that makes no text, or whose text always fits."""
    position, origin = row.column(target), row.column(target.other)
    if position is None or origin is None or row.conversion.kind != "plain":
        return None
    column, whole = mapping.table(target).columns[position], mapping.table(target.other).columns[origin]
    maximum = column.maximum
    fits = whole.maximum is not None and maximum is not None and whole.maximum <= maximum
    if maximum is None or (fits and not row.conversion.steps(target)):
        return None
    read = _reader(mapping, row, target)

    def is_cut(source: Values) -> bool:
        value = read(source)
        if not isinstance(value, str):
            return False
        text = value.strip(" ") if column.upper else value
        return _cut(text, maximum) != text

    return is_cut


def _unless_refused(row: FieldRow, read: _Reader, work: Chain, made: Converter) -> Converter:
    def transformed(source: Values, look_ups: LookUps) -> Answer:
        result = work(read(source), source)
        if isinstance(result, Rejected):
            return Rejected(f"{row.name}: {result.reason}")
        return made(source, look_ups)

    return transformed


def _read_as(result: Value | Rejected) -> Value:
    """What a transformation made. Where it refuses, the row says so and nothing more is made of it."""
    return None if isinstance(result, Rejected) else result


def _reader(mapping: Mapping, row: FieldRow, target: Side) -> _Reader:
    """Reads the row's source value as its transformation makes it."""
    read, work = _untransformed(row, target), chain(mapping, row, target)
    return read if work is None else lambda source: _read_as(work(read(source), source))


def _untransformed(row: FieldRow, target: Side) -> _Reader:
    """Reads the row's source value, and in turn what stands in for a blank one."""
    origin = row.column(target.other)
    if origin is None:
        origin = row.conversion.key
    constant, otherwise = row.conversion.constant, row.conversion.otherwise
    if origin is None:
        return lambda source: constant
    if not otherwise:
        return lambda source: source[origin]

    def read(source: Values) -> Value:
        value = source[origin]
        for other in otherwise:
            if not is_blank(value):
                break
            value = source[other]
        return value

    return read


def _unless_blank(read: _Reader, made: Converter) -> Converter:
    return lambda source, look_ups: KEEP if is_blank(read(source)) else made(source, look_ups)


def _plain(read: _Reader, column: Column) -> Converter:
    blank, maximum = column.blank, column.maximum
    shortest = 0 if maximum is None else maximum // 2

    def text(source: Values, look_ups: LookUps) -> Answer:
        value = read(source)
        if value.__class__ is str:
            if value in BLANKS:
                return blank
            return value if maximum is None or len(value) <= shortest else fit(value, column)
        return blank if value is None else value

    return (lambda source, look_ups: fit(read(source), column)) if column.upper else text


def _not_negative(made: Converter) -> Converter:
    def not_negative(source: Values, look_ups: LookUps) -> Answer:
        value = made(source, look_ups)
        return 0 if isinstance(value, int | Decimal) and value < 0 else value

    return not_negative


def _last_word(mapping: Mapping, row: FieldRow, column: Column, target: Side) -> Converter:
    read, table = _reader(mapping, row, target), mapping.table(target.other)
    assert table.title is not None, f"{table.name} has no title to take a word of"
    title = table.title

    def last_word(source: Values, look_ups: LookUps) -> Answer:
        value = read(source)
        if not is_blank(value):
            return fit(value, column)
        words = str(source[title] or "").split()
        if words:
            return fit(words[-1], column)
        return Rejected(f"{row.name} and {table.columns[title].caption} are blank; fill in one of them")

    return last_word


def _look_up(mapping: Mapping, row: FieldRow, column: Column, target: Side) -> Converter:
    read, source_name = key_reader(mapping, row, target), row.conversion.source
    prefix = f"{row.conversion.entity}/" if row.conversion.entity and target is Side.RIGHT else ""

    def look_up(source: Values, look_ups: LookUps) -> Answer:
        key = read(source)
        found = look_ups.get((source_name, target, key))
        if found is None:
            return _missing(row, key) if key else column.blank
        if found.__class__ in _OPEN:
            return found
        if prefix and not is_blank(found):  # type: ignore[arg-type]
            return f"{prefix}{found}"
        return fit(found, column)  # type: ignore[arg-type]

    return look_up


def _product(mapping: Mapping, row: FieldRow, column: Column, target: Side) -> Converter:
    value_of, key_for, source_name = (
        _reader(mapping, row, target),
        key_reader(mapping, row, target),
        row.conversion.source,
    )

    def product(source: Values, look_ups: LookUps) -> Answer:
        value = value_of(source)
        if is_blank(value):
            return column.blank
        key = key_for(source)
        factor = look_ups.get((source_name, target, key))
        if factor is None:
            return _missing(row, key)
        if factor.__class__ in _OPEN:
            return factor
        return _times(row, value, factor)  # type: ignore[arg-type]

    return product


def _times(row: FieldRow, value: Value, factor: Value) -> Answer:
    numbers = [
        Decimal(one)
        for one in (value, factor)
        if isinstance(one, int | Decimal) and not isinstance(one, bool)
    ]
    if len(numbers) < 2 or not all(one.is_finite() and one.adjusted() < _LARGEST_EXPONENT for one in numbers):
        return Rejected(f"{row.name} {value!r} is not an amount that can be converted")
    if numbers[0] < 0:
        return Rejected(f"{row.name} {value} is negative, and the other side takes no negative amount")
    if numbers[1] < 0:
        return Rejected(f"{row.name} {value} cannot be converted: the factor {factor} is negative")
    return round_half_up(_EXACT.multiply(*numbers), row.conversion.digits)


def round_half_up(number: Decimal, digits: int) -> Decimal:
    """The number with that many decimals, as both services round money; zero has no sign."""
    rounded = _EXACT.quantize(number, Decimal(1).scaleb(-digits))
    return rounded if rounded else abs(rounded)


def _missing(row: FieldRow, key: str) -> Missing:
    where = row.conversion.source
    return Missing(mapping=where, key=key, reason=f"{row.name} {key!r} is not coupled in {where}")
