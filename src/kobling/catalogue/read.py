"""Reads a mapping file. What is wrong in it is named with the file, the place and the cure."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import msgspec
import yaml

from kobling.catalogue.check import check
from kobling.catalogue.definition import Column, ColumnType, Definition, Plain, Table
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Side

# Business Central knows no null: a record that it makes holds these where nothing was given.
_BC_BLANKS: Final[dict[ColumnType, Plain]] = {
    ColumnType.TEXT: "",
    ColumnType.INTEGER: 0,
    ColumnType.DECIMAL: 0,
    ColumnType.BOOLEAN: False,
    ColumnType.DATE: "0001-01-01",
}


_COLUMNS: Final = ".columns.yaml"


class _Loader(yaml.SafeLoader):
    """Plain YAML: a key stands once in its mapping, and nothing is an alias of something else."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(None, None, "an alias stands here; write it out", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_yaml(text: str, file: str) -> Any:
    """The document of a file, as plain values. Raises ConfigurationError with the line."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - the loader is a stricter safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = "" if mark is None else f" line {mark.line + 1}, column {mark.column + 1}:"
        raise ConfigurationError(
            f"{file}:{place} {error.problem}.", cure="Correct the file at that place."
        ) from error
    except RecursionError as error:
        raise ConfigurationError(f"{file}: the text is nested too deep.", cure="Write it flat.") from error
    except (yaml.YAMLError, ValueError) as error:
        words = " ".join(str(error).split())
        raise ConfigurationError(f"{file}: {words}.", cure="Correct the file at that place.") from error


def line_of(text: str, place: Sequence[Any]) -> int:
    """The line, from 1, of what stands at that place of a YAML text that can be read: keys and indexes.

    Of a place that is not there the line of the last step that is.
    """
    node, line = yaml.compose(text, _Loader), 1
    for step in place:
        below = None
        if isinstance(node, yaml.MappingNode):
            pairs = [(key, value) for key, value in node.value if key.value == str(step)]
            below = pairs[0] if pairs else None
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            below = (node.value[step], node.value[step])
        if below is None:
            break
        line, node = below[0].start_mark.line + 1, below[1]
    return line


def read_definition(text: str, file: str) -> Definition:
    """One mapping from the text of its file. Raises ConfigurationError."""
    document = _with_shared_columns(read_yaml(text, file), file)
    try:
        definition = msgspec.convert(document, Definition)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{file}: {error}.", cure="Correct the file at that place.") from error
    definition = msgspec.structs.replace(
        definition, bc=_with_blanks(definition.bc, Side.LEFT), crm=_with_blanks(definition.crm, Side.RIGHT)
    )
    check(definition, file)
    return definition


def _with_shared_columns(document: Any, file: str) -> Any:
    """The document with the columns that it takes from a file: several mappings know one table."""
    if not isinstance(document, dict):
        return document
    return {key: _with_columns(value, f"{file}: {key}") for key, value in document.items()}


def _with_columns(table: Any, place: str) -> Any:
    if not isinstance(table, dict) or "columns_from" not in table:
        return table
    name = table["columns_from"]
    known = sorted(one.name for one in files("kobling.catalogue").iterdir() if one.name.endswith(_COLUMNS))
    if f"{name}{_COLUMNS}" not in known:
        raise ConfigurationError(
            f"{place}: there are no columns {name!r} to take.",
            cure=f"Use one of: {', '.join(one.removesuffix(_COLUMNS) for one in known)}.",
        )
    shared = read_yaml((files("kobling.catalogue") / f"{name}{_COLUMNS}").read_text(encoding="utf-8"), name)
    own = table.get("columns", {})
    if not isinstance(own, dict):
        return table
    rest = {key: value for key, value in table.items() if key != "columns_from"}
    return rest | {"columns": shared | own}


def _with_blanks(table: Table, side: Side) -> Table:
    """The table whose columns say how they write 'nothing'."""
    columns = {name: with_blank(column, side) for name, column in table.columns.items()}
    return msgspec.structs.replace(table, columns=columns)


def with_blank(column: Column, side: Side) -> Column:
    """The column of that side, which says how it writes 'nothing'."""
    if column.blank is not msgspec.UNSET:
        return column
    return msgspec.structs.replace(column, blank=_BC_BLANKS.get(column.type) if side is Side.LEFT else None)
