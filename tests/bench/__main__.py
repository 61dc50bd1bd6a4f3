"""`make bench`: every benchmark, one after the other."""

from tests.bench.sandbox_creates import main

main()
