"""States of the demo world that a run of the tests reaches once; from there on they are copied.

A test that needs customers in step would spend most of its time on the first load. Databases and sandboxes
can be copied: whoever asks for a stage gets it in a moment, and no test sees what another one did with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from databases import NewDatabase, databases, name_of, replace_database
from sandboxes import Sandbox

if TYPE_CHECKING:
    from engine.world import World


class Stages:
    """The stages that were reached on one sandbox and one database server, by the ways that lead there."""

    def __init__(self, sandbox: Sandbox, postgres_server: str, make: NewDatabase) -> None:
        self._sandbox = sandbox
        self._postgres_server = postgres_server
        self._make = make
        self._templates: dict[str, str] = {}

    def reach(self, world: World, work: Callable[[World], object]) -> World:
        """Brings a world on that sandbox from its stage to where `work` brings it, and gives it.

        A way is known by the names of its functions, so each must do the same whenever it is called.
        """
        assert world.sandbox is self._sandbox
        assert "<lambda>" not in work.__qualname__
        world.stage += f" {work.__module__}.{work.__qualname__}"
        if world.stage in self._templates:
            replace_database(self._postgres_server, world.database_url, self._templates[world.stage])
            self._sandbox.reset(world.stage)
        else:
            work(world)
            self._sandbox.keep(world.stage)
            self._templates[world.stage] = name_of(self._make(name_of(world.database_url)))
        return world


@contextmanager
def stages_of(sandbox: Sandbox, postgres_server: str) -> Iterator[Stages]:
    """The stages of worlds on that sandbox; their templates go with it."""
    with databases(postgres_server) as make:
        yield Stages(sandbox, postgres_server, make)
