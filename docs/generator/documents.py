"""The JSON documents of the commands. A test holds them against what the commands print."""

from __future__ import annotations

from kobling.model.mapping import Direction
from kobling.model.pair import Kind
from kobling.model.schedule import Status
from kobling.service.documents import COUNTS

from . import administration_documents as administration
from . import coupling_documents as couplings
from . import operation_documents as operations
from .markdown import code, page, table, words_for

# By key: (what it holds, what it means).
Keys = dict[str, tuple[str, str]]

_HEAD = """\
With `--json` a command prints one document on stdout and nothing else. Keys may be added in later versions;
what is here keeps its name and meaning. An error that ends the command is a line on stderr, and stdout is
empty.

An id of a record is a lower-case GUID without braces. `bc_id` is the *SystemId* in Business Central,
`crm_id` the id in Dataverse. Decimals are numbers with all their digits: read them as decimals, not as
binary floats. Times are UTC.

In the tables, *optional* means that the key may be absent."""

_BOTH = "The one-sided ids are null where that record does not exist yet."
_JOBS: Keys = {"jobs": ("list of [job](#job)", "The jobs that ran.")}
_JOB: Keys = {
    "job": ("text", "Its number; of a dry run a number that no job has."),
    "mapping": ("text", "The mapping."),
    "kind": ("text", "`changes`, `full`, `every record`, `uncouple`, or `undo` with the number of the job."),
    "status": (
        "text",
        "`running`, `finished`, `paused`, `stopped` by a guard, `failed` by an error that ended it, `died` "
        "if it was killed.",
    ),
    "counts": ("[counts](#counts)", "What it did, by direction."),
    "errors": ("list of [error](#error)", "What could not be settled."),
    "warnings": ("list of [error](#error)", "Texts that were cut, with the class `cut`; at most 1,000."),
    "open": ("[open](#open)", "What stays in the mapping's inbox after it, whichever run left it."),
    "requests": (
        "[requests](#requests)",
        "HTTP requests, repeated ones too; a batch counts once, tokens do not.",
    ),
    "seconds": ("number", "How long it took."),
    "started": ("text, optional", "When it began. `job list` and `job show` say it."),
    "observed": ("true or false, optional", "The mapping is only observed: it is what it would have done."),
}
_SUMMARY: Keys = {
    "enabled": ("true or false", "Whether it takes part in runs, if it is ready."),
    "observe": ("true or false", "Whether runs only show what they would write."),
    "ready": ("true or false", "Whether this version carries it out; else it is only defined."),
    "switches": ("object", "The settings of the connection with which it is there."),
    "bc_table": ("text", "The table of Business Central."),
    "crm_entity": ("text", "The table of Dataverse."),
    "crm_key": ("text", "The column of Dataverse that tells its records apart."),
    "key_type": ("text", "`guid`, or `option` of a mapping of the values of that column."),
    "direction": ("text", f"One of {', '.join(code(one) for one in Direction)}."),
    "synch_only_coupled": ("true or false", "Whether uncoupled records are ignored."),
    "update_conflict": ("text", "See [Mappings](mappings.md#what-can-be-changed)."),
    "deletion_conflict": ("text", "See [Mappings](mappings.md#what-can-be-changed)."),
    "guard_deletions": ("text", "See [Mappings](mappings.md#what-can-be-changed)."),
    "guard_changes": ("text", "See [Mappings](mappings.md#what-can-be-changed)."),
    "guard_empty": ("true or false", "See [Mappings](mappings.md#what-can-be-changed)."),
    "guard_schema": ("true or false", "See [Mappings](mappings.md#what-can-be-changed)."),
    "guard_mapping": ("true or false", "See [Mappings](mappings.md#what-can-be-changed)."),
    "bc_filter": ("text", "The filter in Business Central."),
    "crm_filter": ("text", "The filter in Sales."),
    "bc_conditions": ("list of text", "The conditions of that filter in words."),
    "crm_conditions": ("list of text", "The conditions of that filter in words."),
    "depends_on": ("list of text", "The mappings that its look-ups need."),
}
_SHOWN: Keys = {
    "name": ("text", "The mapping."),
    "variants": ("list of [variant](#variant)", "The variant that is there; with `--every-variant` all."),
    "set_aside": ("list of [set aside](#set-aside), optional", "Stored changes that do not fit any more."),
}
_FIELD_CHANGED: Keys = {
    **_SHOWN,
    "field": ("text", "The name of the row."),
    "changed": ("list of text", "The keys that were given."),
    "couplings": ("number", "How many coupled pairs the mapping has."),
}
_CONNECTION: Keys = {
    "base_currency": ("text or null", "Of Sales; null before the first use, and while paused."),
    "business_unit": ("text or null", "That of the integration user in Sales; null before the first use."),
    "connection": ("text", "The connection."),
    "paused": ("text or null", "Since when all writes are stopped, and why."),
    "settings": ("list of [setting](#setting)", "Every setting."),
}
_IDS: Keys = {
    "bc_id": ("text or null", "The record in Business Central."),
    "crm_id": ("text or null", "The record in Sales."),
}
_COUNTS = {
    "inserted": "Records that were created.",
    "modified": "Records that were changed.",
    "deleted": "Records that were deleted.",
    "unchanged": "Records that were looked at, and nothing was to be written.",
    "skipped": "Records that a person must decide about: one of the pair is deleted or cannot be read, or "
    "the integration user changed it.",
    "failed": "Records that could not be written, or not with every field.",
    "conflicts": "Records with a field that was changed on both sides.",
    "waiting": "Records that wait for a look-up.",
    "outside": "Coupled records of which one is outside the filter.",
    "coupled": "Couplings that a finder made. Such a record counts in another counter, too.",
    "uncoupled": "Couplings that were removed.",
}

