"""A full synchronization: a line for each mapping, what is recommended for it, and what became of it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from kobling.model.mapping import Direction, Side


class Recommendation(StrEnum):
    """What to do with a mapping before its jobs run. UNSATISFIED: nothing yet, as what it depends on is not
    coupled."""

    FULL = "full"
    COUPLE = "couple"
    NONE = "none"
    UNSATISFIED = "dependency not satisfied"


class LineStatus(StrEnum):
    """How far a line has come. INTERRUPTED: whoever carried it out is gone. FINISHED: carried out to its end,
    though records of it may have failed. FAILED: it could not be carried out."""

    BLANK = ""
    IN_PROCESS = "in process"
    INTERRUPTED = "interrupted"
    FINISHED = "finished"
    FAILED = "failed"


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """How many records a side of a mapping holds inside its filter, and how many of them are coupled."""

    records: int = 0
    coupled: int = 0

    @property
    def uncoupled(self) -> int:
        """Those without a partner."""
        return self.records - self.coupled


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping in the review. needs: mappings in the review whose records its own ones look up. finder: an
    uncoupled record finds its partner by itself. criteria: fields by which records can be matched.
    recommendation: that of a line that has begun is the one that it began with."""

    mapping: str
    direction: Direction
    needs: tuple[str, ...] = ()
    left: Census = Census()
    right: Census = Census()
    finder: bool = False
    criteria: tuple[str, ...] = ()
    recommendation: Recommendation = Recommendation.NONE
    status: LineStatus = LineStatus.BLANK

    def census(self, side: Side) -> Census:
        """That side's."""
        return self.left if side is Side.LEFT else self.right

    @property
    def creating(self) -> tuple[Side, ...]:
        """The sides on which a full run would create records: those whose other side has uncoupled ones."""
        return tuple(
            side for side in Side if self.direction.allows(side) and self.census(side.other).uncoupled
        )

    @property
    def doubling(self) -> bool:
        """Whether a full run would create a second record of what stands on both sides."""
        both = self.left.uncoupled and self.right.uncoupled
        return bool(both and self.creating) and not self.finder
