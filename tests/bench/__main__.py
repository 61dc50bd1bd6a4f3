"""`make bench`: every benchmark, one after the other, or those that are named (`ARGS=planner`)."""

import sys

from tests.bench import (
    conflicts,
    coupling_import,
    first_load,
    nothing_new,
    planner,
    sandbox_creates,
    verify,
)

_ALL = {
    "planner": planner.main,
    "sandbox": sandbox_creates.main,
    "first_load": first_load.main,
    "nothing_new": nothing_new.main,
    "conflicts": conflicts.main,
    "coupling_import": coupling_import.main,
    "verify": verify.main,
}
chosen = sys.argv[1:] or list(_ALL)
sys.argv[1:] = []
for name in chosen:
    _ALL[name]()
