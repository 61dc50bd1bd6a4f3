"""The text tables of the demo company, and rows with ids that their keys give."""

from importlib import resources

from kobling_sandbox.datasets.model import CompanyRows, Row, identifier, lines


def table(name: str) -> list[list[str]]:
    """The rows of one text table of the demo company, without its comments."""
    text = (resources.files("kobling_sandbox") / "data" / "demo" / f"{name}.txt").read_text("utf-8")
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return list(lines(kept))


def row(company: CompanyRows, table_name: str, key: str, values: Row) -> Row:
    """A row of the company with the id that its key gives."""
    return {"id": identifier(company.id, table_name, key), **values}
