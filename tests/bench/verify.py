"""Every coupled pair read afresh and compared: `python -m tests.bench verify`.

`kobling verify CUSTOMER` over a tenth of the pairs and over all 100,000; its memory is to stay where it is.
Engine and database share one core, the sandbox has the other.
"""

import argparse

from tests.bench.places import place


def main() -> None:
    """Prints one line a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    for number in (rows // 10, rows):
        with place(number) as here:
            here.kobling("sync", "SALESPEOPLE", "CURRENCY", "CUSTOMER", "--full")
            here.kobling("sync", "CUSTOMER")
            spent = here.kobling("verify", "CUSTOMER")
            assert spent.document["checked"] == number
            assert spent.document["differences"] == []
            print(f"{number:,} pairs: {spent.seconds:.1f} s, CPU {spent.cpu_seconds:.1f} s, ", end="")
            print(f"{number / spent.seconds:,.0f} pairs a second, peak {spent.peak:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
