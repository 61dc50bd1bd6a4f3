"""The four ways in which an engine asks a service, and how a person reads what comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from adapters.kits import KITS, Kit, everything
from kobling.model.errors import KoblingError
from kobling.model.look_up import Reference
from kobling.model.mapping import Side
from kobling.ports import Service

ONE = "11111111-1111-4111-8111-111111111111"
TWO = "22222222-2222-4222-8222-222222222222"
HTML = b"<!DOCTYPE html>\n<html><body>Sign in</body></html>"
both = pytest.mark.parametrize("kit", KITS, ids=lambda kit: kit.side)


async def feed(service: Service, kit: Kit) -> None:
    await everything(service, kit)


async def read(service: Service, kit: Kit) -> None:
    await service.read(kit.table.route, kit.columns, [ONE, TWO])


async def opening(service: Service, kit: Kit) -> None:
    name = kit.table.route
    await service.opening([Reference(name=name, side=Side.LEFT, route=name, columns=("name",))], {})


async def write(service: Service, kit: Kit) -> None:
    await service.write([kit.create("One", ONE), kit.create("Two", TWO)])


WAYS = (feed, read, opening, write)
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
Way = Callable[[Service, Kit], Awaitable[None]]


def error_of(error: KoblingError) -> str:
    """The error as a person reads it: one line with a cure, and no secret."""
    text = str(error)
    assert error.cure
    assert text.endswith(error.cure)
    assert "\n" not in text
    assert "canary" not in text
    return text
