"""A table as its service describes it: what a mapping made by a person may name."""

from __future__ import annotations

import msgspec

from kobling.catalogue.definition import Column


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """table: its name as people write it. route: its set. key: the column of the id. title: the column that
    people know a record by, where the service names one. columns: by name on the wire. fixed: those that
    nobody writes. options: those that hold one of a list of values. tracked: its changes can be told."""

    table: str
    route: str
    key: str
    columns: dict[str, Column]
    title: str = ""
    fixed: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()
    tracked: bool = True
