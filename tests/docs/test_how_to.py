"""Aim: who follows a how-to sees what it shows.

Method: its console blocks, in order, in a real bash, against a served sandbox; before them, what the reader
of such a page has done already.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from docs.console_blocks import LEFT_OUT, Shell, differences, steps
from docs.test_reference import commands
from sandboxes import Sandbox

FOLDER = Path(__file__).parents[2] / "docs" / "how-to"

PEOPLE = """
token() { curl -s "http://127.0.0.1:$1/sandbox/oauth2/v2.0/token" -d grant_type=client_credentials \
 -d client_id=${CLIENT:-Anna} -d client_secret=sandbox -d "scope=http://127.0.0.1:$1/.default" \
 | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/'; }
edit() { curl -sf -o /dev/null -X PATCH "http://127.0.0.1:$1/$2" -H "Authorization: Bearer $(token $1)" \
 -H 'If-Match: *' -H 'Content-Type: application/json' -d "$3" || echo "the edit of $2 failed"; }
COMPANY="companies(a7acfd3a-9e1c-5453-aba8-4a0e2d164b72)"
customer() { edit $BC "v2.0/sandbox/production/api/kobling/sync/v1.0/$COMPANY/customers($1)" "$2"; }
account() { edit $CRM "api/data/v9.2/accounts($1)" "$2"; }
"""
BEGUN = "kobling init --sandbox --bc-port $BC --crm-port $CRM"
COUPLED = f"""{BEGUN}
kobling couple-match SALESPEOPLE --use bc
kobling couple-match CURRENCY --use bc
kobling couple-match CUSTOMER --on No.=accountnumber --use bc
kobling sync --all --full
kobling sync --all
"""
CONFLICTS = f"""{COUPLED}
customer 51639ca5-9fbf-5184-9be1-a54c522ecafe '{{"name": "Named in BC"}}'
account 32074cb5-645f-5981-9684-fa77f75df381 '{{"name": "Named in Sales"}}'
customer 017d0cfb-8d42-5612-a969-642fc2b30046 '{{"name": "Nordlys Møbler Drift AS"}}'
account fc66d157-8621-5d36-abd1-e79b1d3fb901 '{{"name": "Nordlys Interiør AS"}}'
customer 1000cde9-3516-5aac-9304-40e61f40f5fe '{{"phoneNo": "+45 86 00 00 01"}}'
account 2e1c00e7-a6ce-549c-9f35-676af721d55e '{{"telephone1": "+45 86 00 00 02"}}'
kobling sync CUSTOMER
"""
DECISIONS = f"""{COUPLED}
CLIENT=kobling account fc66d157-8621-5d36-abd1-e79b1d3fb901 '{{"fax": "+47 70 00 00 01"}}'
curl -sf -o /dev/null -X DELETE -H "Authorization: Bearer $(token $CRM)" -H 'If-Match: *' \
 "http://127.0.0.1:$CRM/api/data/v9.2/accounts(32074cb5-645f-5981-9684-fa77f75df381)"
"""
BROKEN = f"""{COUPLED}
gone() {{ curl -sf -o /dev/null -X DELETE -H "Authorization: Bearer $(token $1)" -H 'If-Match: *' \
 "http://127.0.0.1:$1/$2" || echo "the deletion of $2 failed"; }}
gone $CRM "api/data/v9.2/accounts(fc66d157-8621-5d36-abd1-e79b1d3fb901)"
API=v2.0/sandbox/production/api/kobling/sync/v1.0
gone $BC "$API/$COMPANY/customers(1000cde9-3516-5aac-9304-40e61f40f5fe)"
"""
UNDO = f"""{COUPLED}
customer 51639ca5-9fbf-5184-9be1-a54c522ecafe '{{"address": "Torget 32"}}'
customer 017d0cfb-8d42-5612-a969-642fc2b30046 '{{"address": "Torget 32"}}'
curl -sf -o /dev/null -H "Authorization: Bearer $(token $BC)" -H 'Content-Type: application/json' \
 "http://127.0.0.1:$BC/v2.0/sandbox/production/api/kobling/sync/v1.0/$COMPANY/customers" \
 -d '{{"no": "C00777", "name": "Ny Kunde AS"}}' || echo "the creation failed"
"""
PLAN = f"""{COUPLED}
customer 51639ca5-9fbf-5184-9be1-a54c522ecafe '{{"city": "Oslo"}}'
customer 017d0cfb-8d42-5612-a969-642fc2b30046 '{{"city": "Oslo"}}'
"""
GUARDS = f"""{COUPLED}
for one in $(kobling coupling list CUSTOMER | awk 'NR > 1 && $1 ~ /^C000[1-5]0/ {{print $(NF - 1)}}'); do
  customer $one '{{"address": "Torget 32"}}'
done
"""
PREPARATIONS = {
    "guard-against-mass-changes.md": GUARDS,
    "save-and-apply-a-plan.md": PLAN,
    "start-with-a-full-synchronization.md": BEGUN,
    "check-an-installation.md": COUPLED,
    "undo-a-job.md": UNDO,
    "run-on-a-schedule.md": BEGUN,
    "mend-couplings.md": BROKEN,
    "back-up-and-restore.md": COUPLED,
    "be-told-when-something-is-wrong.md": BEGUN,
    "exchange-documents.md": COUPLED,
    "decide-what-waits-for-you.md": DECISIONS,
    "couple-records-on-both-sides.md": BEGUN,
    "resolve-conflicts.md": CONFLICTS,
    "find-out-why-a-record-waits.md": COUPLED,
    "change-fields.md": COUPLED,
    "change-filters-and-directions.md": COUPLED,
    "keep-options-in-step.md": BEGUN,
    "add-a-mapping.md": BEGUN,
    "move-mappings.md": BEGUN,
    "use-templates.md": BEGUN,
    "watch-and-pause.md": COUPLED,
}
# Their commands need what a test does not have: Microsoft's services, a server elsewhere, a scheduler.
NOT_RUN = {
    "connect-to-real-services.md",
    "use-your-own-postgresql.md",
    "run-from-cron.md",
    "serve-several-companies.md",
}


def test_every_how_to_is_run_or_has_no_console_block() -> None:
    assert {one.name for one in FOLDER.glob("*.md")} == PREPARATIONS.keys() | NOT_RUN
    for name in NOT_RUN:
        assert list(steps((FOLDER / name).read_text(encoding="utf-8"))) == []


# They go on until somebody ends them.
NOT_SHOWN = {"kobling serve", "kobling worker"}


def said_by(pages: Iterable[str]) -> set[str]:
    """The commands of these pages that are shown with some of what they say."""
    shown = [step for page in pages for step in steps(page) if set(step.output) - {LEFT_OUT, ""}]
    # The tutorial starts the demo by its make target.
    texts = [step.command.replace("make demo", "kobling demo") for step in shown]
    return {name for name, _ in commands() for text in texts if re.search(rf"\b{name}(?![\w-])", text)}


def test_every_command_is_shown_with_what_it_says() -> None:
    pages = [FOLDER.parent / "tutorial.md", *(FOLDER / name for name in PREPARATIONS)]
    said = said_by(page.read_text(encoding="utf-8") for page in pages)
    assert {name for name, _ in commands()} - said == NOT_SHOWN
    assert said_by(["```console\n$ kobling sync\n...\n$ kobling why CUSTOMER 1\nIt is.\n```\n"]) == {
        "kobling why"
    }


@pytest.mark.parametrize("name", PREPARATIONS)
def test_a_how_to_works_as_typed(name: str, sandbox: Sandbox, database_url: str, tmp_path: Path) -> None:
    place = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {
        **{"PATH": place, "HOME": str(tmp_path), "LANG": "C.UTF-8", "KOBLING_DATABASE_URL": database_url},
        "BC": str(urlsplit(sandbox.business_central).port),
        "CRM": str(urlsplit(sandbox.dataverse).port),
    }
    found: list[str] = []
    with Shell(tmp_path, environment) as shell:
        prepared = shell.type(f"{PEOPLE}\n{PREPARATIONS[name]}")
        assert not any("failed" in line for line in prepared)
        for step in steps((FOLDER / name).read_text(encoding="utf-8")):
            found += [
                f"$ {step.command}: {one}" for one in differences(step.output, shell.type(step.command))
            ]
    assert found == [], "\n".join(found)
