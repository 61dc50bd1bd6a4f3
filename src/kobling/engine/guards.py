"""The guards of a run: each looks before the first write of a mapping, and stops that mapping alone.

A stopped mapping keeps its inbox as it is, so whoever finds that all is meant goes on with the same rows. A
rehearsal writes nothing, so it is told and not stopped.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from kobling.algebra.guard import EMPTY_FROM, Guard, is_empty, stopped_by_count, too_many
from kobling.engine.task import Context
from kobling.engine.words import SYSTEMS
from kobling.model.mapping import Limit, Side
from kobling.model.state import Failure

_EVERY: Final = "all"


class Stops:
    """What the guards of one run say. A mapping of which one speaks is stopped, unless a person allows it."""

    def __init__(self, context: Context, named: Sequence[str]) -> None:
        self._context = context
        self._said: dict[str, list[tuple[str, str]]] = {}
        for name in named:
            for guard, words in context.stopped.get(name, ()):
                self.say(name, guard, words)

    def say(self, name: str, guard: str, words: str) -> None:
        """A guard speaks of a mapping. words: '' where all is well."""
        if words and not {guard, _EVERY} & self._context.options.allow:
            said = self._said.setdefault(name, [])
            if guard not in {one for one, _ in said}:
                said.append((guard, words))

    def __contains__(self, name: str) -> bool:
        return name in self._said and not self._context.rehearse

    def failures(self, name: str) -> list[Failure]:
        """What the guards said of a mapping, and how to go on."""
        return [
            Failure(
                left="",
                right="",
                kind="guard",
                field="",
                message=f"{name}: stopped before anything is written, as {words}",
                cure=f"Look at it with kobling sync {shlex.quote(name)} --dry-run. If it is meant: "
                f"kobling sync {shlex.quote(name)} --allow {guard}.",
            )
            for guard, words in self._said.get(name, ())
        ]

    async def found_empty(self, names: Sequence[str], side: Side) -> bool:
        """A read of a whole table has brought nothing: whether that stops one of these mappings."""
        for name in names:
            mapping = self._context.mappings[name]
            if not mapping.guards.empty:
                continue
            known = await self._context.stores[name].some_coupled(side, (), EMPTY_FROM)
            if is_empty(len(known), 0):
                table = f"{mapping.table(side).caption} in {SYSTEMS[side]}"
                self.say(
                    name, Guard.EMPTY, f"{table} holds nothing any more, though records of it are coupled"
                )
        return any(one in self for one in names)

    async def count(self, name: str) -> None:
        """Once everything is read and before anything is planned: how much the run is about to do."""
        guards, store = self._context.mappings[name].guards, self._context.stores[name]
        limits: dict[Guard, Limit] = {Guard.DELETIONS: guards.deletions, Guard.CHANGES: guards.changes}
        counts = dict(zip(limits, await store.pending(), strict=True))
        # Counting all pairs is dear, and mostly the number alone says that all is well.
        if not any(too_many(limits[one], number, 0) for one, number in counts.items()):
            return
        total = await store.count()
        for guard, limit in limits.items():
            self.say(name, guard, stopped_by_count(guard, limit, counts[guard], total))
