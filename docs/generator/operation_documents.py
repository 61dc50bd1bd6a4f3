"""The JSON documents of the commands that start and look after an installation; see `documents`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kobling.model.alert import AlertKind
from kobling.model.full_synchronization import LineStatus, Recommendation
from kobling.service.finding import Level

from .markdown import code

Keys = dict[str, tuple[str, str]]

_LINES: Final = "list of [full synchronization line](#full-synchronization-line)"
COMMANDS: Final[dict[str, Keys]] = {
    "doctor": {
        "ok": ("true or false", "Whether there is no problem."),
        "checks": ("list of [finding](#finding)", "Everything that was examined, in order."),
    },
    "alert list": {"alerts": ("list of [alert](#alert)", "What is wrong now.")},
    "alert test": {"channels": ("list of [channel](#channel)", "Every channel that is configured.")},
    "database backup": {"file": ("text", "The file."), "bytes": ("number", "Its length.")},
    "database restore": {
        "file": ("text", "The file."),
        "rebuild": ("list of text", "The mappings whose couplings are to be rebuilt."),
    },
    "database adopt": {"rebuild": ("list of text", "The mappings whose couplings are to be rebuilt.")},
    "erase": {
        "mapping": ("text", "The mapping."),
        "job": ("text", "The job that tells that something was erased."),
        "records": ("list of text", "The ids of the record and of its partner."),
        "couplings": ("number", "Couplings that went."),
        "inbox": ("number", "Rows of the inbox that went."),
        "writes": ("number", "Writes whose values went."),
        "errors": ("number", "Errors whose words went."),
    },
    "connection setup": {
        "ok": ("true or false", "Whether everything is there."),
        "requirements": ("list of [requirement](#requirement)", "Everything that must be there, in order."),
    },
    "full-sync review": {"lines": (_LINES, "Every enabled mapping, in the order in which it would run.")},
    "full-sync start": {
        "lines": (_LINES, "What was carried out. The records are those that were counted before."),
        "jobs": ("list of [job](#job)", "The jobs that ran."),
        "keep_creating": (
            "true or false or null",
            "Whether jobs may create records of these mappings from now on; null where nobody has said.",
        ),
    },
}


def _listed(words: Iterable[str]) -> str:
    return ", ".join(code(str(one)) for one in words)


_STATUSES: Final = [one.value for one in LineStatus if one is not LineStatus.BLANK]
_SIDE: Final = "[side of a line](#side-of-a-line)"
SHAPES: Final[dict[str, Keys]] = {
    "alert": {
        "kind": ("text", f"{_listed(AlertKind)}."),
        "subject": ("text", "The mapping, or what expires."),
        "message": ("text", "What is wrong; no data of records."),
        "cure": ("text", "What to do."),
        "since": ("text or null", "When a worker saw it first; null where none has yet."),
    },
    "channel": {
        "channel": ("text", "`mail` or `webhook`."),
        "ok": ("true or false", "Whether the message was taken."),
        "message": ("text", "What became of it."),
        "cure": ("text", "What to do; empty where nothing is."),
    },
    "finding": {
        "name": ("text", "What was examined."),
        "level": (
            "text",
            f"{_listed(Level)}: in order; works, but look at it; does not work, or waits for a person.",
        ),
        "message": ("text", "What was found."),
        "cure": ("text", "What to do; empty where nothing is."),
    },
    "requirement": {
        "name": ("text", "What must be there."),
        "met": ("true or false", "Whether it is there by now."),
        "applied": ("true or false", "Whether this command made it."),
        "message": ("text", "What was found."),
        "cure": ("text", "Who makes it, and how; empty where it is there."),
    },
    "full synchronization line": {
        "mapping": ("text", "The mapping."),
        "direction": ("text", "The mapping's direction."),
        "depends_on": ("list of text", "The mappings whose records its own ones look up."),
        "waits_for": ("list of text", "Those of them that are to be finished first."),
        "recommendation": (
            "text",
            f"{_listed(Recommendation)}. Of a line that has begun, what it began with.",
        ),
        "meaning": ("text", "What was found, and what that means."),
        "criteria": ("list of text", "The fields by which records are matched."),
        "finder": ("true or false", "Whether an uncoupled record finds its partner by itself."),
        "bc": (_SIDE, "Business Central."),
        "crm": (_SIDE, "Sales."),
        "status": ("text", f"{_listed(_STATUSES)}; empty where it has not begun."),
        "to": (
            "text",
            "What became of the direction into Sales: `success`, `error` where a record failed, "
            "else the status; empty where nothing flows that way.",
        ),
        "from": ("text", "The same of the direction into Business Central."),
        "jobs": ("list of text", "The jobs that carried it out."),
        "counts": ("object", "What they did, as of a [job](#job)."),
        "message": ("text", "Why it could not be carried out, or what stays uncoupled."),
    },
    "side of a line": {
        "records": ("number", "Records inside the mapping's filter."),
        "coupled": ("number", "Those of them that are coupled."),
        "uncoupled": ("number", "Those of them that are not."),
    },
}
