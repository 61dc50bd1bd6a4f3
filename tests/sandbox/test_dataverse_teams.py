"""Aim: business units, teams, roles and members are as Dataverse keeps them, and say who may own rows.

Method: plain HTTP as the integration user on a sandbox with the set-up rows alone.
"""

from typing import Any
from urllib.parse import quote

import pytest
from crm_support import Client

ROLE = "Business Central Integration User"


def ids(sales: Client, path: str, key: str) -> set[str]:
    """The keys of the rows that a path gives."""
    return {row[key] for row in sales.read(path)["value"]}


def role(sales: Client) -> str:
    """The id of the role that lets a team own rows."""
    (row,) = sales.read(f"roles?$filter=name eq '{ROLE}'")["value"]
    return str(row["roleid"])


def give_role(sales: Client, team: str) -> Any:
    """Associates a team with that role."""
    body = {"@odata.id": f"{sales.base}api/data/v9.2/roles({role(sales)})"}
    return sales.send("POST", f"teams({team})/teamroles_association/$ref", body)


def own(sales: Client, team: str) -> Any:
    """Creates an account that a team owns."""
    return sales.send("POST", "accounts", {"name": "A", "ownerid@odata.bind": f"/teams({team})"})


def default_team(sales: Client) -> dict[str, Any]:
    """The default team of the root business unit."""
    (row,) = sales.read("teams?$filter=isdefault eq true")["value"]
    found: dict[str, Any] = row
    return found


def test_the_default_team_has_the_role_and_may_own_rows(sales: Client) -> None:
    team = default_team(sales)["teamid"]
    assert ids(sales, f"teams({team})/teamroles_association", "roleid") == {role(sales)}
    account = sales.read(f"accounts({own(sales, team).id})")
    assert (account["_ownerid_value"], account["_owningteam_value"]) == (team, team)
    assert account["_owninguser_value"] is None
    shown = sales.read(f"accounts({account['accountid']})?$expand=owningteam($select=name)")
    assert shown["owningteam"]["name"] == "fjordlys"


def test_a_team_without_a_role_owns_nothing_until_it_has_one(sales: Client) -> None:
    team = sales.create("teams", name="Nord")
    assert own(sales, team).error == (403, "0x80040220")
    assert give_role(sales, team).status == 204
    assert give_role(sales, team).error == (412, "0x80040237")
    account = own(sales, team).id
    assert sales.send("DELETE", f"teams({team})").error == (405, "0x80040227")
    assert sales.send("DELETE", f"teams({team})/teamroles_association({role(sales)})/$ref").status == 204
    assert ids(sales, f"teams({team})/teamroles_association", "roleid") == set()
    other = sales.create("accounts", name="B")
    body = {"ownerid@odata.bind": f"/teams({team})"}
    assert sales.send("PATCH", f"accounts({other})", body).error == (403, "0x80040220")
    sales.send("DELETE", f"accounts({account})")
    assert sales.send("DELETE", f"teams({team})").status == 204


def test_a_role_shows_its_teams_and_expands(sales: Client) -> None:
    team = sales.create("teams", name="Nord")
    give_role(sales, team)
    expected = {team, default_team(sales)["teamid"]}
    assert ids(sales, f"roles({role(sales)})/teamroles_association", "teamid") == expected
    shown = sales.read(f"teams({team})?$expand=teamroles_association($select=name)")
    assert [row["name"] for row in shown["teamroles_association"]] == [ROLE]
    assert ids(sales, "teamrolescollection", "teamid") == expected


def test_a_new_role_belongs_to_the_root_unit_and_a_team_may_have_it(sales: Client) -> None:
    new = sales.create("roles", name="Dispatcher")
    root = default_team(sales)["_businessunitid_value"]
    assert sales.read(f"roles({new})")["_businessunitid_value"] == root
    team = sales.create("teams", name="Nord")
    body = {"@odata.id": f"{sales.base}api/data/v9.2/roles({new})"}
    assert sales.send("POST", f"teams({team})/teamroles_association/$ref", body).status == 204
    assert own(sales, team).status == 204


def test_pairs_go_with_either_end(sales: Client) -> None:
    team = sales.create("teams", name="Nord")
    give_role(sales, team)
    assert sales.send("DELETE", f"teams({team})").status == 204
    assert ids(sales, "teamrolescollection", "teamid") == {default_team(sales)["teamid"]}
    assert sales.send("DELETE", f"roles({role(sales)})").status == 204
    assert ids(sales, "teamrolescollection", "teamid") == set()


def test_a_role_taken_away_by_its_address(sales: Client) -> None:
    team = default_team(sales)["teamid"]
    url = quote(f"{sales.base}api/data/v9.2/roles({role(sales)})", safe="")
    assert sales.send("DELETE", f"teams({team})/teamroles_association/$ref?$id={url}").status == 204
    assert own(sales, team).error == (403, "0x80040220")


