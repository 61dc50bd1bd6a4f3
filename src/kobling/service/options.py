"""Option mappings as a consultant sees and sets them: which code is which option of Sales."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

import msgspec

from kobling.catalogue.definition import Changes
from kobling.catalogue.options import (
    ACCOUNT_OPTIONS,
    OPTION_FIELDS,
    OptionField,
    code_of,
    default_codes,
)
from kobling.engine.references import read_references
from kobling.engine.task import Context, Options
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Side
from kobling.model.state import Coupling
from kobling.service.couplings import couple_records, uncouple_records
from kobling.service.mappings import DEFAULT, store_changes
from kobling.service.session import Document, Session

BLANK: Final = "blank"
Rows = list[dict[str, Any]]


class _Held(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides of an option mapping. blank: codes that a person set to stand for no option."""

    field: OptionField
    codes: Rows
    options: Rows
    couplings: list[Coupling]
    blank: frozenset[str]

    def code(self, text: str) -> dict[str, Any] | None:
        """The record of that code."""
        wanted = text.strip().upper()
        return next((one for one in self.codes if str(one["code"]).upper() == wanted), None)

    def coupled(self, side: Side, identifier: str) -> Coupling | None:
        """The coupling in which that record or option stands."""
        return next((one for one in self.couplings if one.id(side) == identifier), None)

    def named(self, code: str) -> dict[str, Any] | None:
        """The option that stands for a code by its label, the default one first."""
        found = [one for one in self.options if self.code_of(one) == code.upper()]
        known = default_codes().get(self.field.column, {})
        return min(
            found, key=lambda one: (known.get(int(one["value"])) != code.upper(), one["value"]), default=None
        )

    def code_of(self, option: dict[str, Any]) -> str:
        """The code that an option stands for by its label."""
        return code_of(self.field.column, int(option["value"]), str(option.get("label") or ""))


async def list_options(session: Session, names: Sequence[str]) -> Document:
    """Which code stands for which option, both ways, of these option mappings or of all.

    state: `coupled`; `label`, where nothing is coupled and the label says it; `blank` by a person's word;
    `no option` and `no code`, where the other side has none.
    """
    fields = [_field(session, one) for one in names] or list(OPTION_FIELDS)
    async with session.context(Options()) as context:
        entries = [one for held in await _held(session, context, fields) for one in _entries(held)]
    return {"options": entries}


def _field(session: Session, name: str) -> OptionField:
    chosen = session.definition(name).name
    found = next((one for one in OPTION_FIELDS if one.mapping == chosen), None)
    if found is None:
        known = ", ".join(one.mapping for one in OPTION_FIELDS)
        raise ConfigurationError(f"{chosen} is no option mapping.", cure=f"Name one of: {known}.")
    return found


async def _held(session: Session, context: Context, fields: Sequence[OptionField]) -> list[_Held]:
    names = [ACCOUNT_OPTIONS, *(one.table for one in fields)]
    if not context.stores:
        raise ConfigurationError("No mapping is enabled.", cure="Enable one: kobling mapping set.")
    await read_references(context, names, tuple(Side))
    rows, changes = await context.state.references(names), await session.changes()
    found = []
    for field in fields:
        store = context.stores.get(field.mapping)
        options = [one for one in rows[ACCOUNT_OPTIONS] if one.get("column") == field.column]
        held = _Held(
            field=field,
            codes=rows[field.table],
            options=sorted(options, key=lambda one: int(one["value"])),
            couplings=[] if store is None else await store.page("", 100_000),
            blank=frozenset(changes[field.mapping].blank_options),
        )
        found.append(held)
    return found


def _entries(held: _Held) -> Rows:
    """A line for each code, then for each option and each default option that no code stands for."""
    by_id = {str(one["id"]): one for one in held.options}
    found, taken = [], set()
    for row in sorted(held.codes, key=lambda one: str(one["code"])):
        option, state = _option_of(held, row, by_id)
        taken |= set() if option is None else {int(option["value"])}
        found.append(_entry(held, str(row["code"]), str(row["id"]), option, state))
    loose = [one for one in held.options if int(one["value"]) not in taken]
    found += [_entry(held, held.code_of(one), None, one, "no code") for one in loose]
    known = {int(one["value"]) for one in held.options}
    for value, code in default_codes().get(held.field.column, {}).items():
        if value not in known and held.code(code) is None:
            found.append(_entry(held, code, None, {"value": value}, "no option"))
    return found


def _option_of(
    held: _Held, row: dict[str, Any], by_id: dict[str, dict[str, Any]]
) -> tuple[dict[str, Any] | None, str]:
    coupling = held.coupled(Side.LEFT, str(row["id"]))
    if coupling is not None:
        option = by_id.get(coupling.right)
        return option, "no option" if option is None else "coupled"
    code = str(row["code"]).upper()
    option = held.named(code)
    if option is not None and held.coupled(Side.RIGHT, str(option["id"])) is not None:
        option = None
    if code in held.blank:
        return option, BLANK
    return option, "no option" if option is None else "label"


