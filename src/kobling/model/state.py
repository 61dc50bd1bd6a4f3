"""What the engine keeps between runs, as values."""

from __future__ import annotations

from typing import Any

import msgspec

from kobling.model.mapping import Side
from kobling.model.pair import Base
from kobling.model.values import Values


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the inbox: a record as it was read, or the hint that it is deleted."""

    id: str
    side: Side
    version: str = ""
    values: Values | None = None
    deleted: bool = False
    # Taken up for creation by a full run: every later run finishes it.
    wanted: bool = False


class Coupling(msgspec.Struct, frozen=True, kw_only=True):
    """Two coupled records, the versions that are known of them, their base, and what was seen beside it."""

    left: str
    right: str
    left_version: str
    right_version: str
    base: Base
    left_seen: Values | None = None
    right_seen: Values | None = None

    def id(self, side: Side) -> str:
        """The record of that side."""
        return self.left if side is Side.LEFT else self.right

    def version(self, side: Side) -> str:
        """The version known of that side."""
        return self.left_version if side is Side.LEFT else self.right_version

    def values(self, side: Side) -> Values:
        """What that side held when it was last seen."""
        seen = self.left_seen if side is Side.LEFT else self.right_seen
        return self.base.values(side) if seen is None else seen


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What is about to be written; committed before its effect."""

    side: Side
    id: str
    partner: str
    method: str
    body: dict[str, Any]
    version: str = ""


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one pair: its coupling, and which of its inbox rows leave, stay (why) or come again."""

    coupling: Coupling | None = None
    leave: tuple[Change, ...] = ()
    stay: tuple[Change, ...] = ()
    again: tuple[Change, ...] = ()
    reason: str = ""
    message: str = ""
