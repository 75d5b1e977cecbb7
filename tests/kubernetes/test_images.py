"""The images of agent and controller, those that the cluster runs, need nothing but what is in them."""

import json
import os
import signal
import subprocess
import tarfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kubernetes.cluster import Cluster

from mooring.adapters.host import Host
from mooring.adapters.process import Processes
from mooring.core.linux import imageset, node
from mooring.lab.images_built import Images

WALK = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    top = importlib.import_module(name)
    for each in pkgutil.walk_packages(getattr(top, "__path__", []), f"{name}."):
        importlib.import_module(each.name)
"""
"""Loads modules and all below them."""


class Unpacked:
    """An image in a directory of its own, and what its configuration says."""

    def __init__(self, archive: Path, place: Path) -> None:
        self.place = place
        place.mkdir()
        with tarfile.open(archive) as opened:

            def blob(digest: str) -> bytes:
                file = opened.extractfile(
                    f"blobs/sha256/{digest.removeprefix('sha256:')}"
                )
                assert file is not None
                return file.read()

            index = opened.extractfile("index.json")
            assert index is not None
            described: dict[str, Any] = json.loads(index.read())["manifests"][0]
            manifest = json.loads(blob(described["digest"]))
            self.name = described["annotations"]["io.containerd.image.name"]
            self.config = json.loads(blob(manifest["config"]["digest"]))["config"]
            for each in manifest["layers"]:
                unpack = ["tar", "-x", "-C", str(place)]
                subprocess.run(unpack, input=blob(each["digest"]), check=True)

    def run(self, *words: str) -> str:
        """Run a command as the image's user, in namespaces with nothing in them."""
        user = self.config.get("User", "0:0")
        inside = ["unshare", "--mount", "--net", "--pid", "--ipc", "--fork"]
        done = subprocess.run(
            [*inside, "chroot", f"--userspec={user}", str(self.place), *words],
            env=dict(word.split("=", 1) for word in self.config["Env"]),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def mooring(self, *words: str) -> str:
        return self.run(*self.config["Entrypoint"], *words)


@pytest.fixture(scope="module")
def images(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Unpacked]:
    place = tmp_path_factory.mktemp("images")
    environment = node.environment(os.environ)
    processes, host = Processes(environment), Host(environment["PATH"])
    # The user's cache: the cluster was brought up with these.
    maker = Images.usual(processes, host, os.environ, lambda _: None)
    archives = maker.cluster(cluster.programs)
    return {
        found.name: found
        for number, archive in enumerate(archives)
        for found in [Unpacked(archive, place / str(number))]
    }


def test_the_agent_runs_with_nft_and_the_chained_plugins(
    images: dict[str, Unpacked],
) -> None:
    agent = images[imageset.AGENT]

    assert "Attach this node's pods" in agent.mooring("agent", "--help")
    assert agent.run("nft", "--version").startswith("nftables v")
    agent.run("nft", "list", "ruleset")
    for name in imageset.STAGES["agent"].chained:
        assert os.access(agent.place / f"opt/mooring/cni/{name}", os.X_OK)


def test_what_the_agent_speaks_is_in_its_image_and_no_cloud_is(
    images: dict[str, Unpacked],
) -> None:
    agent = images[imageset.AGENT]

    ours = ("mooring.agent", "mooring.cli.agent", "mooring.adapters.kubernetes")
    agent.run("python3", "-c", WALK, *ours)
    assert not list(agent.place.glob("opt/mooring/*/oci"))


def test_the_controller_runs_as_nobody_and_has_all_of_the_sdk_that_it_loads(
    images: dict[str, Unpacked],
) -> None:
    controller = images[imageset.CONTROLLER]
    ours = ("mooring.controller", "mooring.cli.controller", "mooring.adapters.oci")
    asked = "import os, ssl; print(os.getuid(), len(ssl.create_default_context().get_ca_certs()))"

    assert "Give every node its VNICs" in controller.mooring("controller", "--help")
    controller.run("python3", "-c", WALK, *ours, "mooring.adapters.kubernetes")
    uid, authorities = controller.run("python3", "-c", asked).split()
    assert uid == "65532"
    assert int(authorities) > 50


def test_no_file_of_ours_is_compiled_again_at_the_start(
    images: dict[str, Unpacked],
) -> None:
    agent = images[imageset.AGENT]
    compiled = (agent.place / "opt/mooring/app/mooring/cli/__pycache__").iterdir()
    flags = {path.read_bytes()[4:8] for path in compiled}

    assert flags == {b"\1\0\0\0"}  # by hash, unchecked (PEP 552)


def test_the_pause_program_ends_when_it_is_told(images: dict[str, Unpacked]) -> None:
    pause = images[imageset.PAUSE].place / "pause"
    with subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", pause]) as pod:
        children = Path(f"/proc/{pod.pid}/task/{pod.pid}/children")
        while pod.poll() is None:
            # Told before it listens, a namespace's first process hears nothing.
            with suppress(ProcessLookupError):
                for child in children.read_text().split():
                    os.kill(int(child), signal.SIGTERM)
            time.sleep(0.02)
    assert pod.returncode == 0
