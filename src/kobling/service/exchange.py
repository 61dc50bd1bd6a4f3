"""Mappings taken out, taken in and taken back to what was shipped, each change shown before it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from kobling.catalogue.definition import NO_CHANGES, Changes, Definition
from kobling.catalogue.exchange import FORMAT, export_text, read_export
from kobling.catalogue.load import every_variant
from kobling.model.errors import ConfigurationError
from kobling.service.consequences import consequences, unasked
from kobling.service.files import read_text
from kobling.service.initial import write_whole
from kobling.service.mappings import check_together, store_changes, wake_dependants
from kobling.service.own_mappings import check_known
from kobling.service.session import Document, Session

_FILE_BYTES_MAX: Final = 5_000_000
_MODE: Final = 0o600
# A table of parts: each part is told by itself.
_PARTS: Final = frozenset({"fields", "bc_columns", "crm_columns"})


async def export_mappings(session: Session, names: Sequence[str], file: Path | None) -> Document:
    """The text of these mappings, or of all; also written to the file, whole or not at all."""
    chosen = [session.definition(one).name for one in names] or list(session.definitions)
    known = {name: session.definitions[name] for name in dict.fromkeys(chosen)}
    text = export_text(known, await session.changes())
    if file is not None:
        try:
            write_whole(file, text, _MODE)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ConfigurationError(
                f"{file} cannot be written ({reason}).", cure="Name another file."
            ) from None
    return {
        "format": FORMAT,
        "mappings": list(known),
        "file": None if file is None else str(file),
        "text": text,
    }


async def import_mappings(
    session: Session, file: Path, *, apply: bool, existing: bool, wait: Callable[[str], None]
) -> Document:
    """What a file would change, line by line; with `apply` it is changed, all of it or nothing.

    existing: also the records that were read past or coupled before. Raises ConfigurationError with the line
    for a file that is no export, that is of another format or that does not fit.
    """
    settings = await session.settings()
    new = read_export(_text(file), str(file), session.definitions, settings)
    return await _carry_out(session, new, apply=apply, yes=True, existing=existing, wait=wait)


async def reset_mappings(
    session: Session, names: Sequence[str], *, every: bool, yes: bool, wait: Callable[[str], None]
) -> Document:
    """Takes these mappings back to what was shipped; couplings stay.

    Raises ConfigurationError for a mapping that a person made: nothing was shipped of it.
    """
    if not names and not every:
        raise ConfigurationError("No mapping is named.", cure="Name mappings, or say --all.")
    shipped = every_variant()
    chosen = [session.definition(one).name for one in names]
    own = [name for name in chosen if name not in shipped]
    if own:
        raise ConfigurationError(
            f"{own[0]} is a mapping that you made, so nothing was shipped of it.",
            cure=f'Change it, or delete it: kobling mapping delete "{own[0]}".',
        )
    everything = [one for one in session.definitions if one in shipped] if every else chosen
    new = dict.fromkeys(everything, NO_CHANGES)
    return await _carry_out(session, new, apply=True, yes=yes, existing=False, wait=wait)


async def _carry_out(
    session: Session,
    new: dict[str, Changes],
    *,
    apply: bool,
    yes: bool,
    existing: bool,
    wait: Callable[[str], None],
) -> Document:
    async with session.locked(list(new), wait):
        old = await session.changes()
        aside = {one.mapping for one in await session.set_aside()}
        definitions = {name: one.definition or session.definitions[name] for name, one in new.items()}
        others = {name: one for name, one in new.items() if one != old.get(name, NO_CHANGES) or name in aside}
        differences = [each for name in others for each in _differences(name, old.get(name), new[name])]
        made = {one: (definitions[one], new[one]) for one in others if new[one].definition is not None}
        await check_known(session, made)
        said = []
        for name in others:
            before = old.get(name, NO_CHANGES)
            sentences = await consequences(session, definitions[name], before, new[name])
            if sentences and apply and not yes:
                raise unasked(definitions[name], sentences)
            said += [{"mapping": name, "message": one} for one in sentences]
        if apply:
            await _store(session, {name: definitions[name] for name in others}, new, existing=existing)
    return {"applied": apply, "changed": list(others), "differences": differences, "consequences": said}


async def _store(
    session: Session, definitions: dict[str, Definition], new: dict[str, Changes], *, existing: bool
) -> None:
    async with session.state.together():
        for name, definition in definitions.items():
            await store_changes(session, definition, new[name], existing=existing)
        await session.load_own()
        # All of them stand now, so each is judged together with the others.
        for name in definitions:
            await check_together(session, session.definitions[name], new[name])
            if await session.state.count_couplings(name) and name in await session.mappings():
                await session.state.wake_couplings(name, None)
            await wake_dependants(session, name)


def _differences(name: str, old: Changes | None, new: Changes) -> list[Document]:
    """key: of the mapping, or of a field with its name. Null stands for what was shipped."""
    if old is None:
        return [{"mapping": name, "key": "", "before": None, "after": "a new mapping"}]
    before, after = _flat(msgspec.to_builtins(old)), _flat(msgspec.to_builtins(new))
    keys = [*before, *(one for one in after if one not in before)]
    return [
        {"mapping": name, "key": key, "before": before.get(key), "after": after.get(key)}
        for key in keys
        if before.get(key) != after.get(key)
    ]


def _flat(changes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in changes.items():
        if key in _PARTS:
            found |= {
                f"{part}: {inner}" if key == "fields" else f"{key}: {part}: {inner}": each
                for part, one in value.items()
                for inner, each in one.items()
            }
        elif key == "new_fields":
            found |= {f"new field {_named(one)}": one for one in value}
        else:
            found[key] = value
    return found


def _named(field: dict[str, Any]) -> str:
    return " - ".join(_words((field.get("bc"), field.get("crm"))))


def _words(parts: Iterable[object]) -> list[str]:
    return [str(one) for one in parts if one]


def _text(file: Path) -> str:
    return read_text(file, _FILE_BYTES_MAX, "export of mappings", "Name the file of an export.")
