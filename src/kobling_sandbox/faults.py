"""Faults on demand: which request meets which, by rules that a test sends."""

import re
from dataclasses import dataclass, field
from random import Random
from typing import Any

ACTIONS = frozenset({"status", "reset_before", "reset_after", "delay", "truncate", "html", "expire_token"})
_KEYS = {"method", "path", "every", "nth", "probability", "seed", "times", "action", "status", "retry_after"}
_KEYS |= {"seconds", "code"}


class RuleError(ValueError):
    """A rule that makes no sense; the text names it."""


@dataclass(slots=True)
class Fault:
    """One rule with its counters: `seen` requests that it fits, `done` faults given."""

    action: str
    method: str = ""
    path: re.Pattern[str] | None = None
    every: int = 0
    nth: int = 0
    probability: float | None = None
    times: int | None = None
    status: int = 503
    retry_after: str = ""
    code: str | None = None
    seconds: float = 0.0
    seen: int = 0
    done: int = 0
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311

    def strikes(self, method: str, path: str, query: str) -> bool:
        """Counts the request if the rule fits it, and tells whether it meets the fault."""
        if self.method and self.method != method:
            return False
        if self.path and not (self.path.search(path) or self.path.search(f"{path}?{query}")):
            return False
        self.seen += 1
        if self.times is not None and self.done >= self.times:
            return False
        if not self._chosen():
            return False
        self.done += 1
        return True

    def _chosen(self) -> bool:
        if self.nth:
            return self.seen == self.nth
        if self.every:
            return self.seen % self.every == 0
        return self.probability is None or self.random.random() < self.probability


def parse_faults(rules: Any) -> list[Fault]:
    """The rules of the control's body. Raises RuleError with a text for the user."""
    if not isinstance(rules, list):
        raise RuleError("'rules' must be a list")
    return [_fault(rule) for rule in rules]


def first_fault(faults: list[Fault], method: str, path: str, query: str) -> Fault | None:
    """The first rule that strikes; every rule up to it counts the request."""
    for fault in faults:
        if fault.strikes(method, path, query):
            return fault
    return None


def _fault(rule: Any) -> Fault:
    if not isinstance(rule, dict):
        raise RuleError("each rule must be an object")
    unknown = set(rule) - _KEYS
    if unknown:
        raise RuleError(f"unknown key {sorted(unknown)[0]!r} in a rule; known: {', '.join(sorted(_KEYS))}")
    action = rule.get("action")
    if action not in ACTIONS:
        raise RuleError(f"unknown action {action!r}; known: {', '.join(sorted(ACTIONS))}")
    probability = rule.get("probability")
    return Fault(
        action=action,
        method=str(rule.get("method") or "").upper(),
        path=_pattern(rule.get("path")),
        every=_count(rule, "every"),
        nth=_count(rule, "nth"),
        probability=None if probability is None else float(_number(rule, "probability")),
        times=None if rule.get("times") is None else _count(rule, "times"),
        status=_status(rule),
        retry_after="" if rule.get("retry_after") is None else str(rule["retry_after"]),
        code=None if rule.get("code") is None else str(rule["code"]),
        seconds=float(_number(rule, "seconds")),
        random=Random(str(rule.get("seed", 0))),  # noqa: S311 - faults repeat by their seed
    )


def _status(rule: dict[str, Any]) -> int:
    status = _count(rule, "status") or 503
    if not 100 < status < 600:
        raise RuleError(f"'status' must be an HTTP status, not {status}")
    return status


def _pattern(text: Any) -> re.Pattern[str] | None:
    if text is None or text == "":
        return None
    try:
        return re.compile(str(text))
    except re.error as error:
        raise RuleError(f"'path' is no regular expression: {error}") from None


def _count(rule: dict[str, Any], key: str) -> int:
    number = _number(rule, key)
    if number != int(number):
        raise RuleError(f"{key!r} must be a whole number")
    return int(number)


def _number(rule: dict[str, Any], key: str) -> Any:
    value = rule.get(key)
    if value is None:
        return 0
    if isinstance(value, (bool, str, list, dict)) or not 0 <= value < 1e9:
        raise RuleError(f"{key!r} must be a number that is not negative")
    return value
