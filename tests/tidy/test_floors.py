"""Aim: imports go strictly down the floors, and the two lowest floors know no outside world.

Method: every import statement under `src` is read from the syntax tree, wherever it stands; imports
inside functions and for type checkers count too. Small wrong sources show that the check sees them.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"

# A package may import itself and what lies on a lower floor; neighbours on one floor do not meet.
FLOORS = {
    "model": 0,
    "algebra": 1,
    "ports": 2,
    "engine": 3,
    "catalogue": 3,
    "adapters": 4,
    "service": 5,
    "web": 6,
    # `serve` starts the web face.
    "cli": 7,
    "__main__": 8,
}
PURE_FLOOR_MAX = 1

# What would let the plan depend on anything but its arguments. `datetime` and `uuid` are there for
# their types: the functions in them that look at the clock or throw dice are forbidden by name.
IMPURE_MODULES = {
    *("asyncio", "concurrent", "ctypes", "email", "fcntl", "ftplib", "getpass", "glob", "http", "imaplib"),
    *("importlib", "io", "logging", "multiprocessing", "os", "pathlib", "platform", "random", "sched"),
    *("secrets", "select", "selectors", "shutil", "signal", "smtplib", "socket", "socketserver", "sqlite3"),
    *("ssl", "subprocess", "sys", "syslog", "tempfile", "threading", "time", "webbrowser"),
    "urllib.request",
}
IMPURE_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "getnode"}
IMPURE_BUILTINS = {"open", "input", "print", "__import__", "exec", "eval"}
PURE_PACKAGES = {"msgspec", "cel", "re2"}


def module_of(path: Path) -> tuple[str, ...]:
    """The dotted name of a file under `src`, in parts; a package's `__init__` has the package's."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(tree: ast.AST, module: tuple[str, ...], *, is_package: bool) -> Iterator[tuple[str, ...]]:
    """Everything imported, as full names in parts, with the name after `from … import` at the end."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield tuple(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            kept = len(module) - node.level + is_package
            base = module[:kept] if node.level else ()
            named = tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                yield (*base, *named, alias.name)


def complaints(source: str, module: tuple[str, ...], *, is_package: bool = False) -> list[str]:
    """What is wrong with one module of either package."""
    tree = ast.parse(source)
    found = [
        complaint
        for name in imports(tree, module, is_package=is_package)
        if (complaint := import_complaint(name, module))
    ]
    if module[0] == "kobling" and len(module) > 1 and FLOORS.get(module[1], 9) <= PURE_FLOOR_MAX:
        found.extend(impurities(tree, module, is_package=is_package))
    return [f"{'.'.join(module)}: {text}" for text in found]


def import_complaint(name: tuple[str, ...], module: tuple[str, ...]) -> str | None:
    written = ".".join(name)
    if module[0] == "kobling_sandbox":
        return f"the sandbox imports {written}" if name[0] == "kobling" else None
    if name[0] == "kobling_sandbox":
        is_demo = module[:2] == ("kobling", "cli") and len(module) > 2 and module[2].startswith("demo")
        return None if is_demo else f"imports {written}, which only the demo command may"
    if name[0] != "kobling" or len(name) == 1 or name[1] not in FLOORS:
        # `from kobling import __version__` is no floor; an unknown package is caught by its files.
        return None
    if len(module) == 1:
        return f"the package itself imports {written}"
    own, other = module[1], name[1]
    if own == other or FLOORS[other] < FLOORS.get(own, -1):
        return None
    return f"floor {FLOORS.get(own)} ({own}) imports {written} of floor {FLOORS[other]}"


def impurities(tree: ast.AST, module: tuple[str, ...], *, is_package: bool) -> Iterator[str]:
    for name in imports(tree, module, is_package=is_package):
        if name[0] in IMPURE_MODULES or ".".join(name[:2]) in IMPURE_MODULES:
            yield f"imports {'.'.join(name)}"
        elif name[0] not in sys.stdlib_module_names | PURE_PACKAGES | {"kobling"}:
            yield f"imports {'.'.join(name)}, a package with effects"
        elif name[0] in ("datetime", "uuid") and name[-1] in IMPURE_CALLS:
            yield f"imports {'.'.join(name)}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE_CALLS:
            yield f"line {node.lineno} calls {ast.unparse(node.func)}"
        if isinstance(node.func, ast.Name) and node.func.id in IMPURE_BUILTINS:
            yield f"line {node.lineno} calls {node.func.id}"


def test_imports_go_strictly_down() -> None:
    found: list[str] = []
    for path in sorted(SOURCE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        found += complaints(source, module_of(path), is_package=path.name == "__init__.py")
    assert found == []


def test_every_package_has_a_floor() -> None:
    parts = {path.relative_to(SOURCE / "kobling").parts[0] for path in (SOURCE / "kobling").rglob("*.py")}
    names = {part.removesuffix(".py") for part in parts} - {"__init__"}
    assert "model" in names
    assert names - FLOORS.keys() == set()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("kobling.model.pair", "import kobling.algebra.diff"),
        ("kobling.model.pair", "from kobling import algebra"),
        ("kobling.model.pair", "from ..algebra import diff"),
        ("kobling.algebra.diff", "from kobling.ports import Store"),
        ("kobling.engine.run", "from kobling.catalogue import load"),
        ("kobling.catalogue.load", "from kobling.engine import run"),
        ("kobling.engine.run", "def late():\n    from kobling.adapters.postgres import store"),
        ("kobling.web.pages", "import kobling.cli.main"),
        ("kobling.service.jobs", "from kobling.cli import main"),
        ("kobling.service.jobs", "import kobling_sandbox"),
        ("kobling.cli.main", "from kobling_sandbox.cli import main"),
        ("kobling", "from kobling.model import pair"),
        ("kobling_sandbox.store", "from kobling.model import pair"),
        ("kobling.model.pair", "import time"),
        ("kobling.model.pair", "from os import path"),
        ("kobling.algebra.plan", "from urllib import request"),
        ("kobling.algebra.plan", "import aiohttp"),
        ("kobling.algebra.plan", "import psycopg.sql"),
        ("kobling.algebra.plan", "from uuid import uuid4"),
        ("kobling.algebra.plan", "import datetime\nnow = datetime.datetime.now(datetime.UTC)"),
        ("kobling.algebra.plan", "text = open('file').read()"),
    ],
)
def test_a_wrong_import_is_seen(module: str, source: str) -> None:
    assert complaints(source, tuple(module.split(".")))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("kobling.model.pair", "from kobling.model.ids import RecordId\nfrom uuid import UUID, uuid5"),
        ("kobling.model.pair", "import msgspec\nfrom datetime import date, datetime"),
        ("kobling.algebra.plan", "from .diff import changed\nfrom ..model import pair"),
        ("kobling.engine.run", "import time\nfrom kobling.ports import Store"),
        ("kobling.adapters.postgres.store", "import psycopg\nfrom kobling.engine import journal"),
        ("kobling.service.jobs", "from kobling.catalogue import load\nfrom kobling import __version__"),
        ("kobling.cli.demo", "from kobling_sandbox.cli import main"),
        ("kobling_sandbox.store", "from kobling_sandbox.tables import Table"),
    ],
)
def test_a_right_import_is_not_complained_of(module: str, source: str) -> None:
    assert complaints(source, tuple(module.split("."))) == []
