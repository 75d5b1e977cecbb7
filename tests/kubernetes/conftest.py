"""One cluster of the lab for the whole session, kept up between the tests, taken down at its end.

MOORING_E2E_LAB names a lab that is used as it is and left standing; the other variables of the
README choose another kube-proxy mode, other families, more nodes, the fast path.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from kubernetes.cloud import Cloud
from kubernetes.cluster import MOORING, Cluster, Inside, Refused, Space, logs
from patience import until

from mooring.adapters.host import Host
from mooring.adapters.process import Processes
from mooring.cli.lab import opened
from mooring.core.linux import node
from mooring.core.linux.upstream import AGNHOST, SUITE
from mooring.lab.cluster import Cluster as LabCluster
from mooring.lab.images_built import Images
from mooring.lab.programs_built import Builder

NAMED = os.environ.get("MOORING_E2E_LAB", "")
PROXY = os.environ.get("MOORING_E2E_PROXY", "nftables")
FAMILIES = os.environ.get("MOORING_E2E_FAMILIES", "IPv4").split(",")
NODES = int(os.environ.get("MOORING_E2E_NODES", "2"))
FAST_PATH = os.environ.get("MOORING_E2E_FAST_PATH", "off")
SIZE = {"ocpus": 5, "maxPods": 114}
"""110 pods of a Deployment, and what runs on the host's network; four VNICs beside the primary one."""


def mooring(*words: str) -> str:
    done = subprocess.run(
        [*MOORING, *words], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise Refused(f"mooring {' '.join(words)}: exit code {done.returncode}")
    return done.stdout


def say(line: str) -> None:
    print(line, flush=True)


@pytest.fixture(scope="session")
def suite_programs() -> Path:
    """The directory with upstream's own tests, built once."""
    return Builder.usual(os.environ, say).build(SUITE)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster; it is ready, and its nodes know the images of the tests."""
    name = NAMED or f"e{os.getpid()}"
    place = tmp_path_factory.mktemp("cluster")
    try:
        if not NAMED:
            wish = {
                "name": name,
                "runtime": "kubernetes",
                "proxy": PROXY,
                "ipFamilies": FAMILIES,
                "nodes": [{"name": f"node-{i + 1}", **SIZE} for i in range(NODES)],
                "agent": {"fastPath": FAST_PATH},
            }
            (place / "lab.yaml").write_text(json.dumps(wish))
            began = time.monotonic()
            mooring("lab", "up", "-f", str(place / "lab.yaml"))
            say(f"the cluster was up after {time.monotonic() - began:.0f} s")
        yield reached(name, place)
    finally:
        if not NAMED:
            mooring("lab", "down", "--name", name)


def reached(name: str, place: Path) -> Cluster:
    """Give a standing lab's cluster, having imported the images of the tests."""
    lab = opened(name)
    standing = lab.needed()
    kubeconfig = place / "kubeconfig"
    kubeconfig.write_text(lab.kubeconfig(standing))
    environment = node.environment(os.environ)
    tested = Builder.usual(os.environ, say).build([AGNHOST])
    images = Images.usual(
        Processes(environment), Host(environment["PATH"]), os.environ, say
    )
    archives = images.suite(tested)
    for worker in LabCluster(lab.tools, lab.files, standing).workers:
        worker.take_images(archives)
    found = Cluster(name, kubeconfig, Path(standing.programs))
    until(lambda: found.items("nodes"), "nodes")
    return found


@pytest.fixture
def families(cluster: Cluster) -> tuple[str, ...]:
    """The pods' families as the lab was asked for them, in their order."""
    return opened(cluster.lab).needed().topology.families


@pytest.fixture
def space(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Space]:
    """A namespace for one test; it is gone after it, with its pods."""
    name = f"t-{request.node.name.replace('_', '-')[:40].strip('-[]')}"
    name = "".join(c if c.isalnum() or c == "-" else "-" for c in name.lower())
    name = name.strip("-")
    cluster.kubectl("create", "namespace", name)
    until(
        lambda: cluster.run("get", "sa", "default", "-n", name).returncode == 0,
        "the default service account",
    )
    try:
        yield Space(cluster, name)
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=true", "--timeout=600s")


@pytest.fixture
def cloud(cluster: Cluster) -> Iterator[Cloud]:
    """The lab's cloud."""
    found = Cloud(cluster.lab)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def kill_api_server(cluster: Cluster) -> Callable[[], None]:
    """What kills the API server and has the lab start it again."""

    def kill() -> None:
        lab = opened(cluster.lab)
        standing = lab.needed()
        plane = LabCluster(lab.tools, lab.files, standing).control
        found = plane.at.programs.find(plane.server)
        assert found is not None
        os.kill(found.pid, signal.SIGKILL)
        until(lambda: plane.at.programs.find(plane.server) is None, "its end")

        # The port is free a moment after the process is gone, as a supervisor finds too.
        def again() -> bool:
            plane.at.programs.ensure(plane.server, plane.at.holder())
            return cluster.run("get", "--raw", "/readyz").returncode == 0

        until(again, "the API server again")

    return kill


@pytest.fixture
def inside(cluster: Cluster, tmp_path: Path) -> Inside:
    """How a program runs in the control plane's network, where pods can be dialled."""
    lab = opened(cluster.lab)
    plane = LabCluster(lab.tools, lab.files, lab.needed()).control
    text = cluster.kubeconfig.read_text()
    address = plane.addresses[0]
    host = f"[{address}]" if ":" in address else address
    own = tmp_path / "kubeconfig"
    own.write_text(text.replace(cluster.api, f"https://{host}:6443"))
    return Inside(["nsenter", f"--net={plane.at.space}"], own)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the cluster says."""
    report = yield
    found = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and isinstance(found, Cluster):
        report.sections += list(logs(found))
    return report
