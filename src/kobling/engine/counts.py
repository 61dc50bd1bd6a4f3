"""The counters of a job, per direction: each candidate counts once."""

from __future__ import annotations

from collections.abc import Sequence

from kobling.engine.task import Task, count
from kobling.model.mapping import SIDES, Mapping, Side
from kobling.model.pair import Kind
from kobling.model.state import Report, Tally
from kobling.ports import Outcome


class Counts:
    """Counts the pairs of one mapping, wave after wave of one run."""

    def __init__(self, mapping: Mapping, report: Report) -> None:
        self._mapping = mapping
        self._report = report
        # Pairs that waited or come again; their last outcome counts.
        self._counted: dict[tuple[Side, str], str] = {}

    def unchanged(self, side: Side, keys: Sequence[str]) -> None:
        """Counts pairs that a full read met as they were known; not those that this run itself created."""
        target = side.other
        if self._mapping.direction.allows(target):
            fresh = sum((side, key) in self._counted for key in keys)
            if len(keys) > fresh:
                count(self._report, target, "unchanged", len(keys) - fresh)

    def know(self, tally: Tally) -> None:
        """What a pair came to in the hands of another worker; it is counted there."""
        for side in Side:
            self._counted.pop((side, tally.key), None)
        for name, word in tally.words.items():
            self._counted[Side(name), tally.key] = word

    def keys(self) -> set[str]:
        """The pairs that are counted."""
        return {key for _, key in self._counted}

    def words_of(self, key: str) -> dict[str, str]:
        """What a pair came to, by side."""
        return {str(side): self._counted[side, key] for side in Side if (side, key) in self._counted}

    def sides(self, task: Task, word: str) -> None:
        """One word for every direction that the pair is a candidate of."""
        for side in SIDES:
            if _is_candidate(self._mapping, task, side):
                self.add(task, side, word)

    def side(self, task: Task, side: Side) -> None:
        """One direction of a pair that was planned through: the first word that fits."""
        action, wrote = task.action, side in task.results
        if not wrote and not _is_candidate(self._mapping, task, side):
            return
        if action.contested:
            word = "conflicts"
        elif action.rejected:
            word = "failed"
        elif action.held and side is Side.LEFT:
            word = "skipped"
        elif any(not one.clearable for one in action.waiting):
            word = "waiting"
        elif wrote:
            word = "inserted" if action.kind is Kind.CREATE else "modified"
        else:
            word = "outside" if action.kind is Kind.OUTSIDE else "unchanged"
        self.add(task, side, word)

    def inserted(self, tasks: Sequence[Task], side: Side) -> None:
        """Counts pairs whose record on that side was created."""
        new = dict.fromkeys([(side, task.key) for task in tasks], "inserted")
        if self._counted.keys().isdisjoint(new):
            count(self._report, side, "inserted", len(new))
            self._counted.update(new)
            return
        for task in tasks:
            self.add(task, side, "inserted")

    def done(self, task: Task) -> None:
        """Of a pair that was refused on one side, what the other took."""
        for side, one in task.results.items():
            if one.outcome is Outcome.DONE:
                self.add(task, side, "modified")

    def add(self, task: Task, side: Side, word: str) -> None:
        """A pair counts once a run, by what it came to; only what waited or was looked at may count anew."""
        known = self._counted.get((side, task.key))
        if word == "unchanged" and self._counted.get((side.other, task.key)) == "inserted":
            # A full read meets what this run itself created.
            return
        if known in {"waiting", "unchanged", "outside"}:
            count(self._report, side, known, -1)
        elif known is not None:
            return
        count(self._report, side, word)
        if task.fresh and task.created is None and task.coupling is not None and known is None:
            count(self._report, side, "coupled")
        self._counted[side, task.key] = word


def _is_candidate(mapping: Mapping, task: Task, target: Side) -> bool:
    """Whether the direction into `target` counts the pair: its source was due, not only read again."""
    if not mapping.direction.allows(target):
        return False
    source = target.other
    for one in task.mine:  # noqa: SIM110 - a generator costs more than what it looks at
        if one.side is source and one.reason != "again":
            return True
    return False
