"""What people see of the mappings, as the JSON documents of `mapping list` and `mapping show`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from kobling.algebra.guard import limit_text
from kobling.catalogue.definition import NO_CHANGES, OPTION_ROUTE, Changes, Definition, Field, changed
from kobling.catalogue.filter_text import filter_text
from kobling.catalogue.filter_values import value_text
from kobling.catalogue.load import definitions, place_of
from kobling.catalogue.settings import NO_SETTINGS, ConnectionSettings, in_force, left_in, words_of
from kobling.catalogue.sources import SOURCES
from kobling.model.mapping import Moment

Document = dict[str, Any]


def list_document(
    known: Mapping[str, Definition],
    changes: Mapping[str, Changes],
    settings: ConnectionSettings = NO_SETTINGS,
) -> Document:
    """All mappings, in short. changes: by mapping name; a mapping without stands as it was shipped."""
    summaries = [_summary(one, changes.get(name, NO_CHANGES), settings, known) for name, one in known.items()]
    return apart(summaries, known)


def apart(summaries: Sequence[Document], known: Mapping[str, Definition]) -> Document:
    """The mappings, those beside the default ones by themselves."""
    beside = {name for name, one in known.items() if one.beside}
    return {
        "mappings": [one for one in summaries if one["name"] not in beside],
        "beside": [one for one in summaries if one["name"] in beside],
    }


def show_document(
    definition: Definition,
    changes: Changes = NO_CHANGES,
    known: Mapping[str, Definition] | None = None,
    settings: ConnectionSettings = NO_SETTINGS,
) -> Document:
    """One mapping with all its rows, disabled and derived ones too. known: all mappings, by default the
    shipped ones."""
    everything = definitions(settings) if known is None else known
    variant = _summary(definition, changes, settings, everything)
    return {"name": definition.name, "variants": [_with_fields(variant, definition, changes)]}


def every_variant_document(
    variants: Sequence[Definition], changes: Changes = NO_CHANGES, settings: ConnectionSettings = NO_SETTINGS
) -> Document:
    """One mapping with all its variants and all their rows, whatever the settings of the connection.

    Filters and needs are those that a variant has with these settings, turned so that it is there.
    """
    documents = []
    for one in variants:
        turned = {**settings, **words_of(one.only)}
        variant = _summary(left_in(one, turned), changes, turned, definitions(turned))
        documents.append(_with_fields(variant, one, changes))
    return {"name": variants[0].name, "variants": documents}


def _with_fields(summary: Document, definition: Definition, changes: Changes) -> Document:
    variant = {key: value for key, value in summary.items() if key != "name"}
    now = changed(definition, changes)
    return variant | {"fields": [_field(now, one, changes) for one in now.fields]}


def depends_on(definition: Definition, known: Mapping[str, Definition]) -> list[str]:
    """The mappings that its enabled rows look records up in.

    A look-up that may be cleared is no dependency where the other mapping needs this one: it is filled in
    later.
    """
    found = {*definition.needs, *(name for name, _ in _asked(definition))} - {definition.name}
    needed = {name for name in found if name in known and not _deferred(definition, known[name])}
    return sorted(needed, key=place_of)


def _asked(definition: Definition) -> Iterable[tuple[str, bool]]:
    """(mapping, whether it may come later) of each look-up that a run carries out."""
    for row in definition.fields:
        flows = row.direction.narrowed(definition.direction) is not None
        if row.enabled and row.executable and flows and row.conversion.source:
            source = row.conversion.source
            through = SOURCES[source].via if source in SOURCES else ()
            for name in through or (source,):
                yield name, row.clear_on_failed or row.moment is Moment.FINISH


def _deferred(definition: Definition, other: Definition) -> bool:
    here = [clearable for name, clearable in _asked(definition) if name == other.name]
    if other.name in definition.needs:
        return False
    there = [clearable for name, clearable in _asked(other) if name == definition.name]
    return all(here) and not all(there)


def _summary(
    definition: Definition,
    changes: Changes,
    settings: ConnectionSettings,
    known: Mapping[str, Definition],
) -> Document:
    now = in_force(changed(definition, changes), settings)
    return {
        "name": now.name,
        "enabled": changes.is_enabled,
        "observe": bool(changes.observe),
        "ready": now.ready,
        "switches": words_of(now.only),
        "bc_table": now.bc.table,
        "crm_entity": now.crm.table,
        "crm_key": now.crm.key,
        "key_type": "option" if now.crm.route.startswith(OPTION_ROUTE) else "guid",
        "direction": now.direction.value,
        "synch_only_coupled": now.synch_only_coupled,
        "update_conflict": now.update_conflict.value,
        "deletion_conflict": now.deletion_conflict.value,
        "guard_deletions": limit_text(now.guards.deletions),
        "guard_changes": limit_text(now.guards.changes),
        "guard_empty": now.guards.empty,
        "guard_schema": now.guards.schema,
        "guard_mapping": now.guards.mapping,
        "bc_filter": filter_text(now.bc.filter, now.bc.columns),
        # Dataverse's display names may stand twice in a table; its logical names do not.
        "crm_filter": filter_text(now.crm.filter),
        "bc_conditions": [one.text for one in now.bc.filter],
        "crm_conditions": [one.text for one in now.crm.filter],
        "depends_on": depends_on(now, known),
    }


def _field(definition: Definition, field: Field, changes: Changes) -> Document:
    document: Document = {
        "bc_field": None if field.bc is None else definition.bc.columns[field.bc].caption,
        "crm_field": field.crm,
        "direction": field.direction.value,
        "constant": "" if field.constant is None else value_text(field.constant),
        "transformation": field.transformation,
        "enabled": field.enabled,
        "clear_on_failed": field.clear_on_failed,
        "not_null": field.not_null,
        "match": field.match,
        "match_priority": field.match_priority,
        "match_case": field.match_case,
        "conflict": None if field.conflict is None else field.conflict.value,
        "group": field.group,
    }
    said: Document = {
        "rule": field.rule,
        "note": field.note,
        "instead": field.instead,
        "switches": words_of(field.only),
    }
    edits = changes.fields.get(definition.field_name(field))
    said["new"] = any(field.bc == one.bc and field.crm == one.crm for one in changes.new_fields)
    said["changed"] = [] if edits is None else sorted({*msgspec.to_builtins(edits)} - {"compare"})
    return document | {name: words for name, words in said.items() if words}
