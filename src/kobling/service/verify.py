"""`verify`: both services read afresh, and every coupled pair compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from kobling.algebra.verify import CONTESTED, NOT_MET, SINCE, Verdict
from kobling.engine.task import Options
from kobling.engine.verify import Difference, Verification, Verifier
from kobling.model.errors import ConfigurationError
from kobling.service.session import Document, Session

_WORDS = {
    Verdict.IN_STEP: "in_step",
    Verdict.NORMALISED: "normalised",
    Verdict.ACCEPTED: "accepted",
    Verdict.WAITING: "waiting",
}
_EXPLAINED = (Verdict.NORMALISED, Verdict.ACCEPTED, Verdict.WAITING)


async def verify(
    session: Session, names: Sequence[str], *, progress: Callable[[str, int], None]
) -> tuple[Document, int]:
    """Compares the pairs of these mappings, or of every enabled one; the document and the exit status.

    The status is 1 where something differs or waits for a look-up that may not be left blank. Raises
    ConfigurationError for a mapping that is unknown or disabled.
    """
    mappings = await session.mappings()
    chosen = session.named(names, mappings) if names else list(mappings)
    if not chosen:
        raise ConfigurationError("No mapping is enabled.", cure="See: kobling mapping list.")
    async with session.context(Options(), progress=progress) as context:
        verifier = Verifier(context)
        await verifier.open(chosen)
        found = [await verifier.verify(name) for name in chosen]
    work = sum(one.pairs[verdict] for one in found for verdict in (Verdict.WAITING, Verdict.DIFFERENT))
    return _document(found), 1 if work else 0


def _document(found: Sequence[Verification]) -> Document:
    total: Counter[Verdict] = Counter()
    for one in found:
        total.update(one.pairs)
    return {
        "checked": total.total(),
        **{word: total[verdict] for verdict, word in _WORDS.items()},
        "different": total[Verdict.DIFFERENT],
        "differences": [_difference(one.mapping, each) for one in found for each in one.differences],
        "reasons": [reason for one in found for reason in _reasons(one)],
    }


def _difference(mapping: str, one: Difference) -> Document:
    finding = one.finding
    return {
        "mapping": mapping,
        "bc_id": one.coupling.left,
        "crm_id": one.coupling.right,
        "number": one.coupling.left_number or None,
        "field": finding.field or None,
        "bc": finding.left,
        "crm": finding.right,
        "base": {"bc": finding.left_base, "crm": finding.right_base},
        "reason": finding.reason,
        "cure": _cure(mapping, one),
    }


def _cure(mapping: str, one: Difference) -> str:
    """What a person does about a difference."""
    name = f'"{mapping}"' if " " in mapping else mapping
    record, reason = f"bc:{one.coupling.left}", one.finding.reason
    run = f"kobling sync {name} --record {record}"
    if not one.finding.field:
        return f"kobling coupling find-deleted {name}, then kobling sync {name}"
    if reason == CONTESTED:
        return f"{run}, then kobling conflict resolve {name} {record} --use bc, or crm"
    if reason == NOT_MET or reason.endswith(SINCE):
        return run
    return f"kobling why {name} {record}"


def _reasons(one: Verification) -> list[Document]:
    """Why what differs is no work, and what the rest waits for; the most frequent first."""
    return [
        {
            "mapping": one.mapping,
            "kind": _WORDS[verdict],
            "field": field or None,
            "reason": reason,
            "records": count,
        }
        for verdict in _EXPLAINED
        for (field, reason), count in one.reasons[verdict].most_common()
    ]
