"""The room's page tells the truth: its examples run."""

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/rooms/net.md"


def test_the_examples_of_the_page_run() -> None:
    outcome = doctest.testfile(str(PAGE), module_relative=False)

    assert outcome.attempted > 0
    assert outcome.failed == 0
