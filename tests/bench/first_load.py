"""A first load beside a bare script: `python -m tests.bench first_load`.

`kobling sync CUSTOMER --full` over 100,000 customers without accounts, engine and database on one core and
the sandbox on the other; then, on a sandbox as fresh, `bare_load.py`, which reads the same pages and posts
the same bodies in the same batches and keeps no state.
"""

import argparse

from tests.bench.places import Place, Spent, place


def main() -> None:
    """Prints one line a figure, and the ratio of both times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with place(rows) as here:
        here.kobling("sync", "SALESPEOPLE", "CURRENCY", "--full")
        database, sandbox = here.database_cpu(), here.sandbox_cpu()
        load = here.kobling("sync", "CUSTOMER", "--full")
        database, sandbox = here.database_cpu() - database, here.sandbox_cpu() - sandbox
        assert load.document["jobs"][0]["counts"]["to"]["inserted"] == rows
        print(f"first load of {rows:,} customers:")
        _say(load, rows, sandbox)
        print(f"  database CPU s   {database:10.2f}")
    with place(rows) as here:
        here.kobling("sync", "SALESPEOPLE", "CURRENCY", "--full")
        bare, sandbox = _bare(here, rows)
    print("the bare script:")
    _say(bare, rows, sandbox)
    print(f"ratio of the times {load.seconds / bare.seconds:10.2f}")


def _bare(here: Place, rows: int) -> tuple[Spent, float]:
    sandbox = here.sandbox_cpu()
    bare = here.run("-m", "tests.bench.bare_load", here.business_central, here.dataverse)
    sandbox = here.sandbox_cpu() - sandbox
    assert here.control(here.dataverse, "state")["counts"]["account"] == rows
    return bare, sandbox


def _say(spent: Spent, rows: int, sandbox: float) -> None:
    requests = (
        spent.document["jobs"][0]["requests"] if "jobs" in spent.document else spent.document["requests"]
    )
    print(f"  records a second {rows / spent.seconds:10,.0f}")
    print(f"  requests         {requests}")
    print(f"  its CPU s        {spent.cpu_seconds:10.2f}")
    print(f"  sandbox CPU s    {sandbox:10.2f} ({sandbox / rows * 1e6:.0f} us a record)")
    print(f"  peak MB          {spent.peak:10.0f}")


if __name__ == "__main__":
    main()
