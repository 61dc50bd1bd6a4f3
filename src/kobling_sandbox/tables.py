"""What the sandbox knows of its tables: columns, keys and rules, read from the JSON files in `data/`.

The code that serves a table holds no list of columns of its own: adding a column is one line of JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType
from typing import Any

TEXT_TYPES = frozenset({"string", "memo", "code"})
CHOICE_TYPES = frozenset({"option", "picklist", "state", "status"})
NUMBER_TYPES = frozenset({"integer", "bigint", "decimal", "money", "double"})
TIME_TYPES = frozenset({"datetime", "date"})
LOOKUP_TYPES = frozenset({"lookup", "customer", "owner"})
COLUMN_TYPES = TEXT_TYPES | CHOICE_TYPES | NUMBER_TYPES | TIME_TYPES | LOOKUP_TYPES | {"boolean", "guid"}

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    `maximum_length` counts characters; `options` is as in the JSON (Dataverse: number as text to label,
    BC: member name to number); `navigation` gives the navigation property of each target table;
    `create` and `update` tell whether a client may send the column; `rules` holds every further key of
    the JSON, such as a relation or a check by name.
    """

    name: str
    type: str
    caption: str
    maximum_length: int | None = None
    precision: int | None = None
    minimum: str | None = None
    maximum: str | None = None
    required: bool = False
    create: bool = True
    update: bool = True
    options: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    targets: tuple[str, ...] = ()
    navigation: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    rules: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    def __post_init__(self) -> None:
        assert self.type in COLUMN_TYPES, f"{self.name}: unknown type {self.type!r}"
        assert self.maximum_length is None or self.maximum_length > 0, self.name

    @property
    def is_lookup(self) -> bool:
        """Whether the value is the identifier of a row of one of the targets."""
        return self.type in LOOKUP_TYPES

    @property
    def stored(self) -> str:
        """The key of the value in a stored row and its name when read: `_x_value` for a look-up `x`."""
        return f"_{self.name}_value" if self.type in LOOKUP_TYPES else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table: its names, its columns by name, and `rules`, every further key of its JSON."""

    name: str
    set_name: str
    key: str
    caption: str
    columns: Mapping[str, Column]
    alternate_keys: tuple[tuple[str, ...], ...] = ()
    rules: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    def __post_init__(self) -> None:
        assert self.key in self.columns, f"{self.name}: the key {self.key!r} is no column"
        for columns in self.alternate_keys:
            assert set(columns) <= set(self.columns), f"{self.name}: alternate key {columns}"


def load_tables(service: str) -> Mapping[str, Table]:
    """The tables of `dataverse` or `business_central` by name, in the order of the file."""
    text = resources.files("kobling_sandbox").joinpath("data", f"{service}.json").read_bytes()
    document = json.loads(text)
    return MappingProxyType({name: _table(name, body) for name, body in document["tables"].items()})


def _table(name: str, body: dict[str, Any]) -> Table:
    rest = dict(body)
    columns = {key: _column(key, dict(value)) for key, value in rest.pop("columns").items()}
    return Table(
        name=name,
        set_name=rest.pop("set"),
        key=rest.pop("key"),
        caption=rest.pop("caption", name),
        columns=MappingProxyType(columns),
        alternate_keys=tuple(tuple(key) for key in rest.pop("alternate_keys", ())),
        rules=MappingProxyType(rest),
    )


def _column(name: str, rest: dict[str, Any]) -> Column:
    writable = not rest.pop("readonly", False)
    targets = tuple(rest.pop("targets", ()))
    return Column(
        name=name,
        type=rest.pop("type"),
        caption=rest.pop("caption", None) or rest.pop("label", name),
        maximum_length=rest.pop("max", None),
        precision=rest.pop("precision", None),
        minimum=rest.pop("minimum", None),
        maximum=rest.pop("maximum", None),
        required=rest.pop("required", False),
        create=rest.pop("create", writable),
        update=rest.pop("update", writable),
        options=MappingProxyType(rest.pop("options", {})),
        targets=targets,
        navigation=MappingProxyType(rest.pop("navigation", None) or _navigation(name, targets)),
        rules=MappingProxyType(rest),
    )


def _navigation(name: str, targets: tuple[str, ...]) -> dict[str, str]:
    """Dataverse's habit: the column's own name for one target, name and target joined for several."""
    if len(targets) == 1:
        return {targets[0]: name}
    return {target: f"{name}_{target}" for target in targets}
