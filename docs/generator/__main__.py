"""Writes the pages, or says which of them are not as the code would make them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from .command_line import command_line_page
from .configuration import configuration_page
from .decision_table import decision_table_page
from .documents import documents_page
from .failures import exit_status_page, failures_page
from .mapping_pages import mapping_pages
from .mappings import mappings_page
from .markdown import MissingWordsError
from .metrics import metrics_page
from .rules import rules_page
from .sandbox import sandbox_page
from .transformations import transformations_page

FOLDER = Path(__file__).parents[1] / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "../explanation/decision-table.md": decision_table_page,
    "command-line.md": command_line_page,
    "configuration.md": configuration_page,
    "exit-status.md": exit_status_page,
    "json.md": documents_page,
    "failures.md": failures_page,
    "mappings.md": mappings_page,
    **mapping_pages(),
    "metrics.md": metrics_page,
    "rules.md": rules_page,
    "sandbox.md": sandbox_page,
    "transformations.md": transformations_page,
}


def main() -> int:
    """0 where all is in order, 1 where a page differs or words are missing."""
    parser = argparse.ArgumentParser(prog="python -m docs.generator", description="Makes docs/reference.")
    parser.add_argument("--check", action="store_true", help="write nothing; name the pages that differ")
    check = parser.parse_args().check
    try:
        made = {name: make() for name, make in PAGES.items()}
    except MissingWordsError as error:
        print(f"docs.generator: {error}", file=sys.stderr)
        return 1
    found = [*FOLDER.glob("*.md"), *FOLDER.glob("*/*.md")]
    present = {one.relative_to(FOLDER).as_posix(): one.read_text(encoding="utf-8") for one in found}
    others = [name for name in made if name.startswith("../") and (FOLDER / name).exists()]
    present |= {name: (FOLDER / name).read_text(encoding="utf-8") for name in others}
    different = sorted(name for name in made.keys() | present.keys() if made.get(name) != present.get(name))
    if not check:
        for name in different:
            _write(FOLDER / name, made.get(name))
        return 0
    for name in different:
        print(f"docs/reference/{name} is not as the code makes it. Run `make docs`.", file=sys.stderr)
    return 1 if different else 0


def _write(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
