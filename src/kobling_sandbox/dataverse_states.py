"""State and status of rows: which belong together, which changes are allowed, what is read-only in which.

The tables' own facts stand in the metadata under `states`: `initial`, the state of every new row whatever is
sent; `moves`, from each state the states that an update may set; `read_only`, the states in which nothing but
the state itself may change.
"""

from collections.abc import Mapping
from typing import Any

from kobling_sandbox.dataverse_errors import DataverseError, invalid
from kobling_sandbox.dataverse_model import Entity
from kobling_sandbox.rows import Row

_STATE = frozenset({"statecode", "statuscode"})
_UNDER_REVISION = 3


def begin(entity: Entity, values: Row) -> None:
    """Gives a new row its state and status. Raises DataverseError for a status of another state."""
    initial = _facts(entity).get("initial")
    if initial is not None:
        # Such a row begins in the same state whatever is sent: a product is a draft until it is published.
        values |= {"statecode": initial, "statuscode": entity.status_of_state[initial]}
        return
    _complete(entity, values, 0, given=None)


def move(entity: Entity, values: Row, row: Row) -> None:
    """Completes and checks the state that an update sends. Raises DataverseError for what is not allowed."""
    old = row.get("statecode", 0)
    if not _STATE.isdisjoint(values):
        _complete(entity, values, old, given=row)
    facts, new = _facts(entity), values.get("statecode", old)
    if old in facts.get("read_only", ()) and new in facts["read_only"] and set(values) - _STATE:
        raise invalid(f"The {entity.name} cannot be edited: it is {_label(entity, old)}.")
    if new != old and new not in facts.get("moves", {}).get(str(old), (new,)):
        if entity.name == "product" and new == _UNDER_REVISION:
            raise DataverseError(400, "0x8004F883", "You can only revise an active product.")
        text = f"The {entity.name} cannot be set from {_label(entity, old)} to {_label(entity, new)}."
        raise DataverseError(400, "0x80040357", text)


def _facts(entity: Entity) -> Mapping[str, Any]:
    found: Mapping[str, Any] = entity.table.rules.get("states", {})
    return found


def _label(entity: Entity, state: object) -> str:
    return str(entity.table.columns["statecode"].options.get(str(state), state))


def _complete(entity: Entity, values: Row, default: int, *, given: Row | None) -> None:
    """Fills in the one of state and status that is missing; refuses a status of another state."""
    state, status = values.get("statecode"), values.get("statuscode")
    if status is None:
        state = default if state is None else state
        status = entity.status_of_state.get(int(state))
    elif state is None:
        state = entity.state_of_status.get(status) if given is None else default
    if status is not None and entity.state_of_status.get(int(status), state) != state:
        text = f"{status} is not a valid status code for state code {state} on {entity.name}."
        raise DataverseError(400, "0x80048408", text)
    values["statecode"], values["statuscode"] = state, status
