"""The little Markdown that the pages need."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

NOTICE = "<!-- Made by `python -m docs.generator`. Change the code or docs/generator, not this file. -->"


class MissingWordsError(Exception):
    """Something that the code has is not described, or something described is not there."""


def page(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n\n".join([NOTICE, f"# {title}", *(one.strip("\n") for one in parts if one)]) + "\n"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a cell may hold anything but line breaks."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell(one) for one in line) + " |" for line in lines)


def cell(text: str) -> str:
    """The text as it may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """A name or value as it is typed; nothing for nothing."""
    return f"`{text}`" if text else ""


def words_for(known: Collection[str], words: Mapping[str, str], what: str) -> dict[str, str]:
    """The words of everything that is known, in its order. Raises MissingWordsError if the two differ."""
    missing = [one for one in known if one not in words]
    gone = [one for one in words if one not in known]
    if missing or gone:
        raise MissingWordsError(
            f"{what}: without words: {', '.join(missing) or 'none'}; words for what is not there: "
            f"{', '.join(gone) or 'none'}. Correct them in docs/generator."
        )
    return {one: words[one] for one in known}
