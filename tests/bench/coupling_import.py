"""Pairs coupled from a spreadsheet: `python -m tests.bench coupling_import`.

3,000 pairs are loaded, exported as CSV and uncoupled; then the file is previewed and imported, of a tenth of
the rows and of all. Engine and database share one core, the sandbox has the other.
"""

import argparse
import tempfile
from pathlib import Path

from tests.bench.places import Place, Spent, place


def main() -> None:
    """Prints one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3000)
    rows = parser.parse_args().rows
    with place(rows) as here, tempfile.TemporaryDirectory() as folder:
        here.kobling("sync", "SALESPEOPLE", "CURRENCY", "CUSTOMER", "--full")
        here.kobling("sync", "CUSTOMER")
        file = Path(folder) / "pairs.csv"
        here.kobling("coupling", "export", "CUSTOMER", "--file", str(file))
        text = file.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        for number in (rows // 10, rows):
            file.write_text("".join(text[: number + 1]), encoding="utf-8")
            here.kobling("uncouple", "CUSTOMER")
            _said(here, f"a preview of {number:,} rows", number, str(file), "--dry-run")
            _said(here, f"an import of {number:,} rows", number, str(file))


def _said(here: Place, what: str, number: int, *words: str) -> Spent:
    database, sandbox = here.database_cpu(), here.sandbox_cpu()
    spent = here.kobling("coupling", "import", "CUSTOMER", *words)
    database, sandbox = here.database_cpu() - database, here.sandbox_cpu() - sandbox
    assert spent.document["fates"] == [{"fate": "couple", "rows": number}], spent.document["fates"]
    print(f"{what:28} {spent.seconds:7.2f} s, CPU {spent.cpu_seconds:6.2f} s, ", end="")
    print(f"database {database:5.2f} s, sandbox {sandbox:5.2f} s, peak {spent.peak:4.0f} MB", flush=True)
    return spent


if __name__ == "__main__":
    main()
