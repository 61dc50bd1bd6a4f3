"""`full-sync start`: carries out what the review recommends, mapping by mapping, and notes how far it came.

What is noted survives the process: another `start` goes on with what is not finished.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Sequence
from typing import Final

import msgspec

from kobling.adapters.postgres.full_synchronization_store import FullSynchronizationStore, Progress
from kobling.algebra.full_synchronization import recommended, startable, waits_for
from kobling.engine.pause import check_not_observed, check_running
from kobling.model.errors import ConfigurationError, KoblingError
from kobling.model.full_synchronization import Line, LineStatus, Recommendation
from kobling.service.full_review import counted, line_document, reviewed
from kobling.service.mappings import set_mapping
from kobling.service.matching import MatchRequest, match_couplings
from kobling.service.session import Document, Session
from kobling.service.synchronize import Request, synchronize

_BEGUN: Final = frozenset({LineStatus.INTERRUPTED, LineStatus.FAILED})
_READ: Final = "read "
Show = Callable[[str, int, int], None]


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. mappings: names, none for every line that is not finished. left_out: not carried out
    this time, and nobody waits for them. again: finished ones, too. create: also where it makes duplicates.
    use: whose values win where records are coupled: `bc`, `crm`, `leave`, or "" for the mapping's policy."""

    mappings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    again: bool = False
    create: bool = False
    use: str = ""


class Meter:
    """How much of all records is read; tells whoever watches (what, read, total)."""

    def __init__(self, show: Show, lines: Sequence[Line]) -> None:
        self.show = show
        self._sizes = {one.mapping: one.left.records + one.right.records for one in lines}
        self._total = sum(self._sizes.values())
        self._before = 0
        self._reads: dict[str, int] = {}
        self._name = ""

    def begin(self, name: str) -> None:
        """The next mapping."""
        self._before += self._sizes.get(self._name, 0)
        self._name, self._reads = name, {}
        self.show(name, self._before, self._total)

    def __call__(self, what: str, count: int) -> None:
        """Progress of a run. Records outside the filter are read, too, and were not counted."""
        if what.startswith(_READ):
            self._reads[what] = count
        read = min(sum(self._reads.values()), self._sizes.get(self._name, 0))
        self.show(self._name, self._before + read, self._total)


