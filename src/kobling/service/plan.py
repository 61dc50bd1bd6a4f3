"""`plan save` and `plan apply`: what a run would do, kept in a file, and carried out as it was seen.

The file says for whom it was made, how the run was asked for, and every action with the versions of the
records that it was planned upon. Its seal shows that it is as it was saved. It is no secret and no
permission: a run carries out only what it plans itself, so whoever forges a file can at most keep it from
something.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from kobling.algebra.guard import Guard
from kobling.engine.permit import Entry, Permit, Withheld
from kobling.model.errors import ConfigurationError
from kobling.model.state import Report
from kobling.model.values import Value
from kobling.service.documents import SYSTEMS, action_document, job_document
from kobling.service.files import read_bytes
from kobling.service.initial import write_whole
from kobling.service.session import Document, Session
from kobling.service.synchronize import TARGETS, Request, exit_status, run

FORMAT: Final = 1
_SEEN: Final = (Guard.DELETIONS.value, Guard.CHANGES.value, Guard.MAPPING.value)
_MODE: Final = 0o600
_BYTES_MAX: Final = 500_000_000
_SAVE: Final = "Save a new one: kobling plan save FILE."
_SIDES: Final = {system: side for side, system in SYSTEMS.items()}


class _Versions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bc: str
    crm: str


class _Change(msgspec.Struct, frozen=True):
    system: str
    column: str
    # A value, or whatever a forger wrote: it is only compared.
    after: Any = None


class _Action(msgspec.Struct, frozen=True):
    mapping: str
    key: str
    action: str
    record: str
    versions: _Versions
    changes: list[_Change]
    couples: bool
    bc_id: str | None = None
    crm_id: str | None = None


class _Of(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a plan is about."""

    bc_company: str
    crm_organization: str


class _Plan(msgspec.Struct, frozen=True):
    kobling_plan: int
    saved: str
    connection: _Of
    request: Request
    actions: list[_Action]
    seal: str


_encoder: Final = msgspec.json.Encoder(decimal_format="number", order="sorted")
_raw: Final = msgspec.json.Decoder(float_hook=Decimal)


async def save_plan(
    session: Session, path: Path, request: Request, *, progress: Callable[[str, int], None]
) -> tuple[Document, int]:
    """Rehearses a run and keeps what it would do in a file; of all enabled mappings where none is named.

    Raises ConfigurationError where the file cannot be written, or is there and no plan.
    """
    _refuse_other(path)
    asked = msgspec.structs.replace(request, all=request.all or not request.mappings, dry_run=True)
    reports = await run(session, asked, progress=progress, wait=_nobody)
    actions = [_kept(action) for one in reports for action in one.actions]
    company, organization, _ = await session.state.identities()
    plan: Document = {
        "kobling_plan": FORMAT,
        "saved": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "connection": msgspec.to_builtins(_Of(bc_company=company, crm_organization=organization)),
        "request": msgspec.to_builtins(msgspec.structs.replace(asked, dry_run=False)),
        "actions": actions,
    }
    plan["seal"] = _seal(plan)
    text = msgspec.json.format(_encoder.encode(plan), indent=1).decode()
    try:
        write_whole(path, text + "\n", _MODE)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written ({error.strerror}).", cure="Name another place."
        ) from None
    document = _document(path, reports) | {"actions": [_shown(one) for one in actions]}
    return document, exit_status(reports)


def _nobody(name: str) -> None:
    """A rehearsal holds no mapping, so it waits for none."""


def _kept(action: dict[str, Any]) -> Document:
    versions = {SYSTEMS[side]: one for side, one in action["versions"].items()}
    within = {"key": action["key"], "versions": versions, "couples": action["couples"]}
    return action_document(action) | within


def _shown(action: Document) -> Document:
    return {key: one for key, one in action.items() if key not in {"key", "versions", "couples"}}


def _document(path: Path, reports: Sequence[Report]) -> Document:
    return {"file": str(path), "jobs": [job_document(one) for one in reports]}


def _seal(plan: Document) -> str:
    """Of everything but the seal itself, however it is laid out."""
    content = {key: value for key, value in plan.items() if key != "seal"}
    return hashlib.sha256(_encoder.encode(content)).hexdigest()


