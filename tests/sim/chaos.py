"""What goes wrong: services that fail as a service can, and a run that is gone at any of its effects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

import pytest

from kobling.adapters.odata.http import Door
from kobling.adapters.postgres.connection_store import ConnectionStore
from kobling.adapters.postgres.store import PostgresStore

# Where a run touches the world; each has a moment before it and one after it.
EFFECTS: Final = (
    (Door, "_once"),
    (PostgresStore, "journal"),
    (PostgresStore, "settle"),
    (PostgresStore, "put"),
    (PostgresStore, "wake"),
    (PostgresStore, "forget_intents"),
    (ConnectionStore, "take_in"),
    (ConnectionStore, "open_job"),
    (ConnectionStore, "close_job"),
    (ConnectionStore, "keep_mark"),
)
_ROWS: Final = {"bc": r"/customers", "crm": r"/accounts"}


class Killed(BaseException):
    """The process is gone."""


class Moments:
    """Counts the moments of a run.

    fatal: the one at which it is gone, 0 for none; nothing happens after it. meanwhile: called at each moment
    while the run lives.
    """

    def __init__(self, fatal: int, meanwhile: Callable[[], None]) -> None:
        self._fatal = fatal
        self._meanwhile = meanwhile
        self.passed = 0
        self.dead = False
        self.last = ""

    def pass_by(self, what: str) -> None:
        if not self.dead:
            self.passed += 1
            self.last = what
            self._meanwhile()
            self.dead = self.passed == self._fatal
        if self.dead:
            raise Killed

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Every effect of every run passes by here."""
        with pytest.MonkeyPatch.context() as patch:
            for owner, name in EFFECTS:
                patch.setattr(owner, name, self._around(getattr(owner, name), f"{owner.__name__}.{name}"))
            yield

    def _around(self, whole: Callable[..., Awaitable[Any]], name: str) -> Callable[..., Awaitable[Any]]:
        async def effect(*arguments: Any, **options: Any) -> Any:
            self.pass_by(f"before {name}")
            result = await whole(*arguments, **options)
            self.pass_by(f"after {name}")
            return result

        return effect


def some_faults(chance: Random, system: str) -> list[dict[str, Any]]:
    """Up to three rules; each strikes a few requests of a kind."""
    return [_fault(chance, system) for _ in range(chance.choice((0, 0, 1, 1, 2, 3)))]


def _fault(chance: Random, system: str) -> dict[str, Any]:
    whole = {"path": r"\$batch$"} if system == "crm" else {"path": _ROWS["bc"]}
    one = {"method": chance.choice(("PATCH", "POST", "GET")), "path": _ROWS[system]}
    rule: dict[str, Any] = dict(chance.choice((whole, one, {})))
    action = chance.choice(
        ("status", "status", "reset_before", "reset_after", "reset_after", "truncate", "html", "expire_token")
    )
    rule |= {"action": action, "times": chance.choice((1, 1, 2))}
    if action == "status":
        # Told to wait no time at all, so that nobody waits.
        rule |= {"status": chance.choice((429, 500, 502, 503, 504)), "retry_after": "0"}
    if chance.random() < 0.5:
        rule["nth"] = chance.choice((1, 2, 3, 5))
    else:
        rule |= {"probability": 0.3, "seed": chance.randrange(1_000_000)}
    return rule
