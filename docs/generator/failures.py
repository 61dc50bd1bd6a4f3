"""Exit statuses, and the classes that failures have."""

from __future__ import annotations

from collections.abc import Iterator

import kobling.adapters.postgres.embedded  # noqa: F401 - its errors belong to the tree
from kobling.cli.main import _BUG, _INTERRUPTED, _READER_GONE
from kobling.model.errors import KoblingError

from .markdown import code, page, table, words_for

_STATUS = {
    0: "Done. Nothing that the command worked on failed, waits or is in conflict.",
    1: "Done, but a person should look. For `sync`: a record failed, waits, or is in conflict, now or "
    "from before. "
    "Other commands say below when they end so.",
    2: "Nothing was done: the command was written wrongly, or a file, a setting or a mapping is wrong.",
    3: "A service or the database cannot be reached, refuses who we are, or answers something that is "
    "not its "
    "protocol. What was committed before stays; the next run goes on from there.",
    _BUG: "A bug in kobling. Please report it.",
    _INTERRUPTED: "Interrupted with Ctrl-C.",
    _READER_GONE: "Nobody reads the output any more, as in `kobling job list | head -1`.",
}
_ONES = """\
- `sync` ends with 1 when a record of the run failed, waits or is in conflict. It also does when a named
  mapping has an older conflict or a record that waits for a look-up. A field that is left blank meanwhile
  (*clear value on failed sync*), a skipped record and a record outside the filter do not count. A record
  that failed counts in the run that tried it, not in later ones that have no reason to try it again.
- `couple` and `couple-match` end with 1 by the same rule, for the run that `--use` or `--create` starts.
  Records without a match do not count.
- `conflict resolve` ends with 1 when there was nothing to resolve, when a write failed, or when all
  conflicts were asked for and some stay.
- `held accept`, `held ignore` and `skipped retry`, `restore`, `remove-coupling`, `delete` end with 1 when
  there was nothing to do, or when a record still stays, failed, waits or is in conflict afterwards.
- `sync` also ends with 1 when a guard stopped a mapping.
- `plan apply` also ends with 1 when an action was not carried out, as something has changed since.
- `undo` ends with 1 when something of the job is not taken back, `skipped release` when nothing was released
  or the record failed, waits or is in conflict.
- `coupling rebuild` ends with 1 when a marked record of Sales is left without a partner.
- `coupling create` ends with 1 when a counterpart was not created, `coupling import` when a row of the file
  was not coupled.
- `uncouple` ends with 1 when a record that was named is not coupled, or when a write failed.
- `connection test` ends with 2 when the configuration is at fault in any step, else with 3 when a step
  failed.
- `verify` ends with 1 when a field differs without a reason, or a record waits for a look-up that may not be
  left blank.
- The listing commands end with 0, whatever they list.
- `demo --once` ends with 0."""
_PAUSES = "[pauses that grow](../explanation/look-ups-and-waiting.md#failures-are-tried-again)"
_CLASSES = {
    "rejected": "The service refuses the value or the record, or no value can be made of it. It is "
    "tried again when "
    "either record or the mapping changes, and after "
    f"{_PAUSES}. `skipped list` shows it.",
    "transient": "The service could not do it just now. The next run tries it again, later ones after "
    f"{_PAUSES}; nothing is to be done.",
    "dependency missing": "A look-up has no answer yet, for example a salesperson that is not coupled. "
    "The record, or "
    "the field, waits and goes through by itself once the other is there.",
    "guard": "A guard stopped the mapping before anything was written; its inbox is as it was. The message "
    "says which, the cure how to go on.",
    "refused": "`undo` left a field or a record as it is: somebody has touched it since. Change it by hand.",
    "not coupled": "`sync --record` named a record that is not coupled. Couple it, or say `--full` to "
    "create its "
    "counterpart.",
    "not matched": "`couple-match` found no partner for the record, or several, or one that is coupled "
    "already. `job show` lists each with its reason.",
}
_REASONS = {
    "conflict": "Fields were changed on both sides, or a first contact has differences. `conflict list` "
    "shows them.",
    "waiting": "A look-up that may not be left blank has no answer yet.",
    "clearable": "A look-up has no answer yet; blank was written meanwhile.",
    "outside": "One of the two records is outside the filter of the mapping.",
    "deleted": "One record is deleted, and the mapping says that a person decides. `skipped list` shows it.",
    "unproved": "One record cannot be read, and nothing proves that it is deleted: perhaps a right is "
    "missing. "
    "`skipped list` shows it.",
    "failed": "Rejected, see above. `skipped list` shows it.",
    "transient": "Transient, see above.",
    "guard": "The plan that was applied does not hold the action as it is now. The next run tries it.",
    "undone": "The creation made of the record was undone, so none is made again. `skipped list` shows it, "
    "and `skipped release` ends it.",
    "held": "The integration user changed fields of the record in Sales, or made the record. `held list` "
    "shows it.",
}
_ERRORS = {
    "ConfigurationError": "A file, a setting or a mapping is wrong.",
    "PausedError": "All writes of the connection are stopped by `kobling pause`.",
    "UnreachableError": "A service or the database does not answer, or asks for a longer wait than a "
    "run can last.",
    "EmbeddedDatabaseError": "The embedded PostgreSQL cannot be started.",
    "CredentialsError": "A service refuses the credentials.",
    "FeedExpiredError": "A feed's token is too old. A run meets it by reading everything once; you see "
    "it only where "
    "that fails, too.",
    "ProtocolError": "A service answers something that is not its protocol.",
    "RightsError": "A service says that a right is missing.",
}


def exit_status_page() -> str:
    """The page of exit statuses."""
    rows = [(code(str(status)), text) for status, text in sorted(_STATUS.items())]
    return page(
        "Exit status",
        table(("Status", "Meaning"), rows),
        "## Which command ends with 1",
        _ONES,
        "## Errors that end a command",
        "Such an error is one line on stderr: what is wrong, where, and how to mend it.",
        table(("Error", "Status", "When"), _errors()),
    )


def _errors() -> Iterator[tuple[str, str, str]]:
    known = {one.__name__: one for one in _below(KoblingError)}
    for name, text in words_for(known, _ERRORS, "errors").items():
        yield code(name), code(str(known[name].exit_status)), text


def _below(kind: type[KoblingError]) -> Iterator[type[KoblingError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def failures_page() -> str:
    """The page of failure classes."""
    return page(
        "Failures",
        "One record that fails never stops the others. Each failure has a class: `class` in the JSON "
        "documents. It "
        "says who has to act. Each also has a message that names the record and the field, and a cure.",
        table(("Class", "Meaning"), [(code(one), text) for one, text in _CLASSES.items()]),
        "## Why a record stays in the inbox",
        "A record that could not be settled stays in the inbox, with one of these reasons. "
        "[Look-ups and waiting](../explanation/look-ups-and-waiting.md) says which event ends each of them.",
        table(("Reason", "Meaning"), [(code(one), text) for one, text in _REASONS.items()]),
    )
