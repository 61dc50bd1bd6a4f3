"""The program, called in the process of the tests: to start Python anew takes longer than most commands."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from kobling.cli.main import main


def call(
    *words: str, environment: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """What the program prints, and its exit status, as a process of its own would.

    Nothing but `environment` configures it.
    """
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    printed, told = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), redirect_stderr(told):
        patch.setattr(sys, "argv", ["kobling", *words])
        for name in [one for one in os.environ if one.startswith("KOBLING_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        with chdir(folder or "."), pytest.raises(SystemExit) as end:
            main()
    texts = [_text(one) for one in (printed, told)]
    code = end.value.code
    return subprocess.CompletedProcess(words, code if isinstance(code, int) else int(bool(code)), *texts)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode(stream.encoding)
