"""Which of a user's stored changes still fit a mapping; what does not is set aside and said, never fatal.

A newer definition may lack a field, or know a rule better than an older edit; a stored change may come from
another version of this program.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

import msgspec

from kobling.catalogue.definition import NO_CHANGES, Changes, Definition, FieldChanges, changed
from kobling.catalogue.load import check_changed, executable
from kobling.catalogue.settings import ConnectionSettings
from kobling.model.errors import ConfigurationError

# They only say what other changes may name.
_COLUMNS: Final = ("bc_columns", "crm_columns")
_KEPT: Final = (*_COLUMNS, "enabled", "definition")
_LISTS: Final = ("new_fields",)
_TABLES: Final = ("fields",)


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """A stored change that does not fit. what: the key, or the field; "" for the mapping as a whole. whole:
    the mapping takes no part meanwhile, as it might let more through than a person wants."""

    mapping: str
    what: str
    message: str
    cure: str
    whole: bool = False

    @property
    def words(self) -> str:
        """What it means, as a sentence."""
        place = f"{self.what}: " if self.what else ""
        if self.whole:
            return f"{self.mapping} takes no part: {place}{self.message}."
        return f"{' '.join(one for one in (self.mapping, self.what) if one)} is set aside: {self.message}."


def read_changes(name: str, stored: dict[str, Any]) -> tuple[Changes, list[SetAside]]:
    """The changes that were stored, without those that this version does not understand."""
    try:
        return msgspec.convert(stored, Changes), []
    except msgspec.ValidationError:
        kept, aside = NO_CHANGES, []
        for what, one in pieces(stored):
            try:
                kept = joined(kept, msgspec.convert(one, Changes))
            except msgspec.ValidationError as error:
                aside.append(_aside(name, what, one, f"this version does not understand it ({error})"))
                kept = joined(kept, _off(what, one))
        return kept, aside


def fitting(
    definition: Definition, changes: Changes, available: Collection[str], settings: ConnectionSettings
) -> tuple[Changes, list[SetAside]]:
    """The changes with which the mapping can be carried out, and those without which it can.

    A field whose edit does not fit flows nowhere; without another change the mapping takes no part.
    """
    unknown = _unknown_fields(definition, changes)
    gone = "the mapping has no such field any more"
    aside = [_aside(definition.name, one, {"fields": {}}, gone) for one in unknown]
    fields = {key: one for key, one in changes.fields.items() if key not in unknown}
    kept = msgspec.structs.replace(changes, fields=fields)
    if _refusal(definition, kept) is not None:
        kept, others = _without_misfits(definition, kept)
        aside += others
    if kept.is_enabled and definition.ready and not any(one.whole for one in aside):
        try:
            executable(definition, kept, available, settings)
        except ConfigurationError as error:
            aside.append(_aside(definition.name, "", {}, error.message, error.cure))
    return kept, aside


def _without_misfits(definition: Definition, changes: Changes) -> tuple[Changes, list[SetAside]]:
    """One change after the other, as long as they fit."""
    kept = Changes(**{key: getattr(changes, key) for key in _KEPT})
    aside = []
    for what, one in pieces(msgspec.structs.asdict(changes)):
        tried = joined(kept, Changes(**one))
        error = None if set(one) <= set(_KEPT) else _refusal(definition, tried)
        if error is None:
            kept = tried
        else:
            aside.append(_aside(definition.name, what, one, error.message, error.cure))
            kept = joined(kept, _off(what, one))
    return kept, aside


def _off(what: str, piece: dict[str, Any]) -> Changes:
    """What stands for an edit that does not fit: the field flows nowhere until a person says more."""
    return Changes(fields={what: FieldChanges(enabled=False)}) if "fields" in piece else NO_CHANGES


def _refusal(definition: Definition, changes: Changes) -> ConfigurationError | None:
    try:
        check_changed(changed(definition, changes), changes)
    except ConfigurationError as error:
        return error
    return None


def _unknown_fields(definition: Definition, changes: Changes) -> list[str]:
    """Edited rows that are not there, neither by their definition nor added by a person."""
    if not changes.fields:
        return []
    added = msgspec.structs.replace(changes, fields={}, bc_filter=None, crm_filter=None, direction=None)
    try:
        now = changed(definition, added)
    except ConfigurationError:
        now = definition
    known = {now.field_name(one) for one in now.fields}
    return [one for one in changes.fields if one not in known]


def pieces(stored: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(what a person calls it, the change) of every single change; columns first, as others name them."""
    for key in sorted(stored, key=lambda one: (one not in _KEPT, one not in _LISTS, one in _TABLES)):
        value = stored[key]
        if key in _TABLES and isinstance(value, dict):
            yield from ((str(name), {key: {name: one}}) for name, one in value.items())
        elif key in _LISTS and isinstance(value, list | tuple):
            yield from ((f"{key}[{at}]", {key: (one,)}) for at, one in enumerate(value))
        else:
            yield key, {key: value}


def joined(one: Changes, other: Changes) -> Changes:
    """Both changes; of a list or a table the parts of both."""
    values: dict[str, Any] = {}
    for key in Changes.__struct_fields__:
        mine, others = getattr(one, key), getattr(other, key)
        if key in _TABLES:
            values[key] = mine | others
        elif key in _LISTS:
            values[key] = (*mine, *others)
        else:
            values[key] = mine if others == getattr(NO_CHANGES, key) else others
    return Changes(**values)


def _aside(mapping: str, what: str, piece: dict[str, Any], message: str, cure: str = "") -> SetAside:
    whole = not {"fields", "new_fields"} & piece.keys()
    command = f'kobling mapping reset "{mapping}"'
    if whole and what:
        command = f'kobling mapping set "{mapping}" {what}=..., or {command}'
    mend = f"Say anew what it should be, or take it back: {command}."
    return SetAside(mapping=mapping, what=what, message=message.rstrip("."), cure=cure or mend, whole=whole)
