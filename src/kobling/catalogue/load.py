"""Reads the default mappings from their files and makes them ready to plan with."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec
import yaml

from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Column, Condition, Direction, FieldRow, Mapping, Table, Template
from kobling.model.values import Value


class _Column(msgspec.Struct, forbid_unknown_fields=True):
    caption: str
    maximum: int | None = None
    upper: bool = False
    blank: str | None = None


class _Condition(msgspec.Struct, forbid_unknown_fields=True):
    column: str
    values: list[str | int | bool]
    text: str


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    table: str
    route: str
    title: str
    columns: dict[str, _Column]
    number: str | None = None
    table_id: int = 0
    filter: list[_Condition] = []
    template: dict[str, str | int | bool] = {}


class _Field(msgspec.Struct, forbid_unknown_fields=True):
    bc: str
    crm: str
    direction: Direction = Direction.BOTH
    group: str = ""


class _Mapping(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    direction: Direction
    synch_only_coupled: bool
    bc: _Table
    crm: _Table
    fields: list[_Field]


def default_mappings() -> dict[str, Mapping]:
    """Every shipped mapping by name; ConfigurationError names the file and the place of what is wrong."""
    folder = files("kobling.catalogue")
    found = [one for one in folder.iterdir() if one.name.endswith(".yaml")]
    made = [
        parse(one.read_text(encoding="utf-8"), one.name) for one in sorted(found, key=lambda one: one.name)
    ]
    return {one.name: one for one in made}


def parse(text: str, file: str) -> Mapping:
    """One mapping from the text of its file."""
    try:
        read = msgspec.convert(yaml.safe_load(text), _Mapping)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{file}: {error}", cure="Correct the file at that place.") from error
    left, right = _table(read.bc, file, ""), _table(read.crm, file, None)
    rows = tuple(_row(one, read, left, right, file) for one in read.fields)
    return Mapping(
        name=read.name,
        left=left,
        right=right,
        direction=read.direction,
        rows=rows,
        synch_only_coupled=read.synch_only_coupled,
    )


def _table(read: _Table, file: str, blank: Value) -> Table:
    columns = tuple(
        Column(
            name=name,
            caption=one.caption,
            maximum=one.maximum,
            upper=one.upper,
            blank=blank if one.blank is None else one.blank,
        )
        for name, one in read.columns.items()
    )
    conditions = tuple(
        Condition(
            position=_position(columns, one.column, file),
            name=one.column,
            values=tuple(one.values),
            text=one.text,
        )
        for one in read.filter
    )
    template = tuple(
        Template(position=_position(columns, name, file), value=value)
        for name, value in read.template.items()
    )
    return Table(
        name=read.table,
        caption=read.table,
        route=read.route,
        columns=columns,
        number=None if read.number is None else _position(columns, read.number, file),
        title=_position(columns, read.title, file),
        conditions=conditions,
        template=template,
        table_id=read.table_id,
    )


def _row(one: _Field, read: _Mapping, left: Table, right: Table, file: str) -> FieldRow:
    direction = one.direction.narrowed(read.direction)
    if direction is None:
        raise ConfigurationError(
            f"{file}: field {one.bc} flows {one.direction}, its mapping {read.direction}.",
            cure="Give the field a direction that the mapping has.",
        )
    position = _position(left.columns, one.bc, file)
    return FieldRow(
        name=left.columns[position].caption,
        left=position,
        right=_position(right.columns, one.crm, file),
        direction=direction,
        group=one.group,
    )


def _position(columns: tuple[Column, ...], name: str, file: str) -> int:
    names: list[Any] = [one.name for one in columns]
    if name not in names:
        raise ConfigurationError(
            f"{file}: there is no column {name!r}.", cure=f"Use one of: {', '.join(names)}."
        )
    return names.index(name)