def _refuse_other(path: Path) -> None:
    """A plan may be saved over a plan, and over nothing else."""
    if not os.path.lexists(path):
        return
    try:
        with path.open("rb") as file:
            head = file.read(10_000)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written ({error.strerror}).", cure="Name another place."
        ) from None
    if b'"kobling_plan"' not in head and head.strip():
        raise ConfigurationError(
            f"{path} is there already and no plan; nothing was written.", cure="Name another file."
        )


async def apply_plan(
    session: Session,
    path: Path,
    *,
    progress: Callable[[str, int], None],
    wait: Callable[[str], None],
) -> tuple[Document, int]:
    """Carries out a saved plan and nothing else; status 1 also where an action of it was not carried out.

    Raises ConfigurationError for a file that is no plan, is not as it was saved, or is about others.
    """
    plan = _read(path)
    permit = Permit([_entry(path, one) for one in plan.actions])
    await _refuse_others(session, path, plan.connection)
    # Whoever applies a plan has seen how much it does; what it was planned upon is another matter.
    request = msgspec.structs.replace(plan.request, dry_run=False, allow=_SEEN)
    reports = await run(session, request, progress=progress, wait=wait, permit=permit)
    refused = permit.withheld()
    document = _document(path, reports) | {
        "actions": [action_document(action) for one in reports for action in one.actions],
        "refused": [_refused(one) for one in refused],
    }
    return document, 1 if refused else exit_status(reports)


def _refused(one: Withheld) -> Document:
    return {
        "mapping": one.mapping,
        "record": one.record,
        "bc_id": one.left or None,
        "crm_id": one.right or None,
        "reason": one.reason,
    }


def _read(path: Path) -> _Plan:
    content = read_bytes(path, _BYTES_MAX, "saved plan", "Name a saved plan.")
    try:
        raw = _raw.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _broken(path, f"it is no JSON ({error})") from None
    if not isinstance(raw, dict) or "kobling_plan" not in raw:
        raise ConfigurationError(f"{path} is no plan.", cure=_SAVE)
    if raw["kobling_plan"] != FORMAT:
        raise ConfigurationError(
            f"{path} is a plan of form {str(raw['kobling_plan'])[:20]}, this kobling reads form {FORMAT}.",
            cure=_SAVE,
        )
    try:
        plan = msgspec.convert(raw, _Plan)
    except msgspec.ValidationError as error:
        raise _broken(path, str(error)) from None
    if plan.request.direction not in TARGETS:
        raise _broken(path, f"there is no direction {plan.request.direction[:20]!r}")
    if plan.seal != _seal(raw):
        raise ConfigurationError(f"{path} was changed after it was saved: its seal is broken.", cure=_SAVE)
    return plan


def _broken(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{path} is a broken plan: {why[:200]}.", cure=_SAVE)


def _entry(path: Path, action: _Action) -> Entry:
    writes: dict[str, dict[str, Value]] = {}
    for one in action.changes:
        if one.system not in _SIDES:
            raise _broken(path, f"there is no system {one.system!r}")
        writes.setdefault(_SIDES[one.system], {})[one.column] = one.after
    return Entry(
        mapping=action.mapping,
        key=action.key,
        action=action.action,
        record=action.record,
        left=action.bc_id or "",
        right=action.crm_id or "",
        versions={_SIDES[name]: getattr(action.versions, name) for name in ("bc", "crm")},
        writes=writes,
        couples=action.couples,
    )


async def _refuse_others(session: Session, path: Path, of: _Of) -> None:
    """Refuses a plan that was made for another company or organization."""
    company, organization, _ = await session.state.identities()
    pairs = (
        (company, of.bc_company, "BC company"),
        (organization, of.crm_organization, "Dataverse organization"),
    )
    for here, there, what in pairs:
        if here != there:
            raise ConfigurationError(
                f"{path} was saved for {what} {there or '(none)'}, this connection has {here or 'none yet'}.",
                cure="Use the configuration with which it was saved, or save a new one.",
            )
