"""The connections that one process serves: of its configuration file, and of those that the file names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kobling.model.errors import ConfigurationError
from kobling.service.configuration import Configuration, read_configuration
from kobling.service.database import describe_database
from kobling.service.settings import variable_of


def read_deployment(
    given: Path | None = None, environment: Mapping[str, str] = os.environ
) -> tuple[Configuration, ...]:
    """The configuration of every connection that one process serves, that of the file itself first.

    Raises ConfigurationError, also where two connections have one name or another database.
    """
    first = read_configuration(given, environment)
    found = {first.connection.name: first}
    for path in first.worker.connections:
        further = read_configuration(path, environment)
        _check_name(further, found)
        _check_database(further, first)
        found[further.connection.name] = further
    return tuple(found.values())


def _check_name(further: Configuration, found: Mapping[str, Configuration]) -> None:
    name = further.connection.name
    if name in found:
        raise ConfigurationError(
            f"{found[name].path} and {further.path} both describe the connection {name!r}.",
            cure="Give each file a name of its own under [connection]; the variable "
            f"{variable_of('connection', 'name')} goes before all of them, so leave it out.",
        )


def _check_database(further: Configuration, first: Configuration) -> None:
    here, there = describe_database(first), describe_database(further)
    if here != there:
        raise ConfigurationError(
            f"{first.path} uses {here}, {further.path} uses {there}.",
            cure="Write the same url under [database] in both, or set "
            f"{variable_of('database', 'url')}: one process serves the connections of one database.",
        )
