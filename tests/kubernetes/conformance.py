"""Upstream's conformance specs: which are to run, and what came of every one of them."""

import re
import xml.etree.ElementTree as ET  # the suite's own report, written a moment ago
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FOCUS = r"\[sig-network\].*\[Conformance\]"
README = Path(__file__).with_name("README.md")
ROW = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What a run did: states by the specs' names."""

    passed: frozenset[str]
    failed: Mapping[str, str]
    left_out: frozenset[str]

    @property
    def known(self) -> frozenset[str]:
        """Give all that the report names."""
        return self.passed | self.failed.keys() | self.left_out


def read(report: Path) -> Outcome:
    """Read a JUnit report of ginkgo."""
    passed, failed, left = set(), {}, set()
    for case in ET.parse(report).getroot().iter("testcase"):
        name, status = case.get("name", ""), case.get("status", "")
        if not name.startswith("[It]"):
            if status not in {"passed", "skipped"}:
                failed[name] = _why(case)
            continue
        if not re.search(FOCUS, name):
            continue
        if status == "passed":
            passed.add(name)
        elif status in {"skipped", "pending"}:
            left.add(name)
        else:
            failed[name] = _why(case)
    return Outcome(frozenset(passed), failed, frozenset(left))


def left_out(text: str) -> Mapping[str, str]:
    """Read the README's table: a part of each spec's name, and the reason."""
    section = text.partition("## Specs left out")[2].partition("\n## ")[0]
    return dict(ROW.findall(section))


def skip(names: Iterable[str]) -> str:
    """Make ginkgo's pattern of what is left out."""
    return "|".join(re.escape(name) for name in names)


def unaccounted(outcome: Outcome, reasons: Mapping[str, str]) -> list[str]:
    """Name specs that neither passed nor failed nor are left out for a written reason."""
    return sorted(
        name for name in outcome.left_out if not any(part in name for part in reasons)
    )


def _why(case: ET.Element) -> str:
    found = case.find("failure")
    if found is None:
        found = case.find("error")
    if found is None:
        return case.get("status", "")
    return f"{found.get('message', '')}\n{(found.text or '')[-2000:]}"
