"""What a run costs in a process that lives on: `python -m tests.bench.worker_runs CONFIGURATION`.

Runs CUSTOMER again and again as a worker does, each run with a session of its own, and prints the seconds of
each as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from kobling.service.configuration import read_configuration
from kobling.service.database import database
from kobling.service.session import session_on
from kobling.service.synchronize import Request, synchronize

_RUNS = 30


async def _runs(path: Path) -> list[float]:
    configuration, seconds = read_configuration(path), []
    with database(configuration) as url:
        for _ in range(_RUNS):
            begun = time.perf_counter()
            async with session_on(configuration, url) as session:
                request = Request(mappings=("CUSTOMER",))
                await synchronize(session, request, progress=lambda what, count: None, wait=lambda name: None)
            seconds.append(time.perf_counter() - begun)
    return seconds


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_runs(Path(sys.argv[1])))))
