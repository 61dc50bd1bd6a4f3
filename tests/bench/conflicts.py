"""Every pair in conflict: `python -m tests.bench conflicts`.

Of 10,000 coupled pairs one field is changed in Business Central, and the run that carries it over is
measured; then it is changed on both sides, and the run that finds it so is. Listing and resolving all
conflicts at once is measured over a tenth of the pairs and over all. Engine and database share one core, the
sandbox has the other.
"""

import argparse

from tests.bench.people import Person
from tests.bench.places import Place, Spent, place


def main() -> None:
    """Prints one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    rows = parser.parse_args().rows
    with place(rows) as here:
        here.kobling("sync", "SALESPEOPLE", "CURRENCY", "CUSTOMER", "--full")
        here.kobling("sync", "CUSTOMER")
        found = here.kobling("coupling", "list", "CUSTOMER").document["couplings"]
        pairs = [(one["bc_id"], one["crm_id"]) for one in found]
        person = Person(here)
        person.edit_customers([left for left, _ in pairs], phoneNo="+47 22 00 00 01")
        changed = _said(here, f"a run of {rows:,} changes", "sync", "CUSTOMER")
        assert changed.document["jobs"][0]["counts"]["to"]["modified"] == rows
        for number, name in ((rows // 10, "2"), (rows, "3")):
            contested = _contested(here, person, pairs[:number], name)
            _lists(here, number)
        print(f"ratio of the runs: CPU {contested.cpu_seconds / changed.cpu_seconds:.2f}, ", end="")
        print(f"time {contested.seconds / changed.seconds:.2f}")


def _contested(here: Place, person: Person, pairs: list[tuple[str, str]], name: str) -> Spent:
    """Both sides of each pair are changed to something else, and a run finds it."""
    person.edit_customers([left for left, _ in pairs], phoneNo=f"+47 22 00 01 0{name}")
    person.edit_accounts([right for _, right in pairs], telephone1=f"+47 22 00 02 0{name}")
    spent = _said(here, f"a run of {len(pairs):,} conflicts", "sync", "CUSTOMER")
    assert spent.document["jobs"][0]["open"]["conflicts"] == len(pairs), spent.document["jobs"][0]["open"]
    return spent


def _lists(here: Place, number: int) -> None:
    listed = _said(here, f"a list of {number:,} conflicts", "conflict", "list")
    assert len(listed.document["conflicts"]) == number
    resolved = _said(here, f"{number:,} conflicts resolved", "conflict", "resolve", "CUSTOMER", "--use", "bc")
    assert resolved.document["resolved"] == number


def _said(here: Place, what: str, *words: str) -> Spent:
    database = here.database_cpu()
    spent = here.kobling(*words)
    database = here.database_cpu() - database
    print(f"{what:32} {spent.seconds:7.2f} s, CPU {spent.cpu_seconds:6.2f} s, ", end="")
    print(f"database {database:5.2f} s, peak {spent.peak:4.0f} MB", flush=True)
    return spent


if __name__ == "__main__":
    main()