def _entry(
    held: _Held, code: str, bc: str | None, option: dict[str, Any] | None, state: str
) -> dict[str, Any]:
    given = option or {}
    return {
        "mapping": held.field.mapping,
        "field": held.field.column,
        "code": code,
        "bc_id": bc,
        "value": given.get("value"),
        "label": given.get("label"),
        "crm_id": given.get("id"),
        "state": state,
    }


async def set_option(
    session: Session, name: str, code: str, option: str, *, wait: Callable[[str], None]
) -> Document:
    """Couples a code with an option, by value or label; `blank` leaves the code without one, and `default`
    takes that back. Customers and vendors follow with their next run.

    Raises ConfigurationError for a code or an option that is not there, or that stands for another already.
    """
    field = _field(session, name)
    session.named([field.mapping], await session.mappings())
    async with session.context(Options()) as context:
        [held] = await _held(session, context, [field])
    wanted = code.strip().upper()
    if option in {BLANK, DEFAULT}:
        await _mark(session, held, wanted, blank=option == BLANK, wait=wait)
    else:
        await _couple(session, held, wanted, option, wait=wait)
    listed = (await list_options(session, [field.mapping]))["options"]
    # What a person said of a code may be taken back after the code is deleted.
    gone = _entry(held, wanted, None, None, "no code")
    return {"option": next((one for one in listed if one["code"] == wanted), gone)}


async def _mark(
    session: Session, held: _Held, code: str, *, blank: bool, wait: Callable[[str], None]
) -> None:
    row, option = held.code(code), held.named(code)
    if row is None and option is None and code not in held.blank:
        raise _no_code(held, code)
    coupling = None if row is None else held.coupled(Side.LEFT, str(row["id"]))
    if blank and coupling is not None:
        await uncouple_records(session, held.field.mapping, [coupling.left], wait=wait)
    kept = sorted(held.blank | {code} if blank else held.blank - {code})
    if set(kept) == held.blank:
        return
    definition = session.definition(held.field.mapping)
    async with session.locked([definition.name], wait):
        old = (await session.changes())[definition.name]
        new: Changes = msgspec.structs.replace(old, blank_options=tuple(kept))
        await store_changes(session, definition, new, existing=False)
        keys = [code, *([] if option is None else [str(option["value"])])]
        for name, mapping in (await session.mappings()).items():
            if held.field.source in mapping.sources:
                await session.state.wake_couplings(name, keys)


async def _couple(
    session: Session, held: _Held, code: str, option: str, *, wait: Callable[[str], None]
) -> None:
    row, chosen = held.code(code), _chosen(held, option)
    if row is None:
        raise _no_code(held, code)
    _check_free(held, row, chosen)
    if code in held.blank:
        await _mark(session, held, code, blank=False, wait=wait)
    known = held.coupled(Side.LEFT, str(row["id"]))
    if known is None:
        ids = (f"bc:{row['id']}", f"crm:{chosen['id']}")
        await couple_records(session, held.field.mapping, *ids, "leave", wait=wait)


def _chosen(held: _Held, text: str) -> dict[str, Any]:
    """The option of that value or label."""
    wanted = text.strip().casefold()
    found = [one for one in held.options if str(one["value"]) == wanted]
    found = found or [one for one in held.options if str(one.get("label") or "").casefold() == wanted]
    if len(found) == 1:
        return found[0]
    values = ", ".join(f"{one['value']} ({one.get('label')})" for one in held.options)
    number = "no" if not found else "several"
    raise ConfigurationError(
        f"{held.field.mapping}: {held.field.caption} of accounts has {number} option {text!r}.",
        cure=f"Use one of: {values}; or {BLANK}.",
    )


def _check_free(held: _Held, row: dict[str, Any], option: dict[str, Any]) -> None:
    """Whether neither side stands for another one."""
    coupling = held.coupled(Side.LEFT, str(row["id"]))
    if coupling is not None and coupling.right != option["id"]:
        other = next((one for one in held.options if one["id"] == coupling.right), {"value": "?"})
        _clash(held, f"{row['code']} is coupled with the option {other['value']}", str(row["code"]))
    taken = held.coupled(Side.RIGHT, str(option["id"]))
    if taken is not None and taken.left != row["id"]:
        code = next((str(one["code"]) for one in held.codes if one["id"] == taken.left), taken.left)
        _clash(held, f"the option {option['value']} is coupled with {code}", code)
    by_label = held.code(held.code_of(option))
    if taken is None and by_label is not None and by_label["id"] != row["id"]:
        other_code = str(by_label["code"])
        if held.coupled(Side.LEFT, str(by_label["id"])) is None and other_code.upper() not in held.blank:
            _clash(held, f"the option {option['value']} stands for {other_code} by its label", other_code)


def _clash(held: _Held, words: str, code: str) -> NoReturn:
    name = held.field.mapping
    raise ConfigurationError(
        f"{name}: {words}.", cure=f'Free it first: kobling option set "{name}" "{code}" {BLANK}.'
    )


def _no_code(held: _Held, code: str) -> ConfigurationError:
    known = ", ".join(str(one["code"]) for one in held.codes)
    return ConfigurationError(
        f"{held.field.mapping}: Business Central has no code {code!r}.", cure=f"Use one of: {known}."
    )
