"""Comparing what is coupled, page by page: both services are read afresh, and nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from kobling.algebra.verify import Finding, Verdict, verdict_of, verify_pair
from kobling.engine.look_ups import answers, bind_filters, wanted_by
from kobling.engine.references import references_of
from kobling.engine.task import Context, Task, read_afresh
from kobling.model.mapping import Side
from kobling.model.pair import Pair
from kobling.model.state import Coupling
from kobling.ports import DELETIONS, Row

_PAGE: Final = 1000
_ALONE: Final = "not coupled yet: a look-up that it needs is not coupled"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that means work, and the pair in which it stands."""

    coupling: Coupling
    finding: Finding


class Verification(msgspec.Struct, kw_only=True):
    """How the pairs of one mapping stand.

    pairs: by verdict. reasons: how many fields, by verdict and by field and reason; what is in step has none.
    """

    mapping: str
    pairs: Counter[Verdict]
    reasons: dict[Verdict, Counter[tuple[str, str]]]
    differences: list[Difference]


class _Stand(msgspec.Struct, frozen=True):
    coupling: Coupling
    findings: tuple[Finding, ...]
    waits: bool


class Verifier:
    """Compares the coupled pairs of mappings. Make one per command; `open` it first."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def open(self, names: Sequence[str]) -> None:
        """Reads the reference tables as they are now and binds the filters; what runs have stored stays."""
        context = self._context
        needed = [context.references[one] for one in references_of(context, names)]
        marks = {key: mark for key, mark in (await context.state.marks()).items() if key == DELETIONS}
        tables: dict[str, list[Row]] = {}
        for side in Side:
            mine = [one for one in needed if one.side is side]
            tables |= (await context.services[side].opening(mine, marks)).rows
        context.facts = msgspec.structs.replace(context.facts, tables=tables)
        await bind_filters(context)

    async def verify(self, name: str) -> Verification:
        """Every coupled pair of a mapping, and the records that wait for being coupled."""
        store = self._context.stores[name]
        result = Verification(
            mapping=name,
            pairs=Counter(),
            reasons={verdict: Counter() for verdict in Verdict},
            differences=[],
        )
        after, waiting, done = "", 0, 0
        while page := await store.page(after, _PAGE):
            for one in await self._settled_look(name, page):
                _count(result, one)
                waiting += one.waits
            done, after = done + len(page), page[-1].left
            self._context.progress(name, done)
        alone = max(0, (await store.open_counts()).waiting - waiting)
        if alone:
            result.pairs[Verdict.WAITING] += alone
            result.reasons[Verdict.WAITING]["", _ALONE] += alone
        return result

    async def _settled_look(self, name: str, page: Sequence[Coupling]) -> list[_Stand]:
        """What looks different is looked at once more: a run may have been between our two reads."""
        found = await self._look(name, page)
        doubtful = [one.coupling.left for one in found if verdict_of(one.findings) is Verdict.DIFFERENT]
        if not doubtful:
            return found
        again = await self._look(name, await self._context.stores[name].couplings(doubtful, []))
        return [one for one in found if one.coupling.left not in set(doubtful)] + again

    async def _look(self, name: str, page: Sequence[Coupling]) -> list[_Stand]:
        mapping = self._context.mappings[name]
        reasons = await self._reasons(name, page)
        tasks = [_task(one) for one in page]
        await read_afresh(self._context, mapping, tasks)
        look_ups = await answers(self._context, wanted_by(mapping, tasks))
        stands = []
        for coupling, task in zip(page, tasks, strict=True):
            left, right = task.records[Side.LEFT], task.records[Side.RIGHT]
            pair = Pair(left=left, right=right, base=coupling.base, first=coupling.first)
            stays = reasons.get(coupling.left, set()) | reasons.get(coupling.right, set())
            findings = verify_pair(mapping, pair, look_ups, stays, coupling.right_held)
            stands.append(_Stand(coupling, findings, "waiting" in stays))
        return stands

    async def _reasons(self, name: str, page: Sequence[Coupling]) -> dict[str, set[str]]:
        """Why the records of these pairs are in the inbox."""
        found: dict[str, set[str]] = {}
        ids = [one.id(side) for one in page for side in Side]
        for change in await self._context.stores[name].rows_of(ids):
            found.setdefault(change.id, set()).add(change.reason)
        return found


def _task(coupling: Coupling) -> Task:
    ids = {side: coupling.id(side) for side in Side}
    return Task(coupling=coupling, ids=ids, mine=(), records=dict.fromkeys(Side))


def _count(result: Verification, one: _Stand) -> None:
    verdict = verdict_of(one.findings)
    result.pairs[verdict] += 1
    for finding in one.findings:
        result.reasons[finding.verdict][finding.field, finding.reason] += 1
        if finding.verdict is Verdict.DIFFERENT:
            result.differences.append(Difference(coupling=one.coupling, finding=finding))
