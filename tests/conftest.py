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


LONGEST_FIRST = (
    "test_kill_anything",
    "test_drift",
    "test_lab_resumes",
    "test_audit",
    "test_shim",
    "test_lab_containerd",
    "test_audit_node",
    "test_controller_process",
    "test_agent_real",
    "test_vcn_twin",
    "test_lab_demo",
    "test_lab_dual",
    "test_oci_contract",
    "test_audit_containerd",
    "test_lab_netns",
    "test_lab_leaves_nothing",
    "test_lab_side_by_side",
    "test_fabric_wide",
)
"""Files that take long; begun last, one of them would keep one worker from the others' help."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; within a file nothing moves."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


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
