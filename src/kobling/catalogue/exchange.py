"""Mappings as one text that can be kept, read by people and taken into another installation.

It holds what a person changed of each mapping, and the whole of a mapping that a person made; never a secret,
an address or an id of a record. A mapping without changes stands in it as `{}`: as shipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import msgspec
import yaml

from kobling.catalogue.check import check
from kobling.catalogue.definition import (
    NO_CHANGES,
    Changes,
    Definition,
    FilterCondition,
    Table,
    known_columns,
)
from kobling.catalogue.filter_text import filter_text, parse_filter
from kobling.catalogue.fitting import fitting, joined, pieces
from kobling.catalogue.load import every_variant
from kobling.catalogue.read import line_of, read_yaml
from kobling.catalogue.settings import NO_SETTINGS, ConnectionSettings
from kobling.catalogue.sources import SOURCES
from kobling.model.errors import ConfigurationError

FORMAT: Final = 1
_HEAD: Final = "# Mappings of kobling; `kobling mapping import` reads them.\n"
_FILTERS: Final = (("bc_filter", "bc"), ("crm_filter", "crm"))
_PLACE: Final = re.compile(r" - at `\$([^`]*)`")
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")


def export_text(definitions: Mapping[str, Definition], changes: Mapping[str, Changes]) -> str:
    """The text of these mappings, in their order."""
    mappings = {name: _plain(one, changes.get(name, NO_CHANGES)) for name, one in definitions.items()}
    document = {"kobling": FORMAT, "mappings": mappings}
    return _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)


def _plain(definition: Definition, changes: Changes) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(changes)
    for key, side in _FILTERS:
        conditions: tuple[FilterCondition, ...] | None = getattr(changes, key)
        table: Table = getattr(definition, side)
        if conditions is not None and _as_read(table, changes, side, filter_text(conditions)) == conditions:
            found[key] = filter_text(conditions)
    return found


def _as_read(table: Table, changes: Changes, side: str, text: str) -> tuple[FilterCondition, ...] | None:
    """What a filter would be read as; None where it would be refused."""
    try:
        return parse_filter(text, known_columns(table, getattr(changes, f"{side}_columns")))
    except ConfigurationError:
        return None


def read_export(
    text: str,
    file: str,
    definitions: Mapping[str, Definition],
    settings: ConnectionSettings = NO_SETTINGS,
) -> dict[str, Changes]:
    """The changes of each mapping of a text. definitions: every mapping that there is.

    Raises ConfigurationError with the file, the line, the cause and what to do; nothing of a text that is
    wrong somewhere is given.
    """
    return _Reader(text, file, definitions, settings).mappings()


class _Reader:
    def __init__(
        self, text: str, file: str, known: Mapping[str, Definition], settings: ConnectionSettings
    ) -> None:
        self._text, self._file, self._known, self._settings = text, file, known, settings
        self._document = read_yaml(text, file)

    def mappings(self) -> dict[str, Changes]:
        document = self._document
        if not isinstance(document, dict) or "mappings" not in document or "kobling" not in document:
            cure = "Give a file that `kobling mapping export` wrote."
            self._refuse((), "this is no export of mappings", cure)
        if document["kobling"] != FORMAT:
            self._refuse(
                ("kobling",),
                f"the file is of format {document['kobling']!r}, and this kobling reads {FORMAT}",
                "Export it with a kobling of this version, or use the kobling that wrote it.",
            )
        for key in document.keys() - {"kobling", "mappings"}:
            self._refuse((key,), f"there is no key {key!r}", "Keep kobling and mappings.")
        if not isinstance(document["mappings"], dict):
            self._refuse(("mappings",), "the mappings are no table of names", "Write NAME: {...}.")
        found = {name: self._mapping(name, one) for name, one in document["mappings"].items()}
        self._check(found)
        return found

    def _mapping(self, name: Any, stored: Any) -> Changes:
        place = ("mappings", name)
        if not isinstance(name, str) or not isinstance(stored, dict | None):
            self._refuse(place, f"{name!r} is no mapping with its changes", "Write NAME: {key: value}.")
        given = dict(stored or {})
        texts = {key: given.pop(key) for key, _ in _FILTERS if isinstance(given.get(key), str)}
        changes = NO_CHANGES
        for key in given:
            for at, (what, piece) in enumerate(pieces({key: given[key]})):
                try:
                    changes = joined(changes, msgspec.convert(piece, Changes))
                except msgspec.ValidationError as error:
                    below: dict[str, tuple[Any, ...]] = {"fields": (what,), "new_fields": (at,)}
                    self._misfit(
                        (*place, key, *below.get(key, ())), str(error), 2 if key == "new_fields" else 1
                    )
        self._judge_definition(place, name, changes)
        definition = changes.definition or self._known[name]
        return msgspec.structs.replace(changes, **self._filters(place, definition, changes, texts))

    def _judge_definition(self, place: tuple[Any, ...], name: str, changes: Changes) -> None:
        """Whether the mapping is one that is there, or one that a person made and that is whole."""
        made, here = changes.definition, (*place, "definition")
        if made is None:
            if name not in self._known:
                names = ", ".join(self._known)
                self._refuse(place, f"there is no mapping {name!r} here", f"Use one of: {names}.")
            return
        if name in SOURCES or name in every_variant():
            self._refuse(here, f"{name} is a default mapping", "Leave its definition out.")
        if made.name != name:
            self._refuse(here, f"it is named {made.name!r}", f"Name it {name!r}.")
        try:
            check(made, name)
        except ConfigurationError as error:
            self._refuse(here, error.message, error.cure)

    def _filters(
        self, place: tuple[Any, ...], definition: Definition, changes: Changes, texts: dict[str, str]
    ) -> dict[str, tuple[FilterCondition, ...]]:
        found = {}
        for key, side in _FILTERS:
            if key in texts:
                columns = known_columns(getattr(definition, side), getattr(changes, f"{side}_columns"))
                try:
                    found[key] = parse_filter(texts[key], columns)
                except ConfigurationError as error:
                    self._refuse((*place, key), error.message, error.cure)
        return found

    def _check(self, found: dict[str, Changes]) -> None:
        """Whether every change fits its mapping, as it would be with the others of the text."""
        definitions = {name: one.definition or self._known[name] for name, one in found.items()}
        known = {**self._known, **definitions}
        available = {*known, *SOURCES}
        for name, changes in found.items():
            _, aside = fitting(definitions[name], changes, available, self._settings)
            for one in aside:
                row = ("fields", one.what) if one.what in changes.fields else (one.what,)
                self._refuse(("mappings", name, *row), one.message, one.cure)

    def _misfit(self, place: tuple[Any, ...], words: str, known: int) -> NoReturn:
        """What the text does not say as it should, at the place that the words name; `known` of its steps are
        those of `place`."""
        found = _PLACE.search(words)
        steps = [key or int(index) for key, index in _STEP.findall(found[1])] if found else []
        self._refuse((*place, *steps[known:]), _PLACE.sub("", words), "Correct the file at that place.")

    def _refuse(self, place: tuple[Any, ...], words: str, cure: str) -> NoReturn:
        where = ": ".join(str(one) for one in place[1:] if one != "")
        said = words.rstrip(".")
        line = line_of(self._text, place)
        message = f"{self._file}: line {line}: {where + ': ' if where else ''}{said}."
        raise ConfigurationError(message, cure=cure)
