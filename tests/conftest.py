"""What all tests share: one seed, no silent skips, a deterministic Hypothesis."""

import os
import random
from collections.abc import Generator

import last_words
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "mooring",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "wild",
    settings.get_profile("mooring"),
    derandomize=False,
    print_blob=True,
)
settings.load_profile(os.environ.get("MOORING_HYPOTHESIS", "mooring"))


SEED = int(os.environ.get("MOORING_SEED", "20260712"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the seed of the run, whatever came of it, and what tests have counted."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "told":
                terminalreporter.write_line(str(value))
    terminalreporter.write_line(f"seed={SEED} (MOORING_SEED={SEED} repeats this run)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the processes under test said."""
    report = yield
    words = last_words.taken()
    if report.failed:
        report.sections += [
            (f"the end of {path}", text) for path, text in words.items()
        ]
    return report


@pytest.fixture
def seed() -> int:
    """The seed of a test that draws by itself; MOORING_SEED draws others."""
    return SEED


@pytest.fixture
def chance(seed: int) -> random.Random:
    """A generator made from the printed seed."""
    return random.Random(seed)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when a test was skipped: a missing tool is an error, not an excuse."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
