"""Every key of `kobling.toml` with its environment variable."""

from __future__ import annotations

from kobling.adapters.channels.account import SECURITIES
from kobling.adapters.telemetry.log import FORMATS, LEVELS
from kobling.service.configuration import (
    BUSINESS_CENTRAL_URL,
    DATABASE_EXAMPLE,
    DATAVERSE_EXAMPLE,
    ENTRA_TOKEN_URL,
    FILE_NAME,
    OWNER_MODELS,
    SECTIONS,
    WEB_CLIENT_URL,
    AlertsSection,
    MailSection,
    WebSection,
)
from kobling.service.database import EMBEDDED_FOLDER
from kobling.service.secret import COMMAND_SECONDS_MAX
from kobling.service.settings import PATH_VARIABLE, variable_of

from .markdown import MissingWordsError, code, page, table, words_for

_SECTIONS = {
    "bc": "Business Central, and who kobling is there.",
    "crm": "Dataverse, the platform of Dynamics 365 Sales, and who kobling is there.",
    "database": "Where kobling keeps its state.",
    "connection": "One connection joins one Business Central company and one Dataverse environment.",
    "log": "What `worker` and `serve` say on stderr. Logs carry ids, not the data of records.",
    "worker": "What `worker` and `serve` serve beside the connection of this file.",
    "web": "Where `serve` listens.",
    "alerts": "From when on people are told that something is wrong. Every value is a whole number; `0` "
    "means never, and for `digest_minutes` at once.",
    "mail": "Alerts by mail. Without `host` none is sent.",
    "webhook": "Alerts by web hook. Without `url` none is posted.",
    "retention": "What workers delete by themselves, once a day.",
    "trace": "Traces by OpenTelemetry, which the extra `kobling[telemetry]` installs.",
}
_COMMON = {
    "tenant": "The id or the domain of the Microsoft Entra tenant.",
    "client_id": "The application (client) id of the application registered in Microsoft Entra.",
    "token_url": f"Where tokens come from; `{{tenant}}` in it is replaced. Default: `{ENTRA_TOKEN_URL}`.",
    "scope": "What the token is asked for. Default: the address of the service with `/.default` behind it.",
    "secret_expires": "The day on which the secret expires, as `2027-01-31`; `kobling doctor` warns in time.",
    "ca_file": "A PEM file with certificates of a further authority that is trusted for this service.",
    "secret": "The client secret itself. In the file it is taken only if the file has mode 600.",
    "secret_file": "A file with the secret as its one line, mode 600. A relative path starts beside the "
    "configuration.",
    "secret_command": "A program that prints the secret as one line. It runs without a shell, in the "
    "folder of "
    f"the configuration, for at most {COMMAND_SECONDS_MAX:.0f} seconds.",
}


def _secrets(what: str) -> dict[str, str]:
    words = f"The {what}. In the file it is taken only if the file has mode 600."
    return {"secret": words, **{key: _COMMON[key] for key in ("secret_file", "secret_command")}}


