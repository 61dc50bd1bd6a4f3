"""The test controls under `/_sandbox/` of each port.

`faults`, `plugins`, `variants`, `clock`, `requests` and `state` are those of the port's own service; `reset`
and `keep` are for both services, and `transactions` always means Business Central's tables.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from kobling_sandbox.exchange import Request, Response, decode_json, json_response
from kobling_sandbox.faults import RuleError, parse_faults
from kobling_sandbox.plugins import parse_plugins
from kobling_sandbox.sides import Record, Side

_START = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    """One side as it was at a moment."""

    rows: dict[str, Any]
    variants: dict[str, Any]


class Sandbox:
    """Both sides, and how to bring them back to the state at the start, or to a later one that was kept."""

    def __init__(self, business_central: Side, dataverse: Side) -> None:
        self.business_central = business_central
        self.dataverse = dataverse
        self.sides = (business_central, dataverse)
        self._kept: dict[str, list[_Kept]] = {}
        self.keep(_START)

    def keep(self, name: str) -> None:
        """Keeps rows and variants as they are now under that name, in place of what was kept under it."""
        self._kept[name] = [
            _Kept(side.service.store.snapshot(), dict(side.service.variants)) for side in self.sides
        ]

    def reset(self, name: str = _START) -> None:
        """Rows and variants as kept, all else that tests have set as at the start; tokens stay.

        Raises RuleError for a name under which nothing was kept.
        """
        if name not in self._kept:
            raise RuleError(f"nothing was kept under {name!r}; known: {sorted(self._kept)}")
        for side, kept in zip(self.sides, self._kept[name], strict=True):
            side.service.variants.update(kept.variants)
            side.service.store.restore(kept.rows)
            side.service.store.clock.offset_seconds = 0.0
            side.faults, side.record = [], Record()
            side.plugins.replace([])
            side.hooks.reset()


def answer(sandbox: Sandbox, side: Side, request: Request) -> Response:
    """Answers one control; an unknown one lists those there are."""
    control = _CONTROLS.get((request.method, request.path.removeprefix("/_sandbox/").rstrip("/")))
    if control is None:
        known = ", ".join(f"{method} {name}" for method, name in _CONTROLS)
        return json_response(404, {"error": f"unknown control; known: {known}"})
    try:
        body = decode_json(request.body) if request.body.strip() else {}
    except msgspec.DecodeError as error:
        return json_response(400, {"error": f"the body is no JSON: {error}"})
    if not isinstance(body, dict):
        return json_response(400, {"error": "the body must be a JSON object"})
    try:
        return json_response(200, control(sandbox, side, body))
    except RuleError as error:
        return json_response(400, {"error": str(error)})


def _reset(sandbox: Sandbox, side: Side, body: dict[str, Any]) -> Any:
    sandbox.reset(_name(body, "to") if "to" in body else _START)
    return {}


def _keep(sandbox: Sandbox, side: Side, body: dict[str, Any]) -> Any:
    sandbox.keep(_name(body, "name"))
    return {}


def _name(body: dict[str, Any], key: str) -> str:
    name = body.get(key)
    if not isinstance(name, str) or not name:
        raise RuleError(f"{key!r} must be the name of a kept state")
    return name


def _clock(sandbox: Sandbox, side: Side, body: dict[str, Any]) -> Any:
    offset = body.get("offset_seconds")
    if isinstance(offset, (bool, str, list, dict)) or offset is None or not -1e9 < offset < 1e9:
        raise RuleError("'offset_seconds' must be a number of seconds")
    clock = side.service.store.clock
    clock.offset_seconds = float(offset)
    return {"now": clock.text()}


def _faults(sandbox: Sandbox, side: Side, body: dict[str, Any]) -> Any:
    side.faults = parse_faults(body.get("rules"))
    return {"rules": len(side.faults)}


def _plugins(sandbox: Sandbox, side: Side, body: dict[str, Any]) -> Any:
    rules = parse_plugins(body.get("rules"), side.service.store)
    side.plugins.replace(rules)
    return {"rules": len(rules)}


def _variants(sandbox: Sandbox, side: Side, body: dict[str, Any]) -> Any:
    variants = side.service.variants
    for name, value in body.items():
        if name not in variants or type(value) is not type(variants[name]):
            raise RuleError(f"no variant {name!r} with such a value; now: {variants}")
    variants.update(body)
    return variants


def _webhooks(sandbox: Sandbox, side: Side, body: dict[str, Any]) -> Any:
    hooks = body.get("hooks")
    if side is not sandbox.dataverse or not isinstance(hooks, list):
        raise RuleError("'hooks' is a list, for Dataverse; Business Central has its subscriptions")
    if not all(isinstance(one, dict) and {"url", "key"} <= one.keys() for one in hooks):
        raise RuleError("each hook has 'url' and 'key'")
    side.hooks.endpoints[:] = hooks
    return {"hooks": len(hooks)}


def _transactions(sandbox: Sandbox, side: Side, body: dict[str, Any]) -> Any:
    store = sandbox.business_central.service.store
    action, table = body.get("action"), body.get("table") or ""
    if action == "open" and table in store.tables:
        store.open_transaction(table)
        return {"open": table}
    if action == "commit" and (not table or table in store.tables):
        return {"committed": store.commit_transactions(table)}
    raise RuleError("'action' is open or commit, 'table' the name of a Business Central table")


def _requests(sandbox: Sandbox, side: Side, body: dict[str, Any]) -> Any:
    record = side.record
    return {"outer": _listed(record.outer), "parts": _listed(record.parts), "tokens": record.tokens}


def _listed(counter: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"method": m, "path": p, "count": count} for (m, p), count in sorted(counter.items())]


def _requests_reset(sandbox: Sandbox, side: Side, body: dict[str, Any]) -> Any:
    side.record = Record()
    return {}


def _state(sandbox: Sandbox, side: Side, body: dict[str, Any]) -> Any:
    store = side.service.store
    return {
        "counts": store.counts(),
        "row_version": store.version,
        "minimum_active_row_version": store.minimum_active_version,
        "deletions": len(store.tombstones),
        "now": store.clock.text(),
    }


_CONTROLS: dict[tuple[str, str], Callable[[Sandbox, Side, dict[str, Any]], Any]] = {
    ("POST", "reset"): _reset,
    ("POST", "keep"): _keep,
    ("POST", "clock"): _clock,
    ("POST", "faults"): _faults,
    ("POST", "plugins"): _plugins,
    ("POST", "variants"): _variants,
    ("POST", "transactions"): _transactions,
    ("POST", "webhooks"): _webhooks,
    ("GET", "requests"): _requests,
    ("POST", "requests/reset"): _requests_reset,
    ("GET", "state"): _state,
}
