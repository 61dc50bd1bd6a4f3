"""What Business Central's answers to single writes mean: a 409 says several things, so the code decides."""

from __future__ import annotations

from typing import Final

from kobling.adapters.odata.answer import Answer
from kobling.adapters.odata.results import done, undone
from kobling.ports import Outcome, RowResult, RowWrite

# Codes in lower case: their case differs between versions.
GONE_CODES: Final = frozenset({"internal_recordnotfound", "internal_datanotfoundfilter", ""})
_EXISTS: Final = "internal_entitywithsamekeyexists"
_STALE: Final = "request_entitychanged"


def result(one: RowWrite, answer: Answer) -> RowResult:
    """The result of one part of a batch of writes."""
    if answer.status < 300:
        return done("Business Central", one, answer, "id")
    return undone(one, answer, _meaning(answer))


def _meaning(answer: Answer) -> Outcome | None:
    code = answer.problem()[0].lower()
    # Proxies and older versions answer 412 for a stale version.
    if code == _STALE or answer.status == 412:
        return Outcome.STALE
    if code == _EXISTS:
        return Outcome.EXISTS
    return Outcome.GONE if answer.status == 404 and code in GONE_CODES else None