class Full:
    """One start: the lines as they stand, and everything to carry them out."""

    def __init__(
        self,
        session: Session,
        request: Start,
        *,
        show: Show,
        wait: Callable[[str], None],
        say: Callable[[Document], None] = lambda document: None,
    ) -> None:
        self._session = session
        self._request = request
        self.show = show
        self._wait = wait
        self._say = say
        self._store = FullSynchronizationStore(session.state)
        self._left_out = frozenset(session.definition(one).name for one in request.left_out)
        self._lines: tuple[Line, ...] = ()
        self._jobs: list[Document] = []
        self.status = 0

    async def prepare(self, *, counting: Callable[[str, int], None]) -> tuple[Line, ...]:
        """Counts and judges; the lines that would be carried out.

        Raises ConfigurationError for what cannot start, and for what would make duplicates; PausedError.
        """
        named = self._session.named(self._request.mappings, await self._session.mappings())
        known = await self._store.progress()
        if any(one.status is LineStatus.IN_PROCESS for one in known.values()):
            raise _busy()
        await check_running(self._session.state)
        begun = [name for name, one in known.items() if self._is_anew(name, one, named)]
        await self._store.forget(begun)
        self._lines = await reviewed(self._session, progress=counting, left_out=self._left_out)
        chosen = self._chosen(named)
        self._refuse_waiting(chosen)
        self._refuse_duplicates(chosen)
        return chosen

    def _is_anew(self, name: str, begun: Progress, named: Collection[str]) -> bool:
        if named:
            return name in named
        return name not in self._left_out and (self._request.again or begun.status in _BEGUN)

    def _chosen(self, named: Collection[str]) -> tuple[Line, ...]:
        return tuple(
            one
            for one in self._lines
            if one.status is LineStatus.BLANK
            and one.recommendation is not Recommendation.NONE
            and one.mapping not in self._left_out
            and (not named or one.mapping in named)
        )

    def _refuse_waiting(self, chosen: Sequence[Line]) -> None:
        names = {one.mapping for one in chosen}
        for line in chosen:
            missing = [one for one in waits_for(line, self._lines, self._left_out) if one not in names]
            if missing:
                raise ConfigurationError(
                    f"{line.mapping} waits for {', '.join(missing)}.",
                    cure=f"Name {missing[0]} too, or leave it out: --leave-out {shlex.quote(missing[0])}.",
                )

    def _refuse_duplicates(self, chosen: Sequence[Line]) -> None:
        doubling = [one.mapping for one in chosen if self._doubles(one)]
        if doubling:
            first = shlex.quote(doubling[0])
            raise ConfigurationError(
                f"{', '.join(doubling)}: both sides hold records, and no field is used for matching, so a"
                " full run would create each a second time.",
                cure=f'Say which field tells: kobling field set {first} "FIELD" match=on. Or leave them'
                f" out (--leave-out {first}), or have the duplicates (--create).",
            )

    def _doubles(self, line: Line) -> bool:
        return line.doubling and not line.criteria and not self._request.create

    async def carry_out(self, chosen: Sequence[Line]) -> Document:
        """Carries out these lines in their order, each once what it waits for is finished."""
        names = {one.mapping for one in chosen}
        meter = Meter(self.show, chosen)
        async with self._store.alone() as alone:
            if not alone:
                raise _busy()
            while ready := [one for one in startable(self._lines, self._left_out) if one.mapping in names]:
                meter.begin(ready[0].mapping)
                await self._carry_out(ready[0], meter)
        return await self._document(names)

    async def _carry_out(self, line: Line, meter: Meter) -> None:
        now = await self._as_it_is(line)
        if now.recommendation is Recommendation.NONE:
            return
        begun = Progress(mapping=now.mapping, recommendation=now.recommendation, status=LineStatus.IN_PROCESS)
        await self._note(begun)
        try:
            check_not_observed((await self._session.mappings())[now.mapping])
            if self._doubles(now):
                self._refuse_duplicates([now])
            jobs, message = await self._run(now, meter)
        except KoblingError as error:
            await self._note(_ended(begun, LineStatus.FAILED, str(error)))
            if not isinstance(error, ConfigurationError):
                raise
            self.status = 1
            return
        numbers = tuple(int(one["job"]) for one in jobs)
        await self._note(_ended(begun, LineStatus.FINISHED, message, numbers))
        self._jobs += jobs
        for job in jobs:
            self._say(job)

    async def _as_it_is(self, line: Line) -> Line:
        """What a dependency has just done may have changed what there is on both sides."""
        ran = {one.mapping for one in self._lines if one.status is not LineStatus.BLANK}
        if ran & set(line.needs):
            lines = await counted(self._session, self._lines, [line.mapping], lambda what, count: None)
            self._lines = recommended(lines, self._left_out)
        return next(one for one in self._lines if one.mapping == line.mapping)

    async def _note(self, progress: Progress) -> None:
        await self._store.note(progress)
        self._lines = tuple(
            msgspec.structs.replace(one, status=progress.status) if one.mapping == progress.mapping else one
            for one in self._lines
        )

    async def _run(self, line: Line, meter: Meter) -> tuple[list[Document], str]:
        """Couples if that is what is recommended, then runs; the jobs, and what stays uncoupled in words."""
        message, full = "", True
        before: list[Document] = []
        if line.recommendation is Recommendation.COUPLE and line.criteria:
            asked = MatchRequest(mapping=line.mapping, use=self._request.use)
            found, _ = await match_couplings(self._session, asked, wait=self._wait)
            # What the search left uncoupled is said below; it is no failure of the synchronization.
            before += [one for one in found["jobs"] if one["kind"] != "match"]
            full = self._request.create
            message = "" if full else _left(line.mapping, found)
        request = Request(mappings=(line.mapping,), full=full)
        document, status = await synchronize(self._session, request, progress=meter, wait=self._wait)
        self.status = max(self.status, status)
        return [*before, *document["jobs"]], message

    async def _document(self, names: Collection[str]) -> Document:
        known = await self._store.progress()
        lines = [
            await line_document(self._session, one, self._lines, known.get(one.mapping))
            for one in self._lines
            if one.mapping in names
        ]
        return {"lines": lines, "jobs": self._jobs}


def _busy() -> ConfigurationError:
    return ConfigurationError(
        "A full synchronization is running already.", cure="Wait for its end: kobling full-sync review."
    )


def _ended(begun: Progress, status: LineStatus, message: str = "", jobs: tuple[int, ...] = ()) -> Progress:
    return msgspec.structs.replace(begun, status=status, message=message, jobs=jobs)


def _left(name: str, found: Document) -> str:
    """What a match did not couple."""
    unmatched, ambiguous = len(found["unmatched"]), len(found["ambiguous"])
    parts = [
        f"{number} {words}"
        for number, words in (
            (unmatched, "records of Business Central found no partner"),
            (ambiguous, "values stand on several records"),
        )
        if number
    ]
    if unmatched:
        parts.append(f"to create their partners: kobling full-sync start {shlex.quote(name)} --create")
    return "; ".join(parts)


async def keep_creating(session: Session, names: Sequence[str], *, wait: Callable[[str], None]) -> None:
    """Lets the jobs of these mappings create records from now on."""
    for name in names:
        await set_mapping(session, name, ["synch_only_coupled=off"], existing=False, wait=wait)
