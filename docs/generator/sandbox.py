"""The sandbox: its command, its data, and its test controls."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from kobling_sandbox.business_central import ENVIRONMENT, TENANT
from kobling_sandbox.cli import _parser
from kobling_sandbox.controls import _CONTROLS
from kobling_sandbox.datasets import COMPANIES_MAX, CUSTOMERS_MAX
from kobling_sandbox.datasets.setup import INTEGRATION_ROLE
from kobling_sandbox.faults import _KEYS as FAULT_KEYS
from kobling_sandbox.faults import ACTIONS
from kobling_sandbox.plugins import _KEYS as PLUGIN_KEYS

from .markdown import code, page, table, words_for

_HEAD = """\
The sandbox answers like Business Central and like Dataverse, on two ports of this machine. Use it to try
kobling and to test. It keeps its rows in memory. It is no copy of Microsoft's services: it was written from
their public documentation, and knows the tables that kobling uses.

It prints one line of JSON with both addresses once both ports answer, and stops on SIGTERM or Ctrl-C."""
_PLACES = f"""\
| | Address |
| --- | --- |
| Business Central, API v2.0 | `/v2.0/{TENANT}/{ENVIRONMENT}/api/v2.0/` |
| Business Central, the extension's API | `/v2.0/{TENANT}/{ENVIRONMENT}/api/kobling/sync/v1.0/` |
| Dataverse | `/api/data/v9.2/` |
| Tokens, on both ports | `/{TENANT}/oauth2/v2.0/token` |

The secret of every client is `sandbox`. The client id `kobling` is the integration user. Any other client
id is a person of that name, with all rights: use one to play a colleague who edits records."""
_DATA = {
    "demo": "A trading company with customers on the one side and accounts on the other, some of them the "
    "same, some not; salespeople and users; currencies; vendors; items and resources with units and "
    "prices; opportunities; in Sales also products, a price list and opportunities without partner. After "
    "`sync --all --full` exactly one customer waits, as its salesperson has no user.",
    "empty": "The set-up, and nothing else.",
    "synthetic:N": f"N customers with different names and numbers, and no accounts. N is at most "
    f"{CUSTOMERS_MAX:,}.",
}
_DATA_TAIL = f"""\
With `--companies N` (at most {COMPANIES_MAX}) the first company holds the named data, and each further one
a few customers. In the demo they also have vendors, items and resources, all under numbers of their own;
the second company keeps its books in Norwegian kroner, the others in euro, Sales' base currency.

In Sales the default team of the root business unit has the role `{INTEGRATION_ROLE}`. A team
without a role owns nothing: `POST teams(id)/teamroles_association/$ref` gives it one."""
_CONTROLS_HEAD = """\
Under `/_sandbox/` of each port, without a token. A body is a JSON object. `reset` and `keep` are for
both services, `transactions` for Business Central; every other control is for the service of its port."""
_WORDS = {
    "POST reset": "Rows, clocks and everything that was set are as at the start. Tokens stay good. "
    '`{"to": NAME}`: rows and variants are as they were kept under that name.',
    "POST keep": '`{"name": NAME}`: the rows and variants of now, for a later `reset`.',
    "POST clock": "`{\"offset_seconds\": N}`: the service's clock is that far from this machine's.",
    "POST faults": '`{"rules": [...]}`: these faults, and no others; see below.',
    "POST plugins": '`{"rules": [...]}`: these server-side rules, and no others; see below.',
    "POST webhooks": '`{"hooks": [{"url", "key"}]}`, on the port of Dataverse: each change of a table is '
    "posted there, with the key as `code`, as a registered service endpoint does. Replaces all hooks.",
    "POST variants": "Answers differ between versions of the services: which way this one answers. "
    "Without a body it tells the names.",
    "POST transactions": '`{"action": "open", "table": T}`: the next change of that Business '
    'Central table stays uncommitted and holds the lowest row version; `{"action": "commit"}` commits.',
    "GET requests": "The requests since the last reset of this count, by method and path; parts of "
    "batches apart.",
    "POST requests/reset": "The count begins anew.",
    "GET state": "Rows by table, the row versions, and the service's time.",
}
_FAULTS = {
    "method": "Only requests of this method.",
    "path": "Only requests whose path, with or without its query, this regular expression finds. A rule "
    "that fits a "
    "part of a batch answers the part; one that fits `$batch` answers the whole.",
    "every": "Every Nth request that fits.",
    "nth": "The Nth request that fits, once.",
    "probability": "That share of the requests that fit, between 0 and 1.",
    "seed": "Which ones, with `probability`: the same seed strikes the same ones.",
    "times": "At most so often.",
    "action": "What happens: see below.",
    "status": "The HTTP status of the actions `status` and `html`. Default: 503.",
    "retry_after": "The header `Retry-After` of the action `status`.",
    "code": "The error code of the action `status`.",
    "seconds": "How long the action `delay` waits.",
}
_ACTIONS = {
    "status": "Answers with that status; nothing is done.",
    "reset_before": "Drops the connection; nothing is done.",
    "reset_after": "Does it, then drops the connection without an answer.",
    "delay": "Waits, then does it.",
    "truncate": "Does it, and cuts the answer.",
    "html": "Answers with a page of HTML.",
    "expire_token": "Answers 401; the token of the request is no good any more.",
}
_PLUGINS = {
    "entity": "The table.",
    "on": "`create` or `update`.",
    "field": "The column that the rule changes.",
    "set": "It becomes this value.",
    "upper": "It becomes upper case.",
    "trim": "Blanks around it go.",
    "cut": "It is cut to so many characters.",
    "refuse": "The write is refused with this text.",
    "as": "`person` or `integration`: the change is a later one of its own, by that user.",
    "after_seconds": "So long after the write, by the service's clock.",
}


def sandbox_page() -> str:
    """The page."""
    controls = words_for([f"{method} {name}" for method, name in _CONTROLS], _WORDS, "controls")
    return page(
        "Sandbox",
        _HEAD,
        "## kobling-sandbox serve",
        table(("Option", "Meaning"), _options()),
        "## Addresses and clients",
        _PLACES,
        "## Data",
        _words("Data set", _DATA),
        _DATA_TAIL,
        "## Test controls",
        _CONTROLS_HEAD,
        _words("Control", controls),
        "### Faults",
        "A rule has an `action` and any of the other keys. The first rule that strikes is the one that "
        "happens.",
        _words("Key", words_for(sorted(FAULT_KEYS), _FAULTS, "keys of faults")),
        _words("Action", words_for(sorted(ACTIONS), _ACTIONS, "actions of faults")),
        "### Server-side rules",
        "A rule has `entity`, `on`, `field` and one of `set`, `upper`, `trim`, `cut` and `refuse`. "
        "Without `as` and "
        "`after_seconds` it works inside the write.",
        _words("Key", words_for(sorted(PLUGIN_KEYS), _PLUGINS, "keys of plug-ins")),
    )


def _words(title: str, words: dict[str, str]) -> str:
    return table((title, "Meaning"), [(code(one), text) for one, text in words.items()])


def _options() -> Iterator[tuple[str, str]]:
    for action in _commands()["serve"]._actions:
        if not isinstance(action, argparse._HelpAction):
            shown = " ".join([*action.option_strings, str(action.metavar or "")])
            yield code(shown.strip()), action.help or ""


def _commands() -> dict[str, argparse.ArgumentParser]:
    [found] = [one for one in _parser()._actions if isinstance(one, argparse._SubParsersAction)]
    return dict(found.choices)
