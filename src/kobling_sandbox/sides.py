"""The two sides of the sandbox: each a service with what tests have set for its port."""

from collections import Counter
from dataclasses import dataclass, field

from kobling_sandbox.exchange import Service
from kobling_sandbox.faults import Fault
from kobling_sandbox.hooks import Hooks
from kobling_sandbox.plugins import Plugins


@dataclass(slots=True)
class Record:
    """Requests by method and path: outer ones, and the parts of batches."""

    outer: Counter[tuple[str, str]] = field(default_factory=Counter)
    parts: Counter[tuple[str, str]] = field(default_factory=Counter)
    tokens: int = 0


@dataclass(slots=True)
class Side:
    """One service with what the tests have set for its port."""

    service: Service
    plugins: Plugins
    faults: list[Fault] = field(default_factory=list)
    record: Record = field(default_factory=Record)
    hooks: Hooks = field(default_factory=Hooks)
