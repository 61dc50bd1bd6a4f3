"""Opportunities: whose they are, and how they are won or lost."""

from typing import Any

from kobling_sandbox.dataverse_errors import DataverseError, invalid, payload
from kobling_sandbox.dataverse_products import after
from kobling_sandbox.dataverse_rules import Changes, EntityRules
from kobling_sandbox.dataverse_writes import Writes
from kobling_sandbox.rows import Row

_ACCOUNT, _CONTACT = "_parentaccountid_value", "_parentcontactid_value"
_CUSTOMER = "_customerid_value"
_TABLE = "_customerid_value@table"
_WON, _COMPLETED = 1, 1
# The state that each action sets.
STATES = {"WinOpportunity": 1, "LoseOpportunity": 2}


def _prepare(changes: Changes, values: Row, row: Row | None) -> None:
    """The customer is the account, else the contact; a customer that is sent names one of them."""
    if values.get(_CUSTOMER) is not None:
        key = _ACCOUNT if values[_TABLE] == "account" else _CONTACT
        values.setdefault(key, values[_CUSTOMER])
        return
    if not {_ACCOUNT, _CONTACT} & values.keys():
        return
    for key, table in ((_ACCOUNT, "account"), (_CONTACT, "contact")):
        if after(values, row, key) is not None:
            values |= {_CUSTOMER: after(values, row, key), _TABLE: table}
            return


def close(writes: Writes, action: str, body: Any, user: str) -> None:
    """Wins or loses an opportunity and keeps the activity that says so. Raises DataverseError."""
    model = writes.model
    given = body.get("OpportunityClose") if type(body) is dict else None
    if type(given) is not dict or type(body.get("Status")) is not int:
        raise payload(action, "The parameters 'Status' and 'OpportunityClose' are needed.")
    opportunity, state = model.entities["opportunity"], STATES[action]
    status = opportunity.status_of_state[state] if body["Status"] == -1 else body["Status"]
    if opportunity.state_of_status.get(status) != state:
        raise DataverseError(400, "0x80048408", f"{status} is not a valid status code for {action}.")
    activity = writes.create(model.entities["opportunityclose"], given, user)
    row = writes.store.rows("opportunity").get(activity.get("_opportunityid_value", ""))
    if row is None:
        raise payload(action, "The close activity needs 'opportunityid@odata.bind'.")
    if row.get("statecode", 0) != 0:
        raise invalid("The opportunity has already been closed.")
    done = {"statecode": _COMPLETED, "statuscode": 2}
    writes.apply(model.entities["opportunityclose"], activity, done, user)
    revenue = activity.get("actualrevenue")
    if revenue is None and state == _WON:
        revenue = row.get("estimatedvalue")
    changes = {
        "statecode": state,
        "statuscode": status,
        "actualclosedate": activity.get("actualend", writes.store.clock.text())[:10],
        "actualvalue": revenue,
    }
    writes.apply(opportunity, row, changes, user)


OPPORTUNITY_RULES = {"opportunity": EntityRules(prepare=_prepare)}
