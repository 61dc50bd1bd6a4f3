"""`make bench`: every benchmark, one after the other, or those that are named (`ARGS=planner`)."""

import sys

from tests.bench import planner, sandbox_creates

_ALL = {"planner": planner.main, "sandbox": sandbox_creates.main}
chosen = sys.argv[1:] or list(_ALL)
sys.argv[1:] = []
for name in chosen:
    _ALL[name]()
