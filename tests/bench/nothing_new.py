"""What a run costs that finds nothing new: `python -m tests.bench nothing_new`.

Prints, of a whole `kobling sync CUSTOMER` over 100,000 couplings, the seconds and CPU seconds (best of some
runs), the peak memory and the requests; and the time of a run in a process that lives on. Engine and database
share one core, the sandbox has the other.
"""

import argparse
from statistics import median

from tests.bench.places import place

_RUNS = 7


def main() -> None:
    """Prints one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with place(rows) as here:
        here.kobling("sync", "SALESPEOPLE", "CURRENCY", "CUSTOMER", "--full")
        # The run right after a first load may read its own echo once.
        here.kobling("sync", "CUSTOMER")
        runs = [here.kobling("sync", "CUSTOMER") for _ in range(_RUNS)]
        for one in runs:
            [job] = one.document["jobs"]
            assert not any(job["counts"][way][word] for way in ("to", "from") for word in job["counts"][way])
        again = here.run("-m", "tests.bench.worker_runs", here.environment["KOBLING_CONFIG"])
    print(f"nothing new over {rows:,} couplings, the whole process:")
    print(f"  seconds      {min(one.seconds for one in runs):8.2f}")
    print(f"  CPU seconds  {min(one.cpu_seconds for one in runs):8.2f}")
    print(f"  peak MB      {max(one.peak for one in runs):8.0f}")
    print(f"  requests     {runs[-1].document['jobs'][0]['requests']}")
    print("in a process that lives on:")
    print(f"  milliseconds {min(again.document) * 1000:8.1f} (middle {median(again.document) * 1000:.1f})")


if __name__ == "__main__":
    main()
