"""The shipped mappings, and what the core plans with made of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from kobling.algebra.chain import HOLDS
from kobling.catalogue.check import check, check_filters, check_templates, check_types
from kobling.catalogue.definition import (
    NO_CHANGES,
    Changes,
    Definition,
    Field,
    FilterCondition,
    Table,
    changed,
)
from kobling.catalogue.field_lookups import source_name, without_lookup
from kobling.catalogue.filter_expression import parse_expression
from kobling.catalogue.read import read_definition
from kobling.catalogue.settings import (
    NO_SETTINGS,
    ConnectionSettings,
    in_force,
    is_automatic,
    is_there,
    left_in,
)
from kobling.catalogue.sources import SOURCES
from kobling.catalogue.transformation_text import Transformation, columns_read, parse_transformation
from kobling.model import mapping as model
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import DeletionConflict, Direction, Mapping, Step

# The order in which people meet the mappings.
ORDER: Final = (
    "SALESPEOPLE",
    "CUSTOMER",
    "VENDOR",
    "CONTACT",
    "CUSTOMER-STATISTICS",
    "CURRENCY",
    "PAYMENT TERMS",
    "SHIPMENT METHOD",
    "SHIPPING AGENT",
    "UNIT OF MEASURE",
    "UNIT GROUP",
    "ITEM UOM",
    "RESOURCE UOM",
    "ITEM-PRODUCT",
    "RESOURCE-PRODUCT",
    "DEFAULT-PRICE",
    "ITEM-PRICE",
    "RESOURCE-PRICE",
    "CUSTPRCGRP-PRICE",
    "SALESPRC-PRODPRICE",
    "PLHEADER-PRICE",
    "PLLINE-PRODPRICE",
    "OPPORTUNITY",
    "POSTEDSALESINV-INV",
    "POSTEDSALESLINE-INV",
    "SUBMITTED-ORDER",
    "SUBMITTED-ORDER-LINE",
    "SALESORDER-ORDER",
    "SOLINE-ORDERDETAIL",
)
_NOT_MAPPINGS: Final = frozenset({"options.yaml"})


def definitions(settings: ConnectionSettings = NO_SETTINGS) -> dict[str, Definition]:
    """The shipped mappings that are there with these settings, by name, in the order in which they are shown.

    Raises ConfigurationError.
    """
    return {
        name: left_in(one, settings)
        for name, variants in every_variant().items()
        for one in variants
        if is_there(one.only, settings)
    }


def every_variant() -> dict[str, tuple[Definition, ...]]:
    """Every shipped mapping by name, with all its variants. Raises ConfigurationError."""
    found: dict[str, tuple[Definition, ...]] = {}
    for one in sorted(_shipped(), key=lambda one: place_of(one.name)):
        found[one.name] = (*found.get(one.name, ()), one)
    return found


def place_of(name: str) -> tuple[int, str]:
    """Where a mapping stands among the others; those that are not shipped come last, by name."""
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


@cache
def _shipped() -> tuple[Definition, ...]:
    folder = sorted(files("kobling.catalogue").iterdir(), key=lambda one: one.name)
    found = [one for one in folder if one.name.endswith(".yaml") and one.name.count(".") == 1]
    return tuple(
        read_definition(one.read_text(encoding="utf-8"), one.name)
        for one in found
        if one.name not in _NOT_MAPPINGS
    )


def default_mappings() -> dict[str, Mapping]:
    """The shipped mappings as they are without changes, ready to plan with."""
    known = {name: one for name, one in definitions().items() if one.ready}
    available = {*known, *SOURCES}
    return {name: executable(one, NO_CHANGES, available) for name, one in known.items()}


# A worker asks for the same mappings in every run; to make them takes as long as to find nothing new.
_MADE_MAX: Final = 500
_made: Final[
    dict[tuple[str, frozenset[str]], tuple[tuple[Definition, Changes, dict[str, str]], Mapping]]
] = {}


def executable(
    definition: Definition,
    changes: Changes,
    available: Collection[str],
    settings: ConnectionSettings = NO_SETTINGS,
) -> Mapping:
    """What the core plans with. available: the names of look-up sources and of enabled mappings.

    A row or a condition whose source is not available is left out, as is a row without a direction left. Only
    columns that something needs are read. Raises ConfigurationError for changes that do not fit.
    """
    asked = (definition, changes, dict(settings))
    place = (definition.name, frozenset(available))
    known = _made.get(place)
    if known is not None and known[0] == asked:
        return known[1]
    if len(_made) >= _MADE_MAX:
        _made.clear()
    made = _executable(definition, changes, available, settings)
    _made[place] = (asked, made)
    return made


def _executable(
    definition: Definition, changes: Changes, available: Collection[str], settings: ConnectionSettings
) -> Mapping:
    now = changed(definition, changes)
    check_changed(now, changes)
    rows = tuple(one for one in now.fields if _takes_part(one, now, available))
    if not rows:
        words = f"{now.name}: no enabled field flows {now.direction}."
        raise ConfigurationError(words, cure="Give the mapping another direction, or enable fields.")
    # Columns of conditions that are switched off are read on: a switch begins no feed anew.
    filtered = in_force(now, settings)
    bc = _table(filtered.bc, _needed(now, rows, now.bc), available)
    crm = _table(filtered.crm, _needed(now, rows, now.crm), available)
    at = {"bc": _positions(bc), "crm": _positions(crm)}
    bc = msgspec.structs.replace(bc, templates=_templates(now.bc, now.crm, at["bc"], at["crm"]))
    crm = msgspec.structs.replace(crm, templates=_templates(now.crm, now.bc, at["crm"], at["bc"]))
    return Mapping(
        name=now.name,
        left=bc,
        right=crm,
        direction=now.direction,
        rows=tuple(_row(one, now, at["bc"], at["crm"]) for one in rows),
        synch_only_coupled=now.synch_only_coupled and not is_automatic(now, settings),
        update_conflict=now.update_conflict,
        deletion_conflict=now.deletion_conflict,
        finder=tuple((at["bc"][one], at["crm"][other]) for one, other in now.finder.items()),
        leave_first=now.leave_first,
        refuse_outside=now.refuse_outside,
        observe=bool(changes.observe),
        parts_with=None if now.parts_with is None else at["crm"].get(now.parts_with),
        part_of=now.part_of if now.part_of in available else "",
        guards=now.guards,
    )


def only_coupling(mapping: Mapping, owner: str) -> Mapping:
    """The mapping as one that writes nothing, as the connection `owner` does; it reads what it did before."""
    policy = DeletionConflict.ASK
    return msgspec.structs.replace(mapping, rows=(), deletion_conflict=policy, only_couples=owner)


def check_changed(now: Definition, changes: Changes) -> None:
    """Whether a definition with these changes can be carried out. Raises ConfigurationError."""
    # Without edits of rows they are as they were checked when their file was read.
    if changes.fields or changes.new_fields:
        check(now, now.name)
        for one in now.fields[len(now.fields) - len(changes.new_fields) :]:
            check_types(now, one, f"{now.name}: {now.field_name(one)}")
    else:
        check_filters(now, now.name)
        if changes.bc_templates or changes.crm_templates:
            check_templates(now, now.name)


def _takes_part(field: Field, definition: Definition, available: Collection[str]) -> bool:
    if not (field.enabled and field.executable):
        return False
    source = field.conversion.source
    return _flows(field, definition) is not None and (not source or source in available)


def _flows(field: Field, definition: Definition) -> Direction | None:
    """A claim of a mapping that flows one way marks the record that it takes, whichever way that is."""
    marks = field.claim and definition.one_way
    return field.direction if marks else field.direction.narrowed(definition.direction)


def _needed(definition: Definition, rows: Iterable[Field], table: Table) -> set[str]:
    """The columns of one side that a row, the filter, the finder or a person needs."""
    is_bc = table is definition.bc
    filtered = {table.columns[one.column].entity_of or one.column for one in table.filter}
    needed = {table.title, *table.template, *filtered}
    needed |= {name for one in table.templates for name in one.values}
    other = definition.crm if is_bc else definition.bc
    needed |= {
        table.columns[each.column].entity_of or each.column for one in other.templates for each in one.filter
    }
    needed |= set(definition.finder) if is_bc else set(definition.finder.values())
    needed |= {*table.known_by} | (set() if table.number is None else {table.number})
    for row in rows:
        names = [row.bc if is_bc else row.crm, *(row.conversion.within if is_bc else ())]
        if (row.direction is Direction.TO_RIGHT) is is_bc:
            names += [row.conversion.key, *row.conversion.otherwise, *_inputs(row, table)]
        needed |= {one for one in names if one is not None}
    return needed


def _table(table: Table, needed: set[str], available: Collection[str]) -> model.Table:
    columns = tuple(
        model.Column(
            name=name,
            caption=one.caption,
            kind=one.type.value,
            maximum=one.maximum,
            upper=one.upper,
            blank=one.nothing,
            targets=one.targets,
            navigation=one.navigation,
        )
        for name, one in table.columns.items()
        if name in needed
    )
    at = {one.name: position for position, one in enumerate(columns)}
    return model.Table(
        name=table.table,
        caption=table.caption or table.table,
        route=table.route,
        columns=columns,
        key=table.key,
        number=None if table.number is None else at[table.number],
        title=at[table.title],
        known_by=tuple(at[one] for one in table.known_by),
        conditions=tuple(
            _condition(one, table, at) for one in table.filter if not one.source or one.source in available
        ),
        template=tuple(
            model.Template(position=at[name], value=value) for name, value in table.template.items()
        ),
        table_id=table.table_id,
        shipped=table.shipped,
    )


def _templates(
    table: Table, source: Table, at: dict[str, int], source_at: dict[str, int]
) -> tuple[model.ChosenTemplate, ...]:
    """In the order in which they are tried: by priority, and as they stand where that is the same."""
    return tuple(
        model.ChosenTemplate(
            name=one.name,
            conditions=tuple(_condition(each, source, source_at) for each in one.filter),
            values=tuple(
                model.Template(position=at[name], value=value) for name, value in one.values.items()
            ),
        )
        for one in sorted(table.templates, key=lambda one: one.priority)
    )


def _condition(one: FilterCondition, table: Table, at: dict[str, int]) -> model.Condition:
    look_up = table.columns[one.column].entity_of
    return model.Condition(
        position=at[look_up or one.column],
        name=one.column,
        values=one.values,
        negated=one.negated,
        text=one.text,
        source=one.source,
        entity=bool(look_up),
        test=parse_expression(one.expression, table.columns[one.column]) if one.expression else None,
    )


def _positions(table: model.Table) -> dict[str, int]:
    return {one.name: position for position, one in enumerate(table.columns)}


def _row(field: Field, definition: Definition, bc: dict[str, int], crm: dict[str, int]) -> model.FieldRow:
    direction = _flows(field, definition)
    assert direction is not None, "rows without a direction take no part"
    conversion, first = _conversion(field, definition, bc, crm)
    left = None if field.bc is None else bc[field.bc]
    right = None if field.crm is None else crm[field.crm]
    if first is not None:
        left, right = (first, right) if field.direction is Direction.TO_RIGHT else (left, first)
    return model.FieldRow(
        name=definition.field_name(field),
        left=left,
        right=right,
        direction=direction,
        conversion=conversion,
        moment=field.moment,
        not_null=field.not_null,
        clear_on_failed=field.clear_on_failed,
        conflict=field.conflict,
        group=field.group,
        rule=field.rule,
        claim=field.claim,
        when=field.when,
        gate=field.gate,
        couples=field.couples,
        compare=field.compare,
    )


def _conversion(
    field: Field, definition: Definition, bc: dict[str, int], crm: dict[str, int]
) -> tuple[model.Conversion, int | None]:
    """The conversion, and the column that a plain row reads in the place of its own."""
    makes = field.conversion
    table = definition.bc if field.direction is Direction.TO_RIGHT else definition.crm
    source = bc if table is definition.bc else crm
    key = None if makes.key is None else source[makes.key]
    first, key = (key, None) if makes.kind == "plain" else (None, key)
    transformation = transformed(field, definition)
    looked_up = source_name(transformation)
    transformation = without_lookup(transformation)
    conversion = model.Conversion(
        kind="look_up" if looked_up else makes.kind,
        source=looked_up or makes.source,
        via=SOURCES[makes.source].via if makes.source in SOURCES else (),
        key=key,
        within=tuple(bc[one] for one in makes.within),
        otherwise=tuple(source[one] for one in makes.otherwise),
        entity=makes.entity,
        digits=makes.digits,
        constant=field.constant,
        to_right=transformation.to,
        to_left=transformation.back,
        inputs=tuple(source[one] for one in _inputs(field, table)),
    )
    return conversion, first


def _inputs(field: Field, table: Table) -> tuple[str, ...]:
    """The columns of its source side that a row's expressions read beside its own."""
    if not field.transformation or field.direction is Direction.BOTH:
        return ()
    found = parse_transformation(field.transformation, field.direction)
    return columns_read((*found.to, *found.back), table.columns)


def transformed(field: Field, definition: Definition) -> Transformation:
    """The rules of both ways; where a column takes their value as it is, only what it can hold."""
    if not field.transformation:
        return Transformation()
    found = parse_transformation(field.transformation, field.direction)
    if field.conversion.kind not in {"plain", "not_negative", "last_word"}:
        return found
    to, back = (
        (*steps, Step(rule=HOLDS, arguments=(str(table.columns[name].type),))) if steps and name else steps
        for steps, table, name in (
            (found.to, definition.crm, field.crm),
            (found.back, definition.bc, field.bc),
        )
    )
    return Transformation(to=to, back=back)
