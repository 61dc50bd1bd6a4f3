"""The JSON documents of the command line, made from what the engine and the state know."""

from __future__ import annotations

from typing import Any, Final

from kobling.model.mapping import Mapping, Side
from kobling.model.state import Coupling, Failure, Report
from kobling.model.values import UNSET, Value

COUNTS: Final = (
    *("inserted", "modified", "deleted", "unchanged", "skipped", "failed", "conflicts", "waiting"),
    *("outside", "coupled", "uncoupled"),
)


def job_document(report: Report) -> dict[str, Any]:
    """One job."""
    return {
        "job": str(report.job),
        "mapping": report.mapping,
        "kind": report.kind,
        "status": report.status,
        "counts": counts_document(report.counts),
        "errors": [error_document(report.mapping, one) for one in report.failures],
        "open": open_document(report),
        "requests": report.requests,
        "seconds": report.seconds,
    }


def action_document(action: dict[str, Any]) -> dict[str, Any]:
    """One action of a rehearsal: (before, after) by system and field."""
    names = {"left": "bc", "right": "crm"}
    fields = {names[side]: values for side, values in action["fields"].items()}
    shown = {key: value for key, value in action.items() if key not in {"left", "right", "fields"}}
    return {
        **shown,
        "bc_id": action["left"] or None,
        "crm_id": action["right"] or None,
        "fields": fields,
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
    """One entry a contested field; a first contact is one entry for the pair, its values by field."""
    rows = [one for one in mapping.rows if one.name in fields]
    head = {"mapping": mapping.name, "bc_id": coupling.left, "crm_id": coupling.right}
    values = {
        row.name: {
            "base": None if coupling.base is None else _at(coupling.base.left, row.left),
            "bc": _at(coupling.values(Side.LEFT), row.left),
            "crm": _at(coupling.values(Side.RIGHT), row.right),
        }
        for row in rows
    }
    if coupling.base is not None:
        return [{**head, "field": name, **three} for name, three in values.items()]
    whole = {key: {name: three[key] for name, three in values.items()} for key in ("base", "bc", "crm")}
    return [{**head, "field": "first contact", **whole, "base": None}]


def _at(values: tuple[Value, ...] | None, position: int | None) -> Value:
    if values is None or position is None or values[position] is UNSET:
        return None
    return values[position]
