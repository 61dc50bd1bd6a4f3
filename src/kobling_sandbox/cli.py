"""`kobling-sandbox`: serves Business Central and Dataverse on local ports."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; answers its exit status: 0 stopped, 2 a setting that cannot be used."""
    given = _parser().parse_args(arguments)
    # Heavy imports come after the arguments are known to be good.
    import uvloop

    from kobling_sandbox.server import SettingError, Settings

    settings = Settings(
        business_central_port=given.bc_port,
        dataverse_port=given.crm_port,
        dataset=given.dataset,
        companies=given.companies,
        tls=given.tls,
        state=given.state,
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except SettingError as error:
        print(f"kobling-sandbox: {error}", file=sys.stderr)
        return 2
    return 0


async def _serve(settings: Any) -> None:
    from kobling_sandbox.server import serve, stop_on_signals

    stop = asyncio.Event()
    stop_on_signals(stop)
    await serve(settings, lambda addresses: print(json.dumps(addresses), flush=True), stop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kobling-sandbox",
        description="A wire-compatible Business Central and Dataverse on local ports, to try and test.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "serve",
        help="serve both, print one line of JSON with the addresses, stop on SIGTERM",
        description="Prints one line of JSON with both base URLs once both ports answer.",
    )
    command.add_argument("--bc-port", type=int, default=0, metavar="N", help="0 takes a free port (default)")
    command.add_argument("--crm-port", type=int, default=0, metavar="N", help="0 takes a free port (default)")
    command.add_argument("--dataset", default="demo", metavar="NAME", help="demo, empty or synthetic:N")
    command.add_argument("--companies", type=int, default=1, metavar="N", help="companies in BC (default 1)")
    command.add_argument("--tls", action="store_true", help="https with a certificate made at the start")
    command.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="rows are read from FILE if it exists and saved at the end",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