_SPOKEN: Keys = {
    "records": ("number", "How many records were meant."),
    "done": ("number", "Those that no longer wait for a person's word."),
    **_JOBS,
}

COMMANDS: dict[str, Keys] = {
    "init": {
        "written": ("list of text", "The files."),
        "next": ("text", "The command to run next."),
    },
    "connection test": {
        "ok": ("true or false", "Whether every step passed."),
        "checks": ("list of [check](#check)", "The steps, in order."),
    },
    "connection show": _CONNECTION,
    "connection clean": {
        "connection": ("text", "Its name."),
        "removed": (
            "object",
            "How many `couplings`, `inbox` rows, `jobs`, `settings` and schedule `entries`.",
        ),
    },
    "connection set": {
        **_CONNECTION,
        "changed": ("list of text", "The settings that were given."),
        "entails": ("list of [entailed](#entailed)", "What that means for mappings that it changes."),
    },
    "mapping list": {
        "mappings": ("list of [mapping](#mapping)", "Every mapping."),
        "beside": (
            "list of [mapping](#mapping)",
            "Those that are none of the default mappings, but do what is done beside them.",
        ),
        "paused": ("text or null, optional", "Since when all writes are stopped, and why."),
    },
    "mapping show": _SHOWN,
    "mapping set": {
        **_SHOWN,
        "changed": ("list of text", "The keys that were given."),
        "widened": ("true or false", "Whether records that were read past until now may be meant, too."),
    },
    "field new": _FIELD_CHANGED,
    "field set": _FIELD_CHANGED,
    "sync": {
        **_JOBS,
        "actions": (
            "list of [action](#action), optional",
            "Of a dry run, and of mappings that are observed: what the run would do.",
        ),
    },
    "document create-order": _JOBS,
    "document create-invoice": _JOBS,
    "couple": {
        "mapping": ("text", "The mapping."),
        **_IDS,
        "outside": ("text or null", "Why nothing flows yet: a record is outside the filter."),
        "fields": ("list of [both](#both)", "Of a dry run: what both records hold, field by field."),
        **_JOBS,
    },
    "couple-match": {
        "mapping": ("text", "The mapping."),
        "matched": ("list of [match](#match)", "What was coupled; of a dry run, what would be."),
        "ambiguous": ("list of [ambiguous](#ambiguous)", "Records that share their values with others."),
        "unmatched": ("list of [unmatched](#unmatched)", "Records of Business Central without a partner."),
        "skipped": ("list of [bystander](#bystander)", "Selected records that took no part."),
        "reasons": ("list of [missed](#missed)", "Why records were not coupled; the most frequent first."),
        **_JOBS,
    },
    "uncouple": {
        "mapping": ("text", "The mapping."),
        "uncoupled": ("number", "How many of its couplings were removed; of a dry run, would be."),
        "pairs": ("list of [parted](#parted)", "Of a dry run: every pair, also what belongs to another."),
        **_JOBS,
    },
    "coupling create": {
        "mapping": ("text", "The mapping."),
        "created": ("list of [pair](#pair)", "The new pairs."),
        "skipped": ("list of [bypassed](#bypassed)", "Records whose counterpart was not created."),
        **_JOBS,
    },
    "coupling list": {"couplings": ("list of [coupling](#coupling)", "Every coupling of the mapping.")},
    "coupling export": {"couplings": ("list of [coupling](#coupling)", "Every coupling of the mapping.")},
    "coupling import": {
        "mapping": ("text", "The mapping."),
        "rows": ("list of [row](#row)", "Every row of the file that is not blank, with its fate."),
        "fates": ("list of [fate](#fate)", "How many rows have each fate; the most frequent first."),
        **_JOBS,
    },
    "coupling rebuild": {
        "mapping": ("text", "The mapping."),
        "coupled": ("list of [found](#found)", "What was coupled again; of a dry run, what would be."),
        "left_over": (
            "list of text",
            "Records of Sales with this company's mark and without a partner.",
        ),
        **_JOBS,
    },
    "coupling repair": {
        "mapping": ("text", "The mapping."),
        "checked": ("number", "How many couplings it has."),
        "broken": ("list of [broken](#broken)", "The broken ones."),
        "beside": ("list of [beside](#beside)", "Records without a coupling that look like doubles."),
    },
    "coupling find-deleted": {
        "mapping": ("text", "The mapping."),
        "checked": ("number", "How many couplings it has."),
        "missing": (
            "object",
            "The ids that a service no longer has, as lists under `bc` and `crm`. The next run proves each.",
        ),
    },
    "conflict list": {
        "conflicts": ("list of [conflict](#conflict)", "Every conflict of every enabled mapping.")
    },
    "conflict resolve": {"resolved": ("number", "How many pairs were resolved."), **_JOBS},
    "skipped list": {"skipped": ("list of [skipped](#skipped)", "Records that a person must look at.")},
    **{f"skipped {one}": _SPOKEN for one in ("retry", "restore", "remove-coupling", "delete", "release")},
    "held list": {"held": ("list of [held](#held)", "What the integration user changed in Sales.")},
    "held accept": _SPOKEN,
    "held ignore": _SPOKEN,
    **{
        f"schedule {one}": {"entries": ("list of [entry](#entry)", "The job queue entries.")}
        for one in ("list", "set", "hold", "ready", "run")
    },
    "job list": {"jobs": ("list of [job](#job)", "The newest first.")},
    "job show": _JOB,
    "job purge": {
        "purged": ("number", "How many jobs were deleted."),
        "kept": ("number", "How many are as old and stay: the last one of a skipped record, for example."),
    },
    "why": {
        "mapping": ("text", "The mapping."),
        **_IDS,
        "coupled": ("true or false", "Whether the record is coupled."),
        "action": (
            "text or null",
            "What the next run would do, as the `action` of a dry run; null where it reads the record past.",
        ),
        **couplings.LINKS,
        "sentences": ("list of text", "What holds, what would be done and why, what was written last."),
    },
    "plan save": {
        "file": ("text", "The file."),
        "actions": ("list of [action](#action)", "What the plan holds."),
        **_JOBS,
    },
    "plan apply": {
        "file": ("text", "The file."),
        "actions": ("list of [action](#action)", "What was carried out."),
        "refused": ("list of [withheld](#withheld)", "What was not, and why."),
        **_JOBS,
    },
    "undo": {
        "undone": ("text", "The number of the job."),
        "mapping": ("text", "Its mapping."),
        "actions": ("list of [action](#action)", "What was taken back; of a dry run, what would be."),
        "refused": ("list of [refused](#refused)", "What stays as it is, and why."),
        "left_out": ("list of [left out](#left-out)", "Records of which nothing is created any more."),
        **_JOBS,
    },
    "history": {
        "mapping": ("text", "The mapping."),
        "changes": ("list of [change](#change)", "Every field that was written, the oldest first."),
    },
    "verify": {
        "checked": ("number", "Coupled pairs, and records that wait for being coupled."),
        "in_step": ("number", "Each side holds what the other side's value makes."),
        "normalised": (
            "number",
            "Differ only as a service holds them: cut, upper-cased, rounded, or blank for now.",
        ),
        "accepted": ("number", "Differ, and nothing is to be done: one-way fields, what is held or outside."),
        "waiting": ("number", "Wait for a look-up that may not be left blank."),
        "different": ("number", "Pairs of which `differences` tells."),
        "differences": ("list of [difference](#difference)", "Every field that differs without a reason."),
        "reasons": ("list of [explained](#explained)", "Why the others differ; the most frequent first."),
    },
}
SHAPES: dict[str, Keys] = {
    "entry": {
        "name": ("text", "What people call it."),
        "mapping": ("text", "The mapping that it runs."),
        "status": ("text", f"One of {', '.join(code(one) for one in Status)}."),
        "next_start": ("text or null", "When it starts; null where only a change or a person sets it going."),
        "recurring": ("true or false", "Whether it runs again and again; else it was asked for once."),
        "every_minutes": ("number", "How often it runs."),
        "inactivity_minutes": (
            "number or null",
            "How long it is on hold after a run that found nothing: 0 until a change, null not at all.",
        ),
        "attempts": ("number", "How many runs in a row have failed."),
        "attempts_max": ("number", "How many may fail."),
        "delay_seconds": ("number", "How long after the first failure it is tried again."),
        "category": ("text", "Entries of one category run one after the other."),
        "days": ("list of text", "The days of the week on which it runs."),
        "hours": ("text", "The part of the day in which it runs."),
        "time_zone": ("text", "Whose clock both go by."),
        "quiet_minutes": (
            "number or null",
            "For how long its runs may do nothing before that is an alert; null for ever.",
        ),
        "message": ("text", "Why the last run failed; else empty."),
    },
    "job": _JOB,
    "change": {
        "at": ("text", "When."),
        "job": ("text", "The job that wrote it."),
        "kind": ("text", "The kind of that job."),
        **_IDS,
        "system": ("text", "Where: `bc` or `crm`."),
        "method": ("text", "`create`, `update` or `delete`."),
        "field": ("text", "The caption of the field; empty where the record as a whole was written."),
        "column": ("text", "Its name on the wire."),
        "before": ("any", "What it held before; null in a creation."),
        "after": ("any", "What it held after it."),
        "reason": ("text", "Why."),
    },
    "planned": {
        "system": ("text", "The system that gets the value: `bc` or `crm`."),
        "field": ("text", "The field's caption there."),
        "column": ("text", "The field's name there."),
        "before": ("any", "What it holds."),
        "after": ("any", "What it would hold."),
        "reason": ("text", "What changed, or what else makes the run write it."),
    },
    "refused": {
        "record": ("text", "The mapping and the id."),
        **_IDS,
        "field": ("text or null", "The field; null for the pair as a whole."),
        "reason": ("text", "Why it is not taken back."),
    },
    "withheld": {
        "mapping": ("text", "The mapping."),
        "record": ("text", "What people know the record by."),
        **_IDS,
        "reason": ("text", "What has changed since the plan was saved."),
    },
    "left out": {
        "record": ("text", "The mapping and the id."),
        **_IDS,
        "cure": ("text", "The command that lets it take part again."),
    },
    "unsettled": {
        "field": ("text", "The field; empty for the record as a whole."),
        "reason": ("text", "Why it cannot be settled now."),
    },
    "difference": {
        "mapping": ("text", "The mapping."),
        **_IDS,
        "number": ("text or null", "The number of the record in Business Central."),
        "field": ("text or null", "The field; null for the pair as a whole."),
        "bc": ("any", "What Business Central holds now."),
        "crm": ("any", "What Sales holds now."),
        "base": ("object", "By system, what was held when the field was last settled."),
        "reason": ("text", "Why it differs."),
        "cure": ("text", "The command that mends it, or says more."),
    },
    "explained": {
        "mapping": ("text", "The mapping."),
        "kind": ("text", "`normalised`, `accepted` or `waiting`."),
        "field": ("text or null", "The field; null for the pair as a whole."),
        "reason": ("text", "Why it differs."),
        "records": ("number", "How many records."),
    },
    "counts": {
        "to": ("[direction](#direction)", "Into Sales (*To integration table*)."),
        "from": ("[direction](#direction)", "Into Business Central (*From integration table*)."),
    },
    "direction": {key: ("number", words) for key, words in words_for(COUNTS, _COUNTS, "counts").items()},
    "error": {
        "mapping": ("text", "The mapping."),
        **_IDS,
        "class": ("text", "See [Failures](failures.md)."),
        "field": ("text or null", "The field; null where the whole record is meant."),
        "message": ("text", "Which record, which field, and what is wrong."),
        "cure": ("text", "What to do."),
    },
    "open": {
        "conflicts": ("number", "Pairs that wait for a person to resolve a conflict."),
        "waiting": ("number", "Records that wait for a look-up."),
        "clearable": ("number", "Records with a field that is blank until its look-up has an answer."),
        "skipped": ("number", "Records of which one is deleted or cannot be read."),
        "held": ("number", "Records that the integration user changed or made in Sales."),
        "failed": ("number, optional", "Records that failed. `job list` and `job show` say it."),
        "outside": ("number, optional", "Pairs outside the filter. `job list` and `job show` say it."),
    },
    "requests": {
        "bc": ("number", "To Business Central."),
        "crm": ("number", "To Dataverse."),
    },
    "action": {
        "mapping": ("text", "The mapping."),
        **_IDS,
        "action": ("text", f"One of {', '.join(code(one) for one in Kind)}."),
        "record": ("text", "What people know the record by."),
        "fields": ("object", "`bc` and `crm`, each with [value before, value after] by column."),
        "changes": ("list of [planned](#planned)", "The same, a field an entry, each with its reason."),
        "contested": ("list of text", "Fields that would be in conflict."),
        "held": ("list of text", "Fields that would be held, as the integration user changed them."),
        "open": ("list of [unsettled](#unsettled)", "Fields that would wait or be refused."),
        "reason": ("text", "Why."),
    },
    "check": {
        "name": ("text", "The step."),
        "ok": ("true or false", "Whether it passed."),
        "message": ("text", "What was found, or what is wrong."),
        "cure": ("text", "What to do; empty where nothing is wrong."),
    },
    "setting": {
        "name": ("text", "The setting."),
        "value": ("text", "What it is."),
        "default": ("text", "What it is as shipped."),
        "values": ("list of text", "What it can be."),
        "meaning": ("text", "What `on` means, or what the setting is for."),
    },
    "entailed": {
        "mapping": ("text", "The mapping."),
        "change": ("text", "`comes`, `leaves` or `stays`."),
        "rows_come": ("list of text", "The field rows that are there from now on."),
        "rows_leave": ("list of text", "The field rows that were there until now."),
        "couplings": ("number", "How many coupled pairs it has."),
        "inside": ("number", "Coupled pairs that rest for a condition that is turned off."),
        "outside": ("number", "Coupled pairs whose values do not meet a condition that is turned on."),
    },
    "mapping": {"name": ("text", "The mapping."), **_SUMMARY},
    "variant": {**_SUMMARY, "fields": ("list of [field](#field)", "Every field row, disabled ones too.")},
    "field": {
        "bc_field": ("text or null", "The caption in Business Central."),
        "crm_field": ("text or null", "The name in Dataverse."),
        "direction": ("text", "The row's own; the mapping's may narrow it."),
        "constant": ("text", "The value that is always written."),
        "transformation": ("text", "Its rules; see [Transformations](transformations.md)."),
        "enabled": ("true or false", "Whether it takes part."),
        "clear_on_failed": ("true or false", "Blank is written while its look-up has no answer."),
        "not_null": ("true or false", "A blank value is not written."),
        "match": ("true or false", "Used by `couple-match` without `--on`."),
        "match_priority": ("number", "When it is compared; fields of one priority must all be equal."),
        "match_case": ("true or false", "Upper and lower case are told apart there."),
        "conflict": ("text or null", "Its own update conflict policy; null for the mapping's."),
        "group": ("text", "The name of rows that belong together."),
        "rule": ("text, optional", "The [rule](rules.md) that it carries out."),
        "note": ("text, optional", "What a person should know."),
        "switches": ("object, optional", "The settings of the connection with which it is there."),
        "instead": ("text, optional", "What stands for this row, which is never enabled then."),
        "new": ("true or false, optional", "A person added it."),
        "changed": ("list of text, optional", "What a person changed of it."),
    },
    "match": {
        "bc_id": ("text", "The record in Business Central."),
        "crm_id": ("text", "The record in Sales."),
        "number": ("text", "What the record in Business Central is known by; blank for none."),
        "name": ("text", "Its name."),
    },
    "pair": {
        "bc_id": ("text", "The record in Business Central."),
        "crm_id": ("text", "The record in Sales."),
    },
    "both": {
        "field": ("text", "The field."),
        "bc": ("any", "What Business Central holds."),
        "crm": ("any", "What Sales holds."),
        "direction": ("text", "Which way it flows."),
    },
    "row": {
        "line": ("number", "The line of the file."),
        **_IDS,
        "number": ("text", "The number that the file gives."),
        "fate": ("text", "`couple`, or why not."),
        "message": ("text", "Why it is not coupled; else empty."),
        "outside": ("text or null", "Why nothing flows yet: a record is outside the filter."),
    },
    "fate": {"fate": ("text", "`couple`, or why not."), "rows": ("number", "How many rows.")},
    "found": {
        "bc_id": ("text", "The record in Business Central."),
        "crm_id": ("text", "The record in Sales."),
        "by": ("text", "`id` where one was created of the other, `match` where its values tell."),
    },
    "broken": {
        "bc_id": ("text", "The record in Business Central."),
        "crm_id": ("text", "The record in Sales."),
        "number": ("text", "The number of the record in Business Central."),
        "fault": ("text", "What is wrong."),
        "mended": ("text", "What is done about it."),
        "cure": ("text", "What a person may do; empty where something is done about it."),
    },
    "parted": {
        "mapping": ("text", "The mapping."),
        "bc_id": ("text", "The record in Business Central."),
        "crm_id": ("text", "The record in Sales."),
        "number": ("text", "The number of the record in Business Central."),
        "mark_removed": ("true or false", "Whether the company's mark is taken off the record in Sales."),
    },
    "bypassed": {**_IDS, "reason": ("text", "Why.")},
    "ambiguous": {
        "bc_ids": ("list of text", "Records of Business Central with the same values."),
        "crm_ids": ("list of text", "Records of Sales with these values."),
    },
    "unmatched": {
        "bc_id": ("text", "The record in Business Central."),
        "number": ("text", "Its number."),
        "name": ("text", "Its name."),
        "reason": ("text", "Why it has no partner."),
        "created": ("true or false", "Whether its counterpart is created for that."),
    },
    "bystander": {
        "bc_id": ("text", "The record in Business Central."),
        "reason": ("text", "Why it took no part."),
    },
    "missed": {
        "reason": ("text", "Why they were not coupled."),
        "records": ("number", "How many records of Business Central."),
    },
    "coupling": {
        "bc_id": ("text", "The record in Business Central."),
        "crm_id": ("text", "The record in Sales."),
        "number": ("text", "The number in Business Central."),
        "bc_name": ("text", "The name in Business Central when it was last seen."),
        "crm_name": ("text", "The name in Sales when it was last seen."),
        "settled": ("true or false", "Whether the first contact is settled."),
        **couplings.LINKS,
    },
    "conflict": {
        "mapping": ("text", "The mapping."),
        **_IDS,
        "field": (
            "text",
            "The field or merge group; `first contact` where the pair was never compared.",
        ),
        "base": ("any", "What Business Central held when it was last settled; null at first contact."),
        "bc": ("any", "What Business Central holds; of a group and at first contact an object, by field."),
        "crm": ("any", "What Sales holds; of a group and at first contact an object, by field."),
    },
    "held": {
        "mapping": ("text", "The mapping."),
        **_IDS,
        "number": ("text or null", "The number in Business Central."),
        "name": ("text or null", "The name."),
        "fields": ("list of text", "The fields; none of a record that is not coupled."),
        "base": ("object", "What Sales held before, by field."),
        "bc": ("object", "What Business Central holds, by field."),
        "crm": ("object", "What Sales holds, by field."),
    },
    "skipped": {
        "mapping": ("text", "The mapping."),
        **_IDS,
        "reason": ("text", "See [Failures](failures.md#why-a-record-stays-in-the-inbox)."),
        "message": ("text", "What is wrong."),
        "fields": ("list of text", "The fields; none where the whole record is meant."),
        "number": ("text or null", "The number in Business Central."),
        "name": ("text or null", "The name."),
        "since": ("text", "Since when."),
        "attempts": ("number", "How often it has failed in a row."),
        "next_try": (
            "text or null",
            "From when on a run tries it again though nothing has changed; null where only a change or a "
            "person ends it.",
        ),
    },
}


def documents_page() -> str:
    """The page."""
    return page(
        "JSON",
        _HEAD,
        "## Commands",
        *(
            _section(f"### kobling {name}", keys)
            for name, keys in _in_order(
                COMMANDS, administration.COMMANDS | couplings.COMMANDS | operations.COMMANDS
            )
        ),
        "## Parts",
        _BOTH,
        *(
            _section(f"### {name}", keys)
            for name, keys in (SHAPES | administration.SHAPES | couplings.SHAPES | operations.SHAPES).items()
        ),
    )


def _in_order(ours: dict[str, Keys], others: dict[str, Keys]) -> list[tuple[str, Keys]]:
    """The commands of both; those of the second stand behind the first ones of the same group, else last."""
    found = list(ours.items())
    for name, keys in others.items():
        group = name.split()[0]
        places = [at for at, (known, _) in enumerate(found) if known.split()[0] == group]
        found.insert(places[-1] + 1 if places else len(found), (name, keys))
    return found


def _section(title: str, keys: Keys) -> str:
    rows = [(code(key), holds, meaning) for key, (holds, meaning) in keys.items()]
    return f"{title}\n\n{table(('Key', 'Holds', 'Meaning'), rows)}"
