"""Making one side's value out of the other's.

`convert` is total: every source value becomes a value, or says why not (KEEP: the destination keeps its own;
Missing: a look-up without an answer yet; Rejected: no value can be made of it).
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from kobling.model.look_up import KEEP, Answer, Keep, LookUps, Rejected
from kobling.model.mapping import Column, FieldRow, Mapping, Side
from kobling.model.pair import Missing
from kobling.model.values import Value, Values, is_blank


def fit(value: Value, column: Column) -> Value:
    """The value as `column` can hold it: blank in its own form, codes upper-cased, text cut to length."""
    if is_blank(value):
        return column.blank
    if not isinstance(value, str):
        return value
    if column.upper:
        value = value.strip(" ").upper()
    return value if column.maximum is None else _cut(value, column.maximum)


def _cut(text: str, maximum: int) -> str:
    """The longest beginning of at most `maximum` UTF-16 units, as both services count, never half a sign."""
    if len(text) * 2 <= maximum:
        return text
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) <= maximum * 2:
        return text
    return units[: maximum * 2].decode("utf-16-le", "ignore")


def key_of(row: FieldRow, source: Values, target: Side) -> str:
    """What `row` asks its source for, '' for blank, to make a value for `target`."""
    position = row.column(target.other) if row.conversion.key is None else row.conversion.key
    value = row.conversion.constant if position is None else source[position]
    if is_blank(value):
        return ""
    text = str(value)
    # A look-up with several tables holds `entity/id`; the id is what couplings know.
    return text.rpartition("/")[2] if row.conversion.entity else text


def convert(mapping: Mapping, row: FieldRow, source: Values, target: Side, look_ups: LookUps) -> Answer:
    """What `row` makes of the other side's values for `target`."""
    position = row.column(target)
    assert position is not None, f"{row.name} has no column on the {target} side"
    column = mapping.table(target).columns[position]
    value = _value(row, source, target)
    if row.not_null and is_blank(value):
        return KEEP
    kind = row.conversion.kind
    if kind == "plain":
        return fit(value, column)
    if kind == "look_up":
        return _look_up(row, source, column, target, look_ups)
    return _product(row, value, source, column, target, look_ups)


def _value(row: FieldRow, source: Values, target: Side) -> Value:
    origin = row.column(target.other)
    if origin is None:
        origin = row.conversion.key
    value = row.conversion.constant if origin is None else source[origin]
    for other in row.conversion.otherwise:
        if not is_blank(value):
            break
        value = source[other]
    return value


def _look_up(row: FieldRow, source: Values, column: Column, target: Side, look_ups: LookUps) -> Answer:
    key = key_of(row, source, target)
    found = look_ups.get((row.conversion.source, target, key))
    if found is None and key:
        return _missing(row, key)
    if found is None or isinstance(found, Keep | Missing | Rejected):
        return column.blank if found is None else found
    if row.conversion.entity and target is Side.RIGHT and not is_blank(found):
        return f"{row.conversion.entity}/{found}"
    return fit(found, column)


def _product(
    row: FieldRow, value: Value, source: Values, column: Column, target: Side, look_ups: LookUps
) -> Answer:
    if is_blank(value):
        return column.blank
    key = key_of(row, source, target)
    factor = look_ups.get((row.conversion.source, target, key))
    if factor is None:
        return _missing(row, key)
    if isinstance(factor, Keep | Missing | Rejected):
        return factor
    if not isinstance(value, int | Decimal) or not isinstance(factor, int | Decimal):
        return Rejected(f"{row.name} {value!r} is not a number")
    if value < 0:
        return Rejected(f"{row.name} {value} is negative, and the other side takes no negative amount")
    return round_half_up(Decimal(value) * Decimal(factor), row.conversion.digits)


def round_half_up(number: Decimal, digits: int) -> Decimal:
    """The number with that many decimals, as both services round money."""
    return number.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def _missing(row: FieldRow, key: str) -> Missing:
    where = row.conversion.source
    return Missing(mapping=where, key=key, reason=f"{row.name} {key!r} is not coupled in {where}")
