"""What the README tells a newcomer to type exists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_make_word_of_the_readme_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    words = set(re.findall(r"`?make ([a-z]+)", (ROOT / "README.md").read_text()))
    assert words, "the README names no command"
    assert words <= targets