def test_an_access_team_has_no_roles_and_owns_nothing(sales: Client) -> None:
    team = sales.create("teams", name="Guests", teamtype=1)
    assert give_role(sales, team).error == (400, "0x80048331")
    assert own(sales, team).error == (400, "0x80048340")


def test_a_team_belongs_to_the_root_unit_when_nothing_is_said(sales: Client) -> None:
    root = default_team(sales)["_businessunitid_value"]
    row = sales.read(f"teams({sales.create('teams', name='Nord', isdefault=True)})")
    assert (row["_businessunitid_value"], row["isdefault"], row["teamtype"]) == (root, False, 0)
    assert sales.send("POST", "teams", {"description": "nameless"}).status == 400


def test_the_default_team_stays_under_its_name(sales: Client) -> None:
    team = default_team(sales)
    path = f"teams({team['teamid']})"
    assert sales.send("PATCH", path, {"name": "Other"}).error == (400, "0x8004830A")
    assert sales.send("PATCH", path, {"name": team["name"], "description": "All"}).status == 204
    assert sales.send("DELETE", path).error == (400, "0x80048307")
    other = sales.create("teams", name="Nord")
    assert sales.send("PATCH", f"teams({other})", {"name": "South"}).status == 204


def test_a_business_unit_has_a_parent_and_makes_its_team(sales: Client) -> None:
    assert sales.send("POST", "businessunits", {"name": "Nord"}).error == (400, "0x80040200")
    root = default_team(sales)["_businessunitid_value"]
    unit = sales.create("businessunits", name="Nord", parentbusinessunitid__bind=f"/businessunits({root})")
    (team,) = sales.read(f"businessunits({unit})/business_unit_teams")["value"]
    assert (team["name"], team["isdefault"]) == ("Nord", True)
    assert own(sales, team["teamid"]).error == (403, "0x80040220")
    give_role(sales, team["teamid"])
    account = sales.read(f"accounts({own(sales, team['teamid']).id})")
    assert account["_owningbusinessunit_value"] == unit
    path = f"businessunits({unit})"
    assert sales.send("PATCH", path, {"parentbusinessunitid@odata.bind": None}).status == 400
    assert sales.send("PATCH", path, {"parentbusinessunitid": None}).error == (400, "0x80040200")


def test_users_are_members_of_teams(sales: Client) -> None:
    team = default_team(sales)["teamid"]
    me = sales.read("WhoAmI")["UserId"]
    action = f"teams({team})/Microsoft.Dynamics.CRM"
    members = {"Members": [{"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "systemuserid": me}]}
    for _ in range(2):
        assert sales.send("POST", f"{action}.AddMembersTeam", members).status == 204
    assert ids(sales, f"teams({team})/teammembership_association", "systemuserid") == {me}
    assert ids(sales, f"systemusers({me})/teammembership_association", "teamid") == {team}
    assert sales.send("POST", f"{action}.RemoveMembersTeam", members).status == 204
    assert ids(sales, f"teams({team})/teammembership_association", "systemuserid") == set()
    unknown = {"Members": [{"systemuserid": team}]}
    assert sales.send("POST", f"{action}.AddMembersTeam", unknown).error == (404, "0x80040217")
    assert sales.send("POST", f"{action}.AddMembersTeam", {"Members": me}).error == (400, "0x80040203")


@pytest.mark.parametrize(
    "entity_set", ["teamrolescollection", "systemuserrolescollection", "teammemberships"]
)
def test_pairs_are_made_by_association_alone(sales: Client, entity_set: str) -> None:
    assert sales.send("POST", entity_set, {}).error == (400, "0x80040800")


def test_a_relation_takes_rows_of_its_own_table(sales: Client) -> None:
    team = default_team(sales)["teamid"]
    path = f"teams({team})/teamroles_association"
    body = {"@odata.id": f"{sales.base}api/data/v9.2/teams({team})"}
    assert sales.send("POST", f"{path}/$ref", body).error == (400, "0x80048d19")
    assert sales.send("POST", f"{path}/$ref", {}).status == 400
    assert sales.send("PUT", f"{path}/$ref", body).status == 404


def test_a_contact_leaves_its_account_by_the_relation(sales: Client) -> None:
    account = sales.create("accounts", name="A")
    contact = sales.create("contacts", lastname="B", parentcustomerid_account__bind=f"/accounts({account})")
    path = f"accounts({account})/contact_customer_accounts({contact})/$ref"
    assert sales.send("DELETE", path).status == 204
    assert sales.read(f"contacts({contact})")["_parentcustomerid_value"] is None
