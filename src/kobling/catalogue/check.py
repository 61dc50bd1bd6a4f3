"""Whether a mapping file makes sense: every name in it is known, every row can be carried out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NoReturn

from kobling.algebra.rules import FIELD_LOOKUP
from kobling.catalogue.definition import (
    Column,
    ColumnType,
    Definition,
    Field,
    FilterCondition,
    Only,
    Plain,
    Table,
)
from kobling.catalogue.filter_expression import parse_expression
from kobling.catalogue.settings import OFF, SETTINGS, words_of
from kobling.catalogue.transformation_text import Transformation, columns_read, misfit, parse_transformation
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Direction, Moment, Side

_KINDS = ("plain", "look_up", "product", "not_negative", "last_word")
_ASKING = ("look_up", "product")
_VALUES = {ColumnType.INTEGER: int, ColumnType.DECIMAL: int, ColumnType.BOOLEAN: bool}

# What can be written as it is into columns of other types; a choice of Sales is a number, never a name.
_TAKEN = {one: {one} for one in ColumnType} | {
    ColumnType.TEXT: {ColumnType.TEXT, ColumnType.OPTION},
    ColumnType.OPTION: {ColumnType.OPTION, ColumnType.TEXT},
    ColumnType.DECIMAL: {ColumnType.DECIMAL, ColumnType.INTEGER},
    # A fraction is refused by the service, for that record alone.
    ColumnType.INTEGER: {ColumnType.INTEGER, ColumnType.DECIMAL},
}
_SWITCHES = tuple(name for name, one in SETTINGS.items() if OFF in one.values)


def check(definition: Definition, file: str) -> None:
    """Raises ConfigurationError that names the file and the place of what is wrong first."""
    for side, table in (("bc", definition.bc), ("crm", definition.crm)):
        _table(table, f"{file}: {side}")
    check_filters(definition, file)
    check_templates(definition, file)
    _only(definition.only, file)
    for bc, crm in definition.finder.items():
        _known(definition.bc.columns, bc, f"{file}: finder")
        _known(definition.crm.columns, crm, f"{file}: finder")
    places = [
        f"{file}: fields[{index}] ({field.bc or field.crm or 'without columns'})"
        for index, field in enumerate(definition.fields)
    ]
    for field, place in zip(definition.fields, places, strict=True):
        _field(definition, field, place)
        _once(definition, field, place)
    # Last, as they look at other rows.
    for field, place in zip(definition.fields, places, strict=True):
        if field.chooses:
            _chooser(definition, field, place)


def _table(table: Table, place: str) -> None:
    names = [table.title, *([] if table.number is None else [table.number]), *table.known_by, *table.template]
    for name in names:
        _known(table.columns, name, place)
    for name, value in table.template.items():
        _fits(table.columns[name], value, f"{place}.template")
    for name, column in table.columns.items():
        if column.entity_of:
            _real(table, column.entity_of, f"{place}.columns.{name}")


def check_templates(definition: Definition, place: str) -> None:
    """Whether the templates of both sides have names, and name what is there. Raises ConfigurationError."""
    for side, table, source in (
        ("bc", definition.bc, definition.crm),
        ("crm", definition.crm, definition.bc),
    ):
        names = [one.name for one in table.templates]
        for index, one in enumerate(table.templates):
            here = f"{place}: {side}.templates[{index}] ({one.name})"
            if not one.name.strip() or names.count(one.name) > 1:
                _refuse(here, "each template has a name of its own.", "Give it another name.")
            for name, value in one.values.items():
                _real(table, name, here)
                _fits(table.columns[name], value, here)
            for condition in one.filter:
                _known(source.columns, condition.column, here)
                _asks_once(condition, source, here)


def check_filters(definition: Definition, place: str) -> None:
    """Whether the conditions of both sides can be judged. Raises ConfigurationError."""
    for side, table in (("bc", definition.bc), ("crm", definition.crm)):
        for index, condition in enumerate(table.filter):
            here = f"{place}: {side}.filter[{index}]"
            _known(table.columns, condition.column, here)
            _asks_once(condition, table, here)
            if condition.switch and condition.switch not in _SWITCHES:
                _refuse(here, f"there is no switch {condition.switch!r}.", _one_of(_SWITCHES))
            _only(condition.only, here)
            for value in condition.values:
                _fits(table.columns[condition.column], value, here)


def _asks_once(condition: FilterCondition, table: Table, place: str) -> None:
    listed = bool(condition.values or condition.source)
    if not (listed or condition.expression):
        _refuse(place, "the condition has no value.", "Give it values, a source or an expression.")
    if condition.expression and (listed or condition.negated):
        _refuse(place, "the condition has values and an expression.", "Put the values into the expression.")
    if condition.expression:
        try:
            parse_expression(condition.expression, table.columns[condition.column])
        except ConfigurationError as error:
            _refuse(place, error.message, error.cure)


def _only(only: Only, place: str) -> None:
    for name, word in words_of(only).items():
        if name not in SETTINGS:
            _refuse(place, f"there is no setting {name!r}.", _one_of(SETTINGS))
        if word not in SETTINGS[name].values:
            _refuse(place, f"{name} is never {word!r}.", _one_of(SETTINGS[name].values))


def _fits(column: Column, value: Plain, place: str) -> None:
    if value is not None and type(value) is not _VALUES.get(column.type, str):
        _refuse(place, f"{column.caption} cannot hold {value!r}.", f"Give it a value of type {column.type}.")


def _field(definition: Definition, field: Field, place: str) -> None:
    _only(field.only, place)
    if field.instead and field.enabled:
        _refuse(place, "a row with `instead` is enabled.", "Set enabled: false.")
    if field.not_null and field.clear_on_failed:
        words = "not_null and clear_on_failed are both set: a blank cannot both be sent and be left out."
        _refuse(place, words, "Turn one of them off.")
    if field.chooses:
        return
    _columns(definition, field, place)
    _conversion(definition, field, place)
    if field.transformation:
        try:
            _transformation(definition, field, place)
        except ConfigurationError as error:
            at = "" if error.message.startswith(place) else f"{place}: "
            raise ConfigurationError(f"{at}{error.message}", cure=error.cure) from None
    _moment(definition, field, place)


def _columns(definition: Definition, field: Field, place: str) -> None:
    for table, name in ((definition.bc, field.bc), (definition.crm, field.crm)):
        if name is not None:
            _real(table, name, place)
    if field.bc is None and field.crm is None:
        _refuse(place, "the row has no column.", "Give it bc, crm or both.")
    if None not in (field.bc, field.crm):
        if field.constant is not None:
            _refuse(
                place,
                "the row has a column on each side, and a constant.",
                "Leave out the constant, or one column.",
            )
        return
    wanted = Direction.TO_RIGHT if field.bc is None else Direction.TO_LEFT
    if field.direction is not wanted:
        _refuse(place, f"the row has a column on one side and flows {field.direction}.", f"Use {wanted}.")
    makes = field.conversion
    if field.constant is not None:
        column = definition.bc.columns[field.bc] if field.bc else definition.crm.columns[field.crm or ""]
        _fits(column, field.constant, place)
    elif not makes.source and makes.key is None:
        _refuse(place, "nothing says what the row writes.", "Give it a constant, a key or a source.")


def _conversion(definition: Definition, field: Field, place: str) -> None:
    makes = field.conversion
    if makes.kind not in _KINDS:
        _refuse(place, f"there is no conversion {makes.kind!r}.", _one_of(_KINDS))
    if (makes.kind in _ASKING) is not bool(makes.source):
        _refuse(place, f"a {makes.kind} row with source {makes.source!r}.", "Only look-ups have a source.")
    if field.gate and makes.kind != "look_up":
        _refuse(place, f"a {makes.kind} row is a gate.", "Only a look-up keeps records outside.")
    if field.couples and (field.crm is None or makes.kind != "look_up"):
        _refuse(place, "the row couples, and looks up nothing for Sales.", "Only a look-up does.")
    reads = [*([] if makes.key is None else [makes.key]), *makes.otherwise]
    if reads and field.direction is Direction.BOTH:
        _refuse(place, "a row with key or otherwise flows both ways.", "Give it one direction.")
    source = definition.bc if field.direction is Direction.TO_RIGHT else definition.crm
    for name in reads:
        _known(source.columns, name, place)
    if makes.within and makes.kind != "look_up":
        _refuse(place, f"a {makes.kind} row has `within`.", "Only a look-up asks by several columns.")
    for name in makes.within:
        _known(definition.bc.columns, name, place)
    targets = definition.crm.columns[field.crm].targets if field.crm is not None else {}
    if makes.entity and makes.entity not in targets:
        _refuse(place, f"{field.crm} does not point to {makes.entity!r}.", _one_of(targets))
    if len(targets) > 1 and not makes.entity:
        _refuse(place, f"{field.crm} may point to several tables.", f"Say which entity: {_one_of(targets)}")


def check_types(definition: Definition, field: Field, place: str) -> None:
    """Whether each side can hold what the other gives as it is. Raises ConfigurationError.

    It is asked of rows that a person adds: a file of ours may know better.
    """
    for side, table, name in (
        (Side.LEFT, definition.bc, field.bc),
        (Side.RIGHT, definition.crm, field.crm),
    ):
        if name is not None and field.direction.allows(side) and table.columns[name].fixed:
            other = Direction.TO_RIGHT if side is Side.LEFT else Direction.TO_LEFT
            words = f"{table.columns[name].caption} is read-only, and the row flows {field.direction}."
            _refuse(place, words, f"Use direction={other}, or another column.")
    if field.conversion.source:
        return
    if field.bc is None or field.crm is None:
        return
    parsed = parse_transformation(field.transformation, field.direction)
    bc, crm = definition.bc.columns[field.bc], definition.crm.columns[field.crm]
    for target, given, taking, steps in (
        (Side.RIGHT, bc, crm, parsed.to),
        (Side.LEFT, crm, bc, parsed.back),
    ):
        if field.direction.allows(target) and not steps and given.type not in _TAKEN[taking.type]:
            _refuse(
                place,
                f"{given.caption} is {given.type}, which {taking.caption}, a column of type {taking.type}, "
                "cannot hold.",
                "Give the row a transformation that makes the one of the other, or another column.",
            )


def _transformation(definition: Definition, field: Field, place: str) -> None:
    if field.constant is not None or field.moment is Moment.EXIT:
        _refuse(place, "a constant is transformed.", "Leave the transformation out.")
    if field.conversion.kind == "look_up" and field.conversion.key is not None:
        _refuse(place, "the row asks for another column, which is not transformed.", "Leave it out.")
    parsed = parse_transformation(field.transformation, field.direction)
    _looked_up(definition, field, parsed, place)
    for steps, source, table, name in (
        (parsed.to, definition.bc, definition.crm, field.crm),
        (parsed.back, definition.crm, definition.bc, field.bc),
    ):
        others = columns_read(steps, source.columns)
        if others and field.direction is Direction.BOTH:
            _refuse(
                place,
                f"the expression reads {others[0]}, and the field flows both ways.",
                "Give the field one direction, or let the expression read only `value`.",
            )
        for other in others:
            _real(source, other, place)
        if steps and name is not None and field.conversion.kind == "plain":
            wrong = misfit(steps, table.columns[name].type)
            if wrong:
                _refuse(place, f"{wrong}, and {name} is {table.columns[name].type}.", "Use another rule.")


def _looked_up(definition: Definition, field: Field, parsed: Transformation, place: str) -> None:
    rules = [[one.rule for one in steps] for steps in (parsed.to, parsed.back)]
    if not any(FIELD_LOOKUP in each for each in rules):
        return
    if any(FIELD_LOOKUP in each[:-1] for each in rules):
        _refuse(place, f"{FIELD_LOOKUP} stands before another rule.", "Let it be the last one.")
    if field.conversion.kind != "plain":
        _refuse(place, f"a {field.conversion.kind} row is looked up in a table.", "Use another rule.")
    for table, name in ((definition.bc, field.bc), (definition.crm, field.crm)):
        if name is not None and table.columns[name].type is not ColumnType.TEXT:
            _refuse(place, f"{name} is no text, and what is looked up is.", "Use another rule.")


def _moment(definition: Definition, field: Field, place: str) -> None:
    if (field.moment is Moment.EXIT) is not bool(field.when):
        _refuse(place, "`when` and moment exit go together.", "Give both or none.")
    if field.moment is Moment.FINISH and (field.crm is None or field.direction is Direction.TO_LEFT):
        _refuse(place, "the row finishes records, and flows from Sales.", "Finish what is created in Sales.")
    if field.when and field.when not in {one.column for one in definition.crm.filter}:
        names = [one.column for one in definition.crm.filter]
        _refuse(place, f"no condition of crm is about {field.when!r}.", _one_of(names))


def _chooser(definition: Definition, field: Field, place: str) -> None:
    _known(definition.crm.columns, field.chooses, place)
    targets = definition.crm.columns[field.chooses].targets
    if field.constant not in targets:
        _refuse(place, f"{field.chooses} does not point to {field.constant!r}.", _one_of(targets))
    for row in definition.fields:
        if not _together(row.only, field.only):
            continue
        if row.crm == field.chooses and row.conversion.entity != field.constant:
            _refuse(
                place, f"the row of {row.crm} has entity {row.conversion.entity!r}.", "Make both the same."
            )


def _together(one: Only, other: Only) -> bool:
    """Whether there are settings with which both are there."""
    mine, others = words_of(one), words_of(other)
    return all(mine[name] == others[name] for name in mine.keys() & others.keys())


def _once(definition: Definition, field: Field, place: str) -> None:
    """A column is written by one row."""
    before = definition.fields[: definition.fields.index(field)]
    for other in before:
        if other.executable and field.executable and _together(other.only, field.only):
            name = _written_by_both(definition, field, other)
            if name:
                _refuse(place, f"{name!r} has a row already.", "Keep one of them.")


def _written_by_both(definition: Definition, one: Field, other: Field) -> str:
    for side, table in ((Side.LEFT, definition.bc), (Side.RIGHT, definition.crm)):
        mine, others = (each.bc if side is Side.LEFT else each.crm for each in (one, other))
        if mine and mine == others and one.direction.allows(side) and other.direction.allows(side):
            return table.columns[mine].caption if side is Side.LEFT else mine
    return ""


def _known(columns: Collection[str], name: str, place: str) -> None:
    if name not in columns:
        _refuse(place, f"there is no column {name!r}.", _one_of(columns))


def _real(table: Table, name: str, place: str) -> None:
    _known(table.columns, name, place)
    if table.columns[name].entity_of:
        _refuse(place, f"{name} is no column by itself.", f"Name {table.columns[name].entity_of}.")


def _one_of(names: Iterable[str]) -> str:
    return f"Use one of: {', '.join(names)}."


def _refuse(place: str, message: str, cure: str) -> NoReturn:
    raise ConfigurationError(f"{place}: {message}", cure=cure)
