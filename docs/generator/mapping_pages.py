"""The page of one mapping: every variant with its settings, field rows, notes and columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from kobling.catalogue.definition import Column, Definition, Field, Only, Table
from kobling.catalogue.filter_text import filter_text
from kobling.catalogue.filter_values import value_text
from kobling.catalogue.load import every_variant
from kobling.catalogue.settings import words_of
from kobling.catalogue.sources import SOURCES
from kobling.model.mapping import Direction

from .markdown import cell, code, page, table

_DEFINITION_ONLY = """\
This mapping is *definition only*: it is listed and shown, and this version does not carry it out. Its rules
say what they will do."""
_DIRECTIONS = {Direction.BOTH: "both", Direction.TO_RIGHT: "to", Direction.TO_LEFT: "from"}


def mapping_pages() -> dict[str, partial[str]]:
    """What makes the page of each mapping, by its place in the reference."""
    return {
        f"mappings/{slug(name)}.md": partial(_mapping_page, name, variants)
        for name, variants in every_variant().items()
    }


def slug(name: str) -> str:
    """The name of a mapping as a file is called."""
    return name.lower().replace(" ", "-")


def switch_text(only: Only) -> str:
    """The settings with which something is there."""
    return ", ".join(code(f"{name}={value}") for name, value in words_of(only).items())


def _mapping_page(name: str, variants: Sequence[Definition]) -> str:
    return page(
        name,
        "How to read it: [Mappings](../mappings.md#reading-the-field-tables).",
        *(_section(one, len(variants) > 1) for one in variants),
    )


def _section(now: Definition, titled: bool) -> str:
    settings = (
        *([("Only with", switch_text(now.only))] if now.only else []),
        ("Direction", code(now.direction)),
        ("Synch. only coupled records", "on" if now.synch_only_coupled else "off"),
        ("Update conflict", code(now.update_conflict)),
        ("Deletion conflict", code(now.deletion_conflict)),
        ("Finder", _finder(now)),
        ("Filter in Business Central", code(filter_text(now.bc.filter, now.bc.columns)) or "none"),
        ("Filter in Sales", code(filter_text(now.crm.filter)) or "none"),
        ("The filters in words", _conditions(now)),
        ("Set in a new record in Business Central", _template(now.bc)),
        ("Set in a new record in Sales", _template(now.crm)),
    )
    titles = ("Business Central", "Sales", "Direction", "How", "On")
    said = [(one, one.note or one.instead) for one in now.fields]
    notes = [f"- {_name(now, one)}: {words}" for one, words in said if words]
    parts = [
        f"## With {switch_text(now.only)}" if titled else "",
        f"Table *{now.bc.table}* of Business Central and table `{now.crm.table}` of Sales.",
        "" if now.ready else _DEFINITION_ONLY,
        table(("Setting", "As shipped"), settings),
        table(titles, (_row(now, one) for one in now.fields)),
        "\n".join(cell(one) for one in notes),
        f"Fields that a filter may name, in Business Central: {_columns(now.bc.columns)}.",
        f"In Sales: {_columns(now.crm.columns)}.",
    ]
    return "\n\n".join(one for one in parts if one)


def _conditions(definition: Definition) -> str:
    conditions = (*definition.bc.filter, *definition.crm.filter)
    said = [f"{one.text}{f' (only with {switch_text(one.only)})' if one.only else ''}" for one in conditions]
    return "; ".join(said) or "all records"


def _columns(columns: dict[str, Column]) -> str:
    return ", ".join(f"*{one.caption}* (`{name}`)" for name, one in columns.items())


def _finder(definition: Definition) -> str:
    pairs = [f"*{definition.bc.columns[bc].caption}* = `{crm}`" for bc, crm in definition.finder.items()]
    return " and ".join(pairs) or "none: an uncoupled record gets a new counterpart"


def _template(table_: Table) -> str:
    values = [f"`{name}` = {value_text(value)}" for name, value in table_.template.items()]
    return ", ".join(values) or "nothing"


def _name(definition: Definition, field: Field) -> str:
    return f"*{definition.bc.columns[field.bc].caption}*" if field.bc else f"`{field.crm}`"


def _row(definition: Definition, field: Field) -> tuple[str, ...]:
    return (
        "" if field.bc is None else definition.bc.columns[field.bc].caption,
        code(field.crm or ""),
        _DIRECTIONS[field.direction],
        "; ".join(_how(field)),
        "yes" if field.enabled else "no",
    )


def _how(field: Field) -> Iterator[str]:
    makes = field.conversion
    if field.constant is not None:
        yield f"constant {code(value_text(field.constant))}"
    if field.only:
        yield f"only with {switch_text(field.only)}"
    if field.chooses:
        yield f"says which table {code(field.chooses)} points to"
    if makes.kind != "plain":
        there = not makes.source or makes.source in SOURCES or makes.source in every_variant()
        how = f"{makes.kind.replace('_', '-')} {makes.source}".rstrip()
        yield f"{how}{'' if there else ', which is not there yet'}"
    if makes.otherwise:
        yield "if blank: " + ", ".join(code(one) for one in makes.otherwise)
    if field.moment.value != "always":
        yield f"when {field.when} leaves" if field.when else field.moment.value
    words = (
        ("clear", field.clear_on_failed),
        ("not null", field.not_null),
        ("claim", field.claim),
        ("match", field.match),
    )
    yield from (word for word, is_so in words if is_so)
    if field.conflict is not None:
        yield f"conflict {field.conflict.value}"
    if field.group:
        yield f"group {field.group}"
    if field.rule:
        yield f"rule [{field.rule}](../rules.md#{field.rule})"
