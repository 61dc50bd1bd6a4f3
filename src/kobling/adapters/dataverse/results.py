"""What Dataverse's answers to single writes mean: a 412 says several things, so the code decides."""

from __future__ import annotations

from typing import Final

from kobling.adapters.odata.answer import Answer
from kobling.adapters.odata.results import done, undone
from kobling.ports import Method, Outcome, RowResult, RowWrite

# Older versions leave the code empty.
GONE_CODES: Final = frozenset({"0x80040217", ""})
_CODES: Final = {
    "0x80060882": Outcome.STALE,
    "0x80040237": Outcome.EXISTS,
    "0x80040217": Outcome.GONE,
    # A plug-in said no, under whatever status.
    "0x80040265": Outcome.REJECTED,
}


def result(one: RowWrite, answer: Answer, key: str) -> RowResult:
    """The result of one part of a batch of writes."""
    if answer.status < 300:
        return done("Dataverse", one, answer, key)
    return undone(one, answer, _meaning(one, answer))


def _meaning(one: RowWrite, answer: Answer) -> Outcome | None:
    code = answer.problem()[0].lower()
    if code or answer.status not in {404, 412}:
        return _CODES.get(code)
    if answer.status == 404:
        return Outcome.GONE
    return Outcome.EXISTS if one.method is Method.CREATE else Outcome.STALE
