"""The JSON documents of the command line, made from what the engine and the state know."""

from __future__ import annotations

from typing import Any, Final

from kobling.algebra.held import held_rows
from kobling.model.mapping import FieldRow, Mapping, Side
from kobling.model.state import Change, Coupling, Failure, Report
from kobling.model.values import UNSET, Value

COUNTS: Final = (
    *("inserted", "modified", "deleted", "unchanged", "skipped", "failed", "conflicts", "waiting"),
    *("outside", "coupled", "uncoupled"),
)

_WITHIN: Final = frozenset({"left", "right", "fields", "key", "versions", "couples"})
# By the core's word for a side.
SYSTEMS: Final = {"left": "bc", "right": "crm"}
_THREE: Final = ("base", "bc", "crm")


def job_document(report: Report) -> dict[str, Any]:
    """One job."""
    return {
        "job": str(report.job),
        "mapping": report.mapping,
        "kind": report.kind,
        "status": report.status,
        "counts": counts_document(report.counts),
        "errors": [error_document(report.mapping, one) for one in report.failures],
        "warnings": [error_document(report.mapping, one) for one in report.warnings],
        "open": open_document(report),
        "requests": report.requests,
        "seconds": report.seconds,
        **({"observed": True} if report.observed else {}),
    }


def action_document(action: dict[str, Any]) -> dict[str, Any]:
    """One action of a rehearsal: (before, after) by system and field."""
    fields = {SYSTEMS[side]: values for side, values in action["fields"].items()}
    changes = [
        {"system": SYSTEMS[one["side"]], **{key: value for key, value in one.items() if key != "side"}}
        for one in action["changes"]
    ]
    shown = {key: value for key, value in action.items() if key not in _WITHIN}
    return {
        **shown,
        "bc_id": action["left"] or None,
        "crm_id": action["right"] or None,
        "fields": fields,
        "changes": changes,
    }


def counts_document(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Every counter of both directions, zeros too."""
    return {way: {word: counts.get(way, {}).get(word, 0) for word in COUNTS} for way in ("to", "from")}


def open_document(report: Report) -> dict[str, int]:
    """What stands open of the mapping, whichever run left it."""
    still = report.open
    return {
        "conflicts": still.conflicts,
        "waiting": still.waiting,
        "clearable": still.clearable,
        "skipped": still.skipped,
        "held": still.held,
    }


def error_document(mapping: str, failure: Failure) -> dict[str, Any]:
    """One error."""
    return {
        "mapping": mapping,
        "bc_id": failure.left or None,
        "crm_id": failure.right or None,
        "class": failure.kind,
        "field": failure.field or None,
        "message": failure.message,
        "cure": failure.cure,
    }


def coupling_document(coupling: Coupling) -> dict[str, Any]:
    """One coupling."""
    return {
        "bc_id": coupling.left,
        "crm_id": coupling.right,
        "number": coupling.left_number,
        "bc_name": coupling.left_title,
        "crm_name": coupling.right_title,
        "settled": coupling.base is not None,
    }


def conflict_documents(mapping: Mapping, coupling: Coupling, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    """One entry a contested field; of a merge group, and of a first contact, the values are by field."""
    head = {"mapping": mapping.name, "bc_id": coupling.left, "crm_id": coupling.right}
    values = {name: [_three(coupling, row) for row in mapping.rows_of(name)] for name in fields}
    if coupling.base is None:
        met = [row for rows in values.values() for row in rows]
        return [{**head, "field": "first contact", **_by_field(met), "base": None}]
    found = []
    for name, rows in values.items():
        if rows:
            whole = _by_field(rows) if len(rows) > 1 else {key: rows[0][key] for key in _THREE}
            found.append({**head, "field": name, **whole})
    return found


def _three(coupling: Coupling, row: FieldRow) -> dict[str, Any]:
    """A row's name, and what it held when it was settled and holds on both sides."""
    return {
        "name": row.name,
        "base": None if coupling.base is None else _at(coupling.base.left, row.left),
        "bc": _at(coupling.values(Side.LEFT), row.left),
        "crm": _at(coupling.values(Side.RIGHT), row.right),
    }


def _by_field(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: {one["name"]: one[key] for one in rows} for key in _THREE}


def held_document(mapping: Mapping, coupling: Coupling) -> dict[str, Any]:
    """A pair with fields that the integration user changed; base: what Sales held before."""
    names = [one.name for one in mapping.right.columns]
    held = frozenset(at for at, name in enumerate(names) if name in coupling.right_held)
    carried = held_rows(mapping, held)
    columns: dict[str, tuple[int | None, int]] = {
        mapping.rows[index].name: (mapping.rows[index].left, at)
        for index, positions in carried.items()
        for at in positions
    }
    shown = {at for positions in carried.values() for at in positions}
    columns |= {mapping.right.columns[at].caption: (None, at) for at in sorted(held - shown)}
    base = None if coupling.base is None else coupling.base.right
    left, right = coupling.values(Side.LEFT), coupling.values(Side.RIGHT)
    return {
        "mapping": mapping.name,
        "bc_id": coupling.left,
        "crm_id": coupling.right,
        "number": coupling.left_number or None,
        "name": coupling.right_title or coupling.left_title or None,
        "fields": sorted(columns),
        "base": {name: _at(base, at) for name, (_, at) in columns.items()},
        "bc": {name: _at(left, at) for name, (at, _) in columns.items()},
        "crm": {name: _at(right, at) for name, (_, at) in columns.items()},
    }


def held_record_document(mapping: Mapping, change: Change) -> dict[str, Any]:
    """An uncoupled record of Sales that the integration user wrote, and that is not created for that."""
    return {
        "mapping": mapping.name,
        "bc_id": None,
        "crm_id": change.id,
        "number": None,
        "name": _at(change.values, mapping.right.title),
        "fields": [],
        "base": {},
        "bc": {},
        "crm": {},
    }


def _at(values: tuple[Value, ...] | None, position: int | None) -> Value:
    if values is None or position is None or values[position] is UNSET:
        return None
    return values[position]
