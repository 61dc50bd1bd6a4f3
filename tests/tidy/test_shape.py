"""Aim: sources stay readable in one sitting, and what is committed works on any machine.

Method: lengths and handlers from the syntax tree of every file under `src`; the committed files as git
lists them. Small wrong sources show that each check sees what it looks for.
"""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400

# Put together here, as this file is searched too.
MACHINE_PATHS = ("/" + "work/", "/" + "root/", "/" + "home/runner/")
# Where packages come from is a matter of each machine's own settings.
REGISTRIES = re.compile(r"index[-_]url|pypi\.org|pythonhosted\.org|registry\.npmjs|proxy\.golang|find-links")
CONFIGURATION = re.compile(r"(\.(toml|cfg|ini|ya?ml|json|txt|lock|conf)|Makefile|Dockerfile\S*)$|^\.")
PIN = re.compile(r"[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==[0-9][0-9A-Za-z.+!]*")


def shape_complaints(source: str, name: str) -> list[str]:
    found = []
    if (lines := len(source.splitlines())) > FILE_LINES_MAX:
        found.append(f"{name}: {lines} lines")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                found.append(f"{name}: {node.name} has {lines} lines")
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append(f"{name}:{node.lineno}: bare except")
    return found


def commit_complaints(text: str, name: str) -> list[str]:
    found = [f"{name}: the machine path {path}" for path in MACHINE_PATHS[:1] if path in text]
    if CONFIGURATION.search(name):
        found += [f"{name}: the machine path {path}" for path in MACHINE_PATHS[1:] if path in text]
        found += [f"{name}: {match}" for match in REGISTRIES.findall(text)]
    return found


def committed_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git working tree")
    names = listed.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def unpinned(project: dict[str, object]) -> list[str]:
    """The requirements that are not for exactly one version."""
    assert isinstance(project["dependencies"], list)
    assert isinstance(project["optional-dependencies"], dict)
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [requirement for group in groups for requirement in group if not PIN.fullmatch(requirement)]


def test_functions_and_files_are_short_and_name_what_they_catch() -> None:
    assert SOURCES
    found: list[str] = []
    for path in SOURCES:
        found += shape_complaints(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    assert found == []


def test_committed_files_name_no_machine_and_no_registry() -> None:
    found: list[str] = []
    for path in committed_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # an image or another binary file
        found += commit_complaints(text, str(path.relative_to(ROOT)))
    assert found == []


def test_every_requirement_is_pinned() -> None:
    assert unpinned(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]) == []


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\n" * (FILE_LINES_MAX + 1),
        "async def long():\n" + "    x = 1\n" * FUNCTION_LINES_MAX,
        "class A:\n    def long(self):\n" + "        x = 1\n" * FUNCTION_LINES_MAX,
        "try:\n    pass\nexcept:\n    pass\n",
    ],
)
def test_a_wrong_shape_is_seen(source: str) -> None:
    assert shape_complaints(source, "sample")


def test_the_longest_allowed_shape_is_not_complained_of() -> None:
    function = "def long():\n" + "    x = 1\n" * (FUNCTION_LINES_MAX - 1)
    rest = FILE_LINES_MAX - FUNCTION_LINES_MAX
    assert shape_complaints(function + "x = 1\n" * rest, "sample") == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docs/guide.md", f"see {MACHINE_PATHS[0]}notes"),
        ("Makefile", f"cd {MACHINE_PATHS[1]}project"),
        ("pyproject.toml", 'index-url = "https://packages.example/simple"'),
        (".github/workflows/test.yml", "pip install --find-links wheels"),
        ("requirements.txt", "--extra-index-url=https://packages.example"),
    ],
)
def test_a_machine_or_a_registry_is_seen(name: str, text: str) -> None:
    assert commit_complaints(text, name)


@pytest.mark.parametrize("wrong", ["msgspec", "msgspec>=0.22", "msgspec==0.*", "msgspec~=0.22.0"])
def test_a_loose_requirement_is_seen(wrong: str) -> None:
    assert unpinned({"dependencies": ["typer==0.29.2"], "optional-dependencies": {"dev": [wrong]}}) == [wrong]
