"""What the rules of single tables share: a value after the write, whether it changes, and search names."""

from kobling_sandbox.rows import Row


def value_of(old: Row | None, values: Row, key: str) -> str:
    """A text as it will be after the write, blank if neither the row nor the write has it."""
    return str(values[key] if key in values else (old or {}).get(key, ""))


def changes(old: Row | None, values: Row, key: str) -> bool:
    """Whether the write gives this text a new value."""
    return key in values and values[key] != (old or {}).get(key, "")


def fill_search_name(old: Row | None, values: Row, source: str, key: str) -> None:
    """The search name follows the name until somebody gives it a value of its own."""
    follows = old is None or old.get(key, "") in ("", _upper(str(old.get(source, ""))))
    if source in values and follows:
        values.setdefault(key, _upper(str(values[source])))


def _upper(text: str) -> str:
    # Capitals can be longer than the letters that they stand for.
    return text.strip(" ").upper()[:100]
