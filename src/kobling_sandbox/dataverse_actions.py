"""Actions: on one row (publish a product) and of the service as a whole (win an opportunity)."""

from collections.abc import Callable, Mapping
from typing import Any

from kobling_sandbox.dataverse_errors import DataverseError, invalid, no_row, no_segment
from kobling_sandbox.dataverse_keys import address_of
from kobling_sandbox.dataverse_model import Model, read_guid
from kobling_sandbox.dataverse_opportunities import STATES, close
from kobling_sandbox.dataverse_rows import json_answer
from kobling_sandbox.dataverse_writes import Writes
from kobling_sandbox.exchange import Request, Response
from kobling_sandbox.rows import Row

_USER = "systemuserid"
_PREFIX = "Microsoft.Dynamics.CRM."
_ACTIVE = {"statecode": 0, "statuscode": 1}
_PUBLISHABLE = (2, 3)

Unbound = Callable[[Any, str], dict[str, Any] | None]
Bound = Callable[[Row, Any, str], None]
# What customizers call afterwards; here every change shows at once.
_PUBLISHING = ("PublishXml", "PublishAllXml")


class Actions:
    """Answers actions; each one is done as a whole or not at all."""

    def __init__(self, model: Model, writes: Writes) -> None:
        self.model, self.writes = model, writes
        self.unbound: Mapping[str, Unbound] = {
            **{name: self._closing(name) for name in STATES},
            **model.options.messages,
            **dict.fromkeys(_PUBLISHING, _nothing),
        }
        self.bound: Mapping[tuple[str, str], Bound] = {
            ("product", "PublishProductHierarchy"): self._publish,
            ("team", "AddMembersTeam"): self._add_members,
            ("team", "RemoveMembersTeam"): self._remove_members,
        }

    def answer(self, request: Request, root: str, name: str, body: Any) -> Response:
        """Answers an action of the service; raises DataverseError."""
        if request.method != "POST":
            raise DataverseError(405, "0x80060888", f"The action '{name}' is called by POST.")
        with self.writes.store.all_or_nothing():
            answer = self.unbound[name](body, request.user)
        if answer is None:
            return Response(204, {"OData-Version": "4.0"})
        return json_answer(200, {"@odata.context": f"{root}$metadata#{_PREFIX}{name}Response", **answer})

    def answer_bound(self, request: Request, segments: list[str], body: Any) -> Response:
        """Answers an action on one row; raises DataverseError."""
        entity, address = address_of(self.model, segments[0])
        name = segments[1].removeprefix(_PREFIX)
        action = self.bound.get((entity.name, name))
        if request.method != "POST" or action is None:
            raise no_segment(segments[1])
        row = address.find(self.writes.store)
        if row is None:
            raise address.missing()
        with self.writes.store.all_or_nothing():
            action(row, body, request.user)
        return Response(204, {"OData-Version": "4.0"})

    def _publish(self, row: Row, body: Any, user: str) -> None:
        """Makes a draft, and the drafts below it, active."""
        if row.get("statecode") not in _PUBLISHABLE:
            raise invalid("Only a product that is a draft or under revision can be published.")
        products = self.model.entities["product"]
        self.writes.apply(products, row, dict(_ACTIVE), user)
        for child in self.writes.store.rows("product").find("_parentproductid_value", row["productid"]):
            if child.get("statecode") in _PUBLISHABLE:
                self._publish(child, None, user)

    def _add_members(self, row: Row, body: Any, user: str) -> None:
        """Puts users into a team; one who is in it already stays."""
        pairs = self.model.entities["teammembership"]
        known = {pair[_USER] for pair in self._pairs(row)}
        for member in _members(body):
            if self.model.store.rows("systemuser").get(member) is None:
                raise no_row("systemuser", member)
            if member not in known:
                self.writes.associate(pairs, {"teamid": row["teamid"], _USER: member}, user)

    def _remove_members(self, row: Row, body: Any, user: str) -> None:
        gone = set(_members(body))
        for pair in self._pairs(row):
            if pair[_USER] in gone:
                self.model.store.delete("teammembership", pair["teammembershipid"], user=user)

    def _pairs(self, team: Row) -> list[Row]:
        return self.model.store.rows("teammembership").find("teamid", team["teamid"])

    def _closing(self, name: str) -> Unbound:
        return lambda body, user: close(self.writes, name, body, user)


def _members(body: Any) -> list[str]:
    """The ids of the users that a body names."""
    members = body.get("Members") if type(body) is dict else None
    if type(members) is not list or not all(type(each) is dict for each in members):
        raise invalid("A list of users was expected in 'Members'.")
    return [read_guid(str(each.get("systemuserid"))) for each in members]


def _nothing(body: Any, user: str) -> None:
    """What has nothing left to do."""
