"""`doctor`: everything that can be wrong with an installation, each with its cure. Nothing is written."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Final

from kobling.model.errors import KoblingError
from kobling.service.checks import Check, check_connection
from kobling.service.configuration import Configuration
from kobling.service.connection_setup import Requirement, examine_currency
from kobling.service.database import database, explained
from kobling.service.doctor_state import examine_state, expiry_finding
from kobling.service.doctor_users import examine_users
from kobling.service.expiries import configured
from kobling.service.finding import Finding, Level, hint, problem
from kobling.service.session import session_on

_SIGN_IN: Final = "crm sign-in"
_NEEDED_FOR_CURRENCY: Final = frozenset({_SIGN_IN, "bc sign-in", "bc company", "bc extension"})


async def examine(configuration: Configuration, today: date) -> list[Finding]:
    """Every finding: the connection test's first, then secrets, users, and the database."""
    checked = await check_connection(configuration)
    found = [_finding(one, checked.exit_status) for one in checked.checks]
    broken = {one.name for one in found if one.level is Level.PROBLEM}
    found += _expiries(configuration, today)
    if _SIGN_IN not in broken:
        found += await examine_users(configuration)
    if not broken & _NEEDED_FOR_CURRENCY:
        found.append(_currency(await examine_currency(configuration)))
    if "database" not in broken:
        found += await _state(configuration)
    return found


def exit_status_of(found: list[Finding]) -> int:
    """0 without a problem; else 2 for a wrong configuration, 3 for what is out of reach, 1 for what waits."""
    statuses = {one.exit_status for one in found if one.level is Level.PROBLEM}
    return next((status for status in (2, 3, 1) if status in statuses), 0)


def _finding(check: Check, exit_status: int) -> Finding:
    if check.ok and check.cure:
        return hint(check.name, check.message, check.cure)
    if check.ok:
        return Finding(name=check.name, message=check.message)
    return problem(check.name, check.message, check.cure, exit_status)


def _currency(one: Requirement) -> Finding:
    if one.met:
        return Finding(name=one.name, message=one.message)
    return problem(one.name, one.message, one.cure, 2)


def _expiries(configuration: Configuration, today: date) -> list[Finding]:
    """Secrets and certificates; of a secret without a day that is told, too."""
    now = datetime.combine(today, time(), UTC)
    known = configured(configuration)
    found = [expiry_finding(one, now, configuration.alerts.expires_days) for one in known]
    for section in ("bc", "crm"):
        name = f"{section} secret"
        if all(one.subject != name for one in known):
            message = f"when it expires is not known; [{section}] secret_expires says it"
            found.append(Finding(name=name, message=message))
    return found


async def _state(configuration: Configuration) -> list[Finding]:
    try:
        with explained(), database(configuration) as url:
            async with session_on(configuration, url) as session:
                return await examine_state(session, url)
    except KoblingError as error:
        return [problem("state", error.message, error.cure, error.exit_status)]
