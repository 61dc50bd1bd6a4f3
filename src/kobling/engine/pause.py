"""Whether anything may be written now: asked before every batch of writes."""

from __future__ import annotations

from typing import Final

from kobling.engine.task import Context
from kobling.model.errors import ConfigurationError, PausedError
from kobling.model.mapping import Mapping
from kobling.ports import State

# The mark of a connection that a person has paused: since when, and why.
PAUSED: Final = "paused"


async def paused_words(state: State) -> str:
    """Since when the connection is paused, and why; "" where it is not."""
    return (await state.marks()).get(PAUSED, "")


async def check_writable(context: Context, mapping: Mapping) -> None:
    """Raises PausedError while the connection is paused, ConfigurationError for a mapping that is only
    observed. What was not written stays in the inbox. A rehearsal writes nothing, so it may go on."""
    if context.rehearse:
        return
    check_not_observed(mapping)
    await check_running(context.state)


def check_not_observed(mapping: Mapping) -> None:
    """Raises ConfigurationError for a mapping that is only observed."""
    if mapping.observe:
        raise ConfigurationError(
            f"{mapping.name} is only observed, so nothing of it is written.",
            cure=f'Let it write: kobling mapping set "{mapping.name}" observe=off.',
        )


async def check_running(state: State) -> None:
    """Raises PausedError while the connection is paused."""
    words = await paused_words(state)
    if words:
        raise PausedError(
            f"The connection is paused ({words}): nothing is written, and what is left waits in the inbox.",
            cure="Go on: kobling resume.",
        )
