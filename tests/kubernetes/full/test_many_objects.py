"""The weight of a thousand objects: watches and lists of all of them, and the cluster goes on."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes.cluster import MOORING, Cluster, Json, Space, a_pod
from patience import until

COUNT, WATCHES = 1000, 8
AT_ONCE = 250
PATIENCE = 900.0
CROWD = "crowd=yes"
OURS = ("app=vcn-native-ip-cni", "app=mooring-controller")


def nobody(number: int) -> Json:
    """An object whose instance the cloud does not know."""
    name = f"crowd-{number:04}"
    key, _, value = CROWD.partition("=")
    return {
        "apiVersion": "oci.oraclecloud.com/v1beta1",
        "kind": "NativePodNetwork",
        "metadata": {"name": name, "labels": {key: value}},
        "spec": {"id": f"ocid1.instance.oc1..{name}", "podSubnetIds": ["none"]},
    }


NAMES = {nobody(number)["metadata"]["name"] for number in range(COUNT)}


@pytest.fixture
def crowded(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whose crowd is gone after the test."""
    try:
        yield cluster
    finally:
        cluster.kubectl("delete", "npn", "-l", CROWD, "--wait=false")
        until(lambda: not cluster.items("npn", "-l", CROWD), "the crowd to go")


@contextlib.contextmanager
def watching(cluster: Cluster, place: Path) -> Iterator[list[Path]]:
    """Watches of all objects, kubectl's and our own, each writing to a file."""
    ours = [*MOORING, "get", "npn", "-w"]
    theirs = cluster.command("get", "npn", "-w")
    files = [place / f"watch-{number}" for number in range(WATCHES)]
    with contextlib.ExitStack() as stack:
        for number, file in enumerate(files):
            process = subprocess.Popen(
                theirs if number % 2 else ours,
                stdout=stack.enter_context(file.open("w")),
                stderr=subprocess.STDOUT,
                env=cluster.surroundings,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
        real = {each["metadata"]["name"] for each in cluster.items("npn")}
        until(lambda: all(seen(f) >= real for f in files), "the watches to begin")
        yield files


def seen(file: Path) -> set[str]:
    """Name the objects that a watch has shown."""
    lines = file.read_text().splitlines()
    return {line.split()[0] for line in lines if line.strip()}


def restarts(cluster: Cluster) -> dict[str, int]:
    """Count how often each of Mooring's pods has begun again."""
    return {
        pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"]
        for label in OURS
        for pod in cluster.items("pods", "-n", "kube-system", "-l", label)
    }


def create(cluster: Cluster) -> None:
    """Make the crowd."""
    for first in range(0, COUNT, AT_ONCE):
        items = [nobody(number) for number in range(first, first + AT_ONCE)]
        whole = {"apiVersion": "v1", "kind": "List", "items": items}
        cluster.kubectl("create", "-f", "-", given=json.dumps(whole))


def test_a_thousand_objects_are_watched_and_listed_and_stop_nobody(
    crowded: Cluster, space: Space, tmp_path: Path
) -> None:
    before = restarts(crowded)
    with watching(crowded, tmp_path) as files:
        create(crowded)

        for node in crowded.workers():
            space.apply(a_pod(f"on-{node}", node))
            space.await_pods(1, f"app=on-{node}", PATIENCE)
        for file in files:
            until(
                lambda file=file: seen(file) >= NAMES, f"all in {file.name}", PATIENCE
            )

    listed = {line.split()[0] for line in crowded.mooring("get", "npn").splitlines()}
    assert listed >= NAMES

    real = [n for n in crowded.items("npn") if n["metadata"]["name"] not in NAMES]
    assert [n["status"]["state"] for n in real] == ["SUCCESS"] * len(crowded.workers())
    assert restarts(crowded) == before