_WORDS = {
    "bc": {
        "url": f"Address of the service. Default: `{BUSINESS_CENTRAL_URL}`.",
        **_COMMON,
        "environment": "The name of the environment, for example `production`.",
        "company": "The company's name or id. Empty where the environment has only one.",
        "web_url": "The address at which people open the environment, for the links that commands show. "
        f"Default: below `{WEB_CLIENT_URL}`, where the service itself has its default address.",
    },
    "crm": {"url": f"Address of the environment, for example `{DATAVERSE_EXAMPLE}`.", **_COMMON},
    "database": {
        "url": f"A PostgreSQL URL, for example `{DATABASE_EXAMPLE}`. Not set: an embedded PostgreSQL "
        "keeps its "
        f"data in `{EMBEDDED_FOLDER}/` beside the configuration file."
    },
    "connection": {
        "name": "The name under which the state is kept in the database. Default: `default`.",
        "owner_model": f"Who owns records in Sales: {' or '.join(code(one) for one in OWNER_MODELS)}. "
        "It is read "
        "and checked; the shipped mappings set a person as the owner, whichever it is.",
    },
    "log": {
        "format": f"{' or '.join(code(one) for one in FORMATS)}: lines for people, or JSON a line.",
        "level": f"From which level on: one of {', '.join(code(one) for one in LEVELS)}.",
    },
    "worker": {
        "connections": "The configuration files of further connections, with commas between them; a relative "
        "path starts beside this file. Each has a name of its own and the same database. Of their `[log]`, "
        "`[trace]`, `[worker]` and `[web]` nothing is used.",
    },
    "web": {
        "host": "The address to listen on. Default: `127.0.0.1`, which only this machine reaches.",
        "public_url": "The address under which Business Central and Dataverse reach `serve`, without a path, "
        "for example `https://kobling.example.com`. Not set: nothing is subscribed to.",
        **{key: _COMMON[key] for key in ("secret", "secret_file", "secret_command")},
        "port": f"The port. Default: `{WebSection().port}`. `0` takes a free one, which is told in the log.",
    },
    "alerts": {
        key: f"{words} Default: `{getattr(AlertsSection(), key)}`."
        for key, words in {
            "failed_runs": "So many runs of an entry have failed in a row.",
            "late_minutes": "An entry has been due for so long, and has not begun.",
            "stuck_minutes": "A run has got nowhere for so long.",
            "skipped_records": "So many records of a mapping are skipped.",
            "conflict_records": "So many records of a mapping are in conflict.",
            "held_records": "So many records of a mapping are held.",
            "expires_days": "So many days before a secret or a certificate expires.",
            "digest_minutes": "For how long news are gathered before they are sent together.",
        }.items()
    },
    "mail": {
        "host": "The mail server.",
        "port": f"Its port. Default: `{MailSection().port}`.",
        "security": f"{', '.join(code(one) for one in SECURITIES)}: encrypted after the greeting, from the "
        "beginning, or not at all.",
        "user": "Who signs in. Not set: nobody does.",
        "sender": "The address that it is sent from.",
        "recipients": "The addresses that it is sent to, with commas between them.",
        **_secrets("password of the user"),
    },
    "webhook": {
        "url": "The address that is posted to.",
        **_secrets("secret with which messages are signed"),
    },
    "retention": {
        "job_days": "Jobs that ended so many days ago, with what they wrote. Default: `0`, which is never."
    },
    "trace": {
        "url": "Where spans of runs, jobs and requests are sent by OTLP over HTTP, for example "
        "`http://127.0.0.1:4318/v1/traces`. Not set: nowhere."
    },
}
_HEAD = f"""\
kobling reads one file, `{FILE_NAME}` in the current folder. `--config PATH` names another; so does the
environment variable `{PATH_VARIABLE}`, which `--config` goes before.

Each key can also be an environment variable, which goes before the file. A variable without a value counts
as not set. Every value is text in quotes. An unknown section, key or variable is refused, with the nearest
known one.

`kobling init` writes a file with what is needed. What is missing is complained of when somebody needs it: a
command that only reads the database asks for no secret.

Give one of `secret`, `secret_file` and `secret_command` a service. One in the environment goes before all
of them in the file. A secret is shown in no message."""
_TAIL = """\
## Other variables

| Variable | Meaning |
| --- | --- |
| `KOBLING_CONFIG` | The configuration file. |
| `KOBLING_DEBUG` | `1` prints where an error was raised. Look for personal data before you pass it on. |"""


def configuration_page() -> str:
    """The page."""
    if SECTIONS.keys() != _WORDS.keys():
        here, there = ", ".join(SECTIONS), ", ".join(_WORDS)
        raise MissingWordsError(f"sections: the code has {here}; words for {there}.")
    return page("Configuration", _HEAD, *(_section(one) for one in SECTIONS), _TAIL)


def _section(name: str) -> str:
    words = words_for(SECTIONS[name], _WORDS[name], f"section [{name}]")
    rows = [(code(key), code(variable_of(name, key)), text) for key, text in words.items()]
    return f"## [{name}]\n\n{_SECTIONS[name]}\n\n{table(('Key', 'Variable', 'Meaning'), rows)}"
