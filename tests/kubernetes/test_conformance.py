"""Upstream's `[sig-network]` conformance specs, every one accounted for."""

import subprocess
from pathlib import Path

from kubernetes import conformance
from kubernetes.cluster import Cluster, Inside

PROCESSES = 4
SPECS = 47
"""That many upstream's own tests of the pinned Kubernetes have for these two words."""


def test_upstream_s_specs_pass(
    cluster: Cluster, suite_programs: Path, inside: Inside, tmp_path: Path
) -> None:
    reasons = conformance.left_out(conformance.README.read_text())
    skip = conformance.skip(reasons)
    words = [
        *inside.words,
        str(suite_programs / "ginkgo"),
        f"--procs={PROCESSES}",
        "--timeout=2h",
        f"--focus={conformance.FOCUS}",
        *([f"--skip={skip}"] if skip else []),
        str(suite_programs / "e2e.test"),
        "--",
        f"--kubeconfig={inside.kubeconfig}",
        f"--kubectl-path={suite_programs / 'kubectl'}",
        "--provider=local",
        f"--report-dir={tmp_path}",
        "--dump-logs-on-failure=false",
    ]
    with (tmp_path / "ginkgo.log").open("w") as log:
        code = subprocess.run(
            words, stdout=log, stderr=subprocess.STDOUT, check=False
        ).returncode
    said = (tmp_path / "ginkgo.log").read_text()[-6000:]
    report = tmp_path / "junit_01.xml"
    assert report.exists(), said

    outcome = conformance.read(report)

    print(f"{len(outcome.passed)} of {len(outcome.known)} specs passed")
    assert outcome.failed == {}, said
    assert conformance.unaccounted(outcome, reasons) == []
    assert code == 0, said
    assert len(outcome.known) == SPECS
    assert outcome.passed == outcome.known - outcome.left_out
