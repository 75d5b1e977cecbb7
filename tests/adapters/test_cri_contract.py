"""A container runtime by CRI: the same for Debian's containerd and for the fake.

containerd runs in a node of its own, made as the lab makes them, with the CNI project's ptp
as its network.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.cri import FakeCri
from patience import until

from mooring.adapters import netns
from mooring.adapters.cgroup import Cgroups
from mooring.adapters.cri import NODE, RUNTIME, Cri, CriError, Output, PodWish
from mooring.adapters.host import Host
from mooring.adapters.process import Processes
from mooring.core.linux import cgroup, containerd, image, node
from mooring.core.linux.node import Node, Program

IMAGE = "localhost/mooring/test:1"
SPACE = f"moorcri{os.getpid()}"
NETWORK = {
    "cniVersion": "1.0.0",
    "name": "test",
    "plugins": [
        {"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.99.0.0/24"}}
    ],
}
Either = Cri | FakeCri


@dataclass(frozen=True)
class Stage:
    """A node with containerd in it."""

    directory: Path
    processes: Processes
    host: Host
    groups: tuple[str, ...]

    def up(self) -> str:
        """Make the node, start containerd, import the image; give the socket."""
        holder = self._hold()
        self._plugins()
        self._network(holder)
        self._containerd(holder)
        socket = f"/proc/{holder}/root{containerd.SOCKET}"
        until(lambda: Path(socket).exists())
        file = self.directory / "share" / "image.tar"
        file.write_bytes(self._image())
        words = ("ctr", "-n", "k8s.io", "images", "import", str(file))
        done = self.processes.run([*node.enter(holder), *words])
        assert done.code == 0, done.complaint
        return socket

    def _hold(self) -> int:
        for name in ("own", "npn", "share/cni"):
            (self.directory / name).mkdir(parents=True)
        record = self.directory / "own" / "init"
        held = Node(
            name="node-1",
            space=f"/run/netns/{SPACE}",
            lab=str(self.directory),
            own=str(self.directory / "own"),
            npn=str(self.directory / "npn"),
            bin=str(self.directory / "share"),
            record=str(record),
            log=str(self.directory / "own/init.log"),
            groups=self.groups,
            remounts=cgroup.remounts(Cgroups().trees()),
        )
        script = self.directory / "own" / "init.sh"
        script.write_text(node.init_script(held))
        self.processes.launch(node.hold(held, str(script)))
        until(lambda: self.processes.find(record))
        holder = self.processes.find(record)
        assert holder
        until(lambda: Path(f"/proc/{holder.pid}/root{node.MARK}").exists())
        return holder.pid

    def _plugins(self) -> None:
        for name in ("loopback", "ptp", "host-local"):
            source = self.host.program(name)
            assert source, name
            shutil.copy(source, self.directory / "share/cni" / name)

    def _network(self, holder: int) -> None:
        place = f"{containerd.CONF_DIR}/10-test.conflist"
        words = [*node.enter(holder), "sh", "-c", f"cat >{place}"]
        assert self.processes.run(words, json.dumps(NETWORK).encode()).code == 0

    def _containerd(self, holder: int) -> None:
        own = self.directory / "own"
        wish = containerd.Containerd(
            root=str(own / "containerd"),
            bin_dir=str(self.directory / "share/cni"),
            image=IMAGE,
            snapshotter=containerd.snapshotter(self.host.mounts(), str(own)),
        )
        config = own / "containerd.toml"
        config.write_text(containerd.config(wish))
        program = Program(
            name="containerd",
            argv=("containerd", "--config", str(config)),
            record=str(own / "containerd.pid"),
            log=str(own / "containerd.log"),
            groups=tuple(f"{group}/{node.INSIDE}" for group in self.groups),
        )
        self.processes.launch(node.start(program, holder))

    def _image(self) -> bytes:
        busybox = self.host.program("busybox")
        assert busybox
        recipe = image.Recipe(
            name=IMAGE,
            machine=os.uname().machine,
            busybox=busybox.read_bytes(),
            applets=("sh", "cat", "sleep"),
        )
        return image.archive(recipe)


@contextmanager
def a_containerd() -> Iterator[str]:
    environment = node.environment(os.environ)
    directory = Path("/var/lib") / SPACE
    processes, groups = Processes(environment), Cgroups()
    base = groups.places(SPACE)
    netns.create(SPACE)
    try:
        groups.make(base, parents=True)
        own = tuple(f"{place}/node-1" for place in base)
        groups.make(own)
        groups.make(tuple(f"{place}/{node.INSIDE}" for place in own))
        yield Stage(directory, processes, Host(environment["PATH"]), own).up()
    finally:
        groups.remove(base)
        netns.delete(SPACE)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def socket() -> Iterator[str]:
    with a_containerd() as made:
        yield made


@pytest.fixture(params=["containerd", "fake"])
def cri(request: pytest.FixtureRequest) -> Iterator[Either]:
    if request.param == "fake":
        yield FakeCri([IMAGE], {"sh": Output(3, b"out\n", b"err\n")})
        return
    made = Cri(request.getfixturevalue("socket"))
    yield made
    for pod in made.pods():
        made.remove(pod.sandbox)
    made.close()


def a_wish(name: str, image_name: str = IMAGE) -> PodWish:
    return PodWish(
        name=name,
        uid=f"uid-{name}",
        image=image_name,
        log_directory="",
        cgroup_parent=f"/{node.PODS}",
        mounts={"/usr": "/usr"},
    )


def test_a_runtime_that_serves_is_ready(cri: Either) -> None:
    assert cri.conditions() == {"RuntimeReady": "", "NetworkReady": ""}


def test_an_image_is_known_or_not(cri: Either) -> None:
    assert cri.has_image(IMAGE)
    assert not cri.has_image("localhost/mooring/other:1")


def test_a_pod_that_runs_is_listed_with_its_address(cri: Either) -> None:
    sandbox = cri.run(a_wish("one"))

    (seen,) = cri.pods()
    assert (seen.name, seen.uid, seen.ready) == ("one", "uid-one", True)
    assert seen.sandbox == sandbox
    assert cri.address(sandbox).startswith("10.99.0.")


def test_a_sandbox_is_listed_with_its_addresses(cri: Either) -> None:
    sandbox = cri.run(a_wish("six"))

    (seen,) = cri.sandboxes()
    assert (seen.id, seen.name, seen.ready) == (sandbox, "six", True)
    assert seen.addresses == (cri.address(sandbox),)


def test_sandboxes_of_others_are_listed_but_those_in_the_nodes_network(
    socket: str,
) -> None:
    cri = Cri(socket)
    made = []
    for network, name in ((0, "own"), (NODE, "nodes")):
        config = {
            "metadata": {"name": name, "uid": name, "namespace": "default"},
            "linux": {"security_context": {"namespace_options": {"network": network}}},
        }
        reply = cri._ask(RUNTIME, "RunPodSandbox", config=config)
        made.append(reply.pod_sandbox_id)

    found = [each.name for each in cri.sandboxes()]

    for sandbox in made:
        cri.remove(sandbox)
    cri.close()
    assert found == ["own"]


def test_a_command_gives_its_output_and_status(cri: Either) -> None:
    sandbox = cri.run(a_wish("two"))

    ended = cri.execute(sandbox, ["sh", "-c", "echo out; echo err >&2; exit 3"], 30)

    assert ended == Output(3, b"out\n", b"err\n")


def test_a_removed_pod_is_gone_and_may_be_removed_again(cri: Either) -> None:
    sandbox = cri.run(a_wish("three"))

    cri.remove(sandbox)
    cri.remove(sandbox)

    assert cri.pods() == ()
    with pytest.raises(CriError):
        cri.execute(sandbox, ["true"], 5)


def test_a_pod_that_cannot_run_leaves_none(cri: Either) -> None:
    with pytest.raises(CriError):
        cri.run(a_wish("four", "localhost/nothing/there:1"))

    assert cri.pods() == ()


def test_the_nodes_usr_is_in_the_container(socket: str) -> None:
    cri = Cri(socket)
    sandbox = cri.run(a_wish("five"))

    ended = cri.execute(sandbox, ["/usr/bin/python3", "-c", "print(6 * 7)"], 30)

    cri.remove(sandbox)
    cri.close()
    assert ended == Output(0, b"42\n", b"")


def test_where_nobody_listens_one_is_told(tmp_path: Path) -> None:
    cri = Cri(str(tmp_path / "none.sock"), 5)

    with pytest.raises(CriError, match="Status"):
        cri.conditions()

    cri.close()
