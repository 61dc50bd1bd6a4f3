"""Aim: one process serves the connections that its configuration names, and refuses those that would mix.

Method: files of configuration, read as `worker` and `serve` read them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kobling.model.errors import ConfigurationError
from kobling.service.deployment import read_deployment


def written(path: Path, name: str, more: str = "") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'[connection]\nname = "{name}"\n{more}', encoding="utf-8")
    return path


def test_a_file_that_names_no_others_is_one_connection(tmp_path: Path) -> None:
    [only] = read_deployment(written(tmp_path / "kobling.toml", "alone"), {})
    assert only.connection.name == "alone"


def test_the_files_that_it_names_are_served_in_their_order(tmp_path: Path) -> None:
    written(tmp_path / "north.toml", "nord")
    # Whom a further file names does not matter: one file says what a process serves.
    written(tmp_path / "south.toml", "sør", '[worker]\nconnections = "none.toml"\n')
    first = written(tmp_path / "kobling.toml", "hoved", '[worker]\nconnections = "south.toml, north.toml"\n')
    assert [one.connection.name for one in read_deployment(first, {})] == ["hoved", "sør", "nord"]


def test_two_connections_of_one_name_are_refused_also_where_a_variable_makes_them_so(tmp_path: Path) -> None:
    written(tmp_path / "north.toml", "nord")
    first = written(tmp_path / "kobling.toml", "hoved", '[worker]\nconnections = "north.toml"\n')
    with pytest.raises(ConfigurationError, match=r"kobling\.toml and .*north\.toml both describe") as caught:
        read_deployment(first, {"KOBLING_CONNECTION_NAME": "same"})
    assert "KOBLING_CONNECTION_NAME" in caught.value.cure


def test_connections_of_two_databases_are_refused(tmp_path: Path) -> None:
    # Without a URL each folder has its own embedded database.
    written(tmp_path / "elsewhere" / "north.toml", "nord")
    first = written(tmp_path / "kobling.toml", "hoved", '[worker]\nconnections = "elsewhere/north.toml"\n')
    with pytest.raises(ConfigurationError, match="uses embedded PostgreSQL in"):
        read_deployment(first, {})
    assert len(read_deployment(first, {"KOBLING_DATABASE_URL": "postgresql://host/one"})) == 2


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    first = written(tmp_path / "kobling.toml", "hoved", '[worker]\nconnections = "none.toml"\n')
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        read_deployment(first, {})
