"""Business units, their default teams, and who may own rows."""

from typing import Any

from kobling_sandbox.dataverse_errors import DataverseError, missing
from kobling_sandbox.dataverse_rules import Changes, EntityRules
from kobling_sandbox.rows import Row
from kobling_sandbox.store import Store

_PARENT = "_parentbusinessunitid_value"
_UNIT = "_businessunitid_value"
_TEAM = "teamid"
_ACCESS_TEAM = 1


def check_owner(store: Store, table: str, identifier: str, owned: str) -> None:
    """Refuses a user who is disabled, an access team, and a team that no role lets read the table."""
    row = store.rows(table).by_id[identifier]
    if table == "team":
        _check_team(store, row, owned)
    elif row.get("isdisabled"):
        text = "The specified user is either disabled or is not a member of any business unit."
        raise DataverseError(403, "0x80040225", f"{text} (Id={identifier})")


def _check_team(store: Store, team: Row, owned: str) -> None:
    if team.get("teamtype") == _ACCESS_TEAM:
        text = "You cannot assign a record to the access team. You can assign a record to the owner team."
        raise DataverseError(400, "0x80048340", text)
    if not store.rows("teamroles").find(_TEAM, team["teamid"]):
        text = (
            f"Principal team (Id={team['teamid']}, type=9, roleCount=0, privilegeCount=0) is missing "
            f"prvRead{owned.capitalize()} privilege for entity '{owned}'."
        )
        raise DataverseError(403, "0x80040220", text)


def _prepare_unit(changes: Changes, values: Row, row: Row | None) -> None:
    parent = values.get(_PARENT) if row is None else values.get(_PARENT, "")
    if parent is None and (row is None or row.get(_PARENT) is not None):
        raise missing("parentbusinessunitid", "businessunit")


def _make_default_team(changes: Changes, unit: Row, user: str) -> None:
    """A business unit has a team of the same name from the start, without any role."""
    values: dict[str, Any] = {
        "name": unit["name"],
        _UNIT: unit["businessunitid"],
        "_administratorid_value": user,
        "isdefault": True,
    }
    changes.make("team", values, user)


def _prepare_team(changes: Changes, values: Row, row: Row | None) -> None:
    if row is None:
        if values.get(_UNIT) is None:
            values[_UNIT] = _root_unit(changes.store)
    elif row.get("isdefault") and values.get("name", row["name"]) != row["name"]:
        text = f"The default business unit team name can't be updated (TeamId = {row['teamid']})."
        raise DataverseError(400, "0x8004830A", text)


def _root_unit(store: Store) -> str | None:
    units = store.rows("businessunit").by_id.items()
    return next((identifier for identifier, unit in units if unit.get(_PARENT) is None), None)


def _keep_default(changes: Changes, team: Row) -> None:
    if team.get("isdefault"):
        text = f"The default business unit team can't be deleted (TeamId = {team['teamid']})."
        raise DataverseError(400, "0x80048307", text)


def _prepare_role(changes: Changes, values: Row, row: Row | None) -> None:
    if row is None and values.get(_UNIT) is None:
        values[_UNIT] = _root_unit(changes.store)


def _check_role(changes: Changes, pair: Row) -> None:
    team = changes.store.rows("team").by_id[pair[_TEAM]]
    if team.get("teamtype") == _ACCESS_TEAM:
        text = f"Cannot assign roles or profiles to an access team (TeamId = {team['teamid']})."
        raise DataverseError(400, "0x80048331", text)


def _refuse_pair(changes: Changes, values: Row, row: Row | None) -> None:
    """Pairs are made by `$ref` on either end."""
    text = "The 'Create' or 'Update' method does not support entities of this type: associate the rows."
    raise DataverseError(400, "0x80040800", text)


TEAM_RULES = {
    "businessunit": EntityRules(prepare=_prepare_unit, after_create=_make_default_team),
    "team": EntityRules(prepare=_prepare_team, before_delete=_keep_default),
    "role": EntityRules(prepare=_prepare_role),
    "teamroles": EntityRules(prepare=_refuse_pair, before_pair=_check_role),
    **dict.fromkeys(("systemuserroles", "teammembership"), EntityRules(prepare=_refuse_pair)),
}
