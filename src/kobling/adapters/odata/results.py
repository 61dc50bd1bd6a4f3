"""What both services' answers to single writes have in common."""

from __future__ import annotations

import re
from typing import Final

from kobling.adapters.odata.answer import Answer
from kobling.model.errors import ProtocolError
from kobling.ports import Method, Outcome, RowResult, RowWrite

_TRANSIENT: Final = frozenset({401, 408, 429, 500, 502, 503, 504})
# Business Central ends its messages with one of these.
_CORRELATION: Final = re.compile(r"CorrelationId:\s*\S+")
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def done(service: str, one: RowWrite, answer: Answer, key: str) -> RowResult:
    """The result of a write that was done; ProtocolError if its answer is about another row, or is none."""
    if one.method is Method.DELETE or answer.status == 204:
        return RowResult(outcome=Outcome.DONE)
    row = answer.row_at_once()
    if row is not None and row.get(key) == one.id:
        return RowResult(outcome=Outcome.DONE, row=row)
    what = f"{service} for the {one.method} of {one.table} {one.id}"
    if not bytes(answer.body):
        raise ProtocolError(
            f"{what} answered {answer.status} without the row.",
            cure="Run again: the next run asks what became of it.",
        )
    row = answer.row(what)
    found = str(row.get(key, "")).lower()
    if found != one.id.lower():
        raise ProtocolError(
            f"{what} answered with the row {found!r}.", cure="Run again: the next run asks what became of it."
        )
    return RowResult(outcome=Outcome.DONE, row=row)


def undone(one: RowWrite, answer: Answer, known: Outcome | None) -> RowResult:
    """The result of a write that was refused, in the service's words. known: what its code says of itself."""
    code, message = answer.problem()
    outcome = known if known is not None else _by_status(answer.status)
    # 'Exists' is about a create's own id, 'gone' about the row itself: a related row that is missing, or a
    # value that must be unique, is for a person.
    if outcome is Outcome.EXISTS and one.method is not Method.CREATE:
        outcome = Outcome.REJECTED
    if outcome is Outcome.GONE and (one.method is Method.CREATE or not _is_about(one.id, message)):
        outcome = Outcome.REJECTED
    return RowResult(outcome=outcome, code=code, message=message)


def _by_status(status: int) -> Outcome:
    return Outcome.TRANSIENT if status in _TRANSIENT else Outcome.REJECTED


def _is_about(identifier: str, message: str) -> bool:
    named = {one.lower() for one in _GUID.findall(_CORRELATION.sub("", message))}
    return not named or identifier.lower() in named
