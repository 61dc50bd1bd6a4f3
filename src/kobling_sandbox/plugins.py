"""Server-side rules that change what clients write: at once, or afterwards as another user.

A rule without `as` and `after_seconds` normalises the value inside the write itself, or refuses the write
that holds the field. One with either of them writes back later, as a change of its own by that user.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from kobling_sandbox.faults import RuleError
from kobling_sandbox.store import Row, Store

_CHANGES = ("set", "upper", "trim", "cut", "refuse")
_KEYS = {"entity", "on", "field", "as", "after_seconds", *_CHANGES}
_AUTHORS = (None, "", "person", "integration")
PERSON = "plugin"


class PluginRefusal(Exception):  # noqa: N818 - not an error of ours: a rule says no
    """A rule refuses the write; the text is for the caller."""


class Holder(Protocol):
    """Whoever has the store."""

    store: Store


class Writer(Holder, Protocol):
    """What a write-back needs of its service."""

    def ensure_user(self, application: str) -> str:
        """The id of the user row of a client id."""
        ...


@dataclass(frozen=True, slots=True)
class Plugin:
    """One rule; `change` is one of set, upper, trim, cut, refuse and `argument` its value."""

    entity: str
    on: str
    field: str
    change: str
    argument: Any
    writes_as: str
    after_seconds: float

    @property
    def is_later(self) -> bool:
        """Whether it writes back after the write that it answers to."""
        return bool(self.writes_as) or self.after_seconds > 0

    def value(self, current: Any) -> Any:
        """The value after the rule, for the value before it."""
        if self.change == "set":
            return self.argument
        if not isinstance(current, str):
            return current
        if self.change == "upper":
            return current.upper()
        return current.strip() if self.change == "trim" else current[: int(self.argument)]


@dataclass(frozen=True, slots=True)
class _Due:
    at_seconds: float
    plugin: Plugin
    id: str
    company: str


class Plugins:
    """The rules of one service and the write-backs that they owe."""

    def __init__(self) -> None:
        self.rules: list[Plugin] = []
        self._due: list[_Due] = []

    def replace(self, rules: list[Plugin]) -> None:
        """Takes these rules instead of all others; write-backs not yet done are forgotten."""
        self.rules, self._due = rules, []

    def normalise(self, entity: str, on: str, values: Row) -> None:
        """Changes the values of a write in place, by the rules that work inside it. Raises PluginRefusal."""
        for rule in self.rules:
            if rule.entity != entity or rule.on != on or rule.is_later:
                continue
            if rule.change == "set" or rule.field in values:
                if rule.change == "refuse":
                    raise PluginRefusal(str(rule.argument))
                values[rule.field] = rule.value(values.get(rule.field))

    def written(self, writer: Holder, entity: str, on: str, identifier: str, company: str = "") -> None:
        """Notes the write-backs that a write has earned."""
        for rule in self.rules:
            if rule.entity == entity and rule.on == on and rule.is_later:
                now = writer.store.clock.now().timestamp()
                self._due.append(_Due(now + rule.after_seconds, rule, identifier, company))

    def run_due(self, writer: Writer) -> None:
        """Does the write-backs whose time has come by the service's clock; a row that is gone is left."""
        if not self._due:
            return
        now = writer.store.clock.now().timestamp()
        ready = [due for due in self._due if due.at_seconds <= now]
        self._due = [due for due in self._due if due.at_seconds > now]
        for due in ready:
            self._write_back(writer, due)

    def _write_back(self, writer: Writer, due: _Due) -> None:
        rule = due.plugin
        row = writer.store.rows(rule.entity, due.company).get(due.id)
        if row is None:
            return
        user = writer.ensure_user("kobling" if rule.writes_as == "integration" else PERSON)
        changes = {rule.field: rule.value(row.get(rule.field))}
        writer.store.update(rule.entity, due.id, changes, user=user, company=due.company)


def parse_plugins(rules: Any, store: Store) -> list[Plugin]:
    """The rules of the control's body. Raises RuleError with a text for the user."""
    if not isinstance(rules, list):
        raise RuleError("'rules' must be a list")
    return [_plugin(rule, store) for rule in rules]


def _plugin(rule: Any, store: Store) -> Plugin:
    if not isinstance(rule, dict) or set(rule) - _KEYS:
        raise RuleError(f"each rule must be an object with keys among {', '.join(sorted(_KEYS))}")
    changes = [key for key in _CHANGES if key in rule and (key == "set" or rule[key] not in (False, None))]
    if len(changes) != 1:
        raise RuleError(f"a rule needs exactly one of {', '.join(_CHANGES)}")
    entity, field = rule.get("entity"), rule.get("field")
    table = store.tables.get(str(entity))
    if table is None or field not in table.columns:
        raise RuleError(f"no field {field!r} of {entity!r}")
    if rule.get("on") not in ("create", "update") or rule.get("as") not in (
        None,
        "",
        "person",
        "integration",
    ):
        raise RuleError("'on' is create or update, 'as' is person or integration")
    seconds = rule.get("after_seconds") or 0
    if isinstance(seconds, (bool, str, list, dict)) or not 0 <= seconds < 1e9:
        raise RuleError("'after_seconds' must be a number that is not negative")
    argument = rule[changes[0]]
    if changes[0] == "cut" and (isinstance(argument, bool) or not isinstance(argument, int) or argument < 0):
        raise RuleError("'cut' is a number of characters")
    writes_as = str(rule.get("as") or "")
    if changes[0] == "refuse" and (writes_as or seconds):
        raise RuleError("'refuse' works inside the write: it takes neither 'as' nor 'after_seconds'")
    return Plugin(str(entity), rule["on"], str(field), changes[0], argument, writes_as, float(seconds))
