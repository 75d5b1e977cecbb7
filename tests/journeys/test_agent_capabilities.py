"""The agent with only the rights that its manifest gives: what it does with them, what breaks without.

A container that is not privileged has capabilities taken away and /proc/sys read-only; here
that is done by hand, with the capabilities that the manifest names.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from journeys.agent_world import World, a_world, ip, run
from patience import until

MANIFEST = Path(__file__).parents[2] / "deploy/manifests/agent.yaml"
CONFINED = """
mount "--make-$2" / && mkdir -p "$0/net" && mount --bind /proc/sys/net "$0/net" &&
mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys &&
exec setpriv --bounding-set "-all,$1" --no-new-privs sh -c 'shift; exec "$@"' "$@"
"""


def granted() -> tuple[str, ...]:
    """The capabilities of the manifest."""
    documents = yaml.safe_load_all(MANIFEST.read_text())
    (daemons,) = [d for d in documents if d["kind"] == "DaemonSet"]
    (container,) = daemons["spec"]["template"]["spec"]["containers"]
    given = container["securityContext"]["capabilities"]
    assert given["drop"] == ["ALL"]
    return tuple(given["add"])


def launcher(
    place: Path, capabilities: tuple[str, ...], mounts: str = "rslave"
) -> tuple[str, ...]:
    """What runs the agent so; `mounts`: how later ones of the host come in (mount(8))."""
    words = ",".join(f"+{name.lower()}" for name in capabilities) or "-all"
    return ("sh", "-c", CONFINED, str(place / "sysctls"), words, mounts)


@contextmanager
def confined(
    place: Path, without: str = "", *options: str, six: bool = False
) -> Iterator[World]:
    sysctls = ("--sysctls", str(place / "sysctls"))
    with a_world(place, "--cooldown", "0", *sysctls, *options, six=six) as world:
        left = tuple(name for name in granted() if name != without)
        world.launcher = launcher(place, left)
        yield world


def test_the_manifests_capabilities_are_enough_for_a_pods_whole_life(
    tmp_path: Path,
) -> None:
    with confined(tmp_path, six=True) as world:
        world.start()
        pod = world.run_pod("one")
        assert world.reaches(pod.space, "10.0.8.1")
        assert world.reaches(world.node, pod.address)
        result = world.cni("ADD", world.a_space_for("two"))
        assert result.returncode == 0
        # A restart takes over, what drifted comes back, flows are looked at.
        world.kill()
        world.start()
        ip(world.node, "rule", "del", "pref", "510")
        until(world.repaired, "a repair")
        until(lambda: not world.status["trouble"], "no trouble")
        world.remove_pod(pod)
        until(lambda: len(world.host_ends()) == 1, "a pod less")
        refused = [line for line in world.log.splitlines() if "refused" in line]

        assert refused == []


def test_they_are_enough_for_the_fast_path(tmp_path: Path) -> None:
    with confined(tmp_path, "", "--fast-path", "on", "--conntrack", "on") as world:
        world.start()
        world.run_pod("one")

        assert "refused" not in world.log
        assert world.status["fastPath"] not in {"off", "absent"}


def test_without_net_admin_the_node_cannot_be_set_up(tmp_path: Path) -> None:
    with confined(tmp_path, "NET_ADMIN") as world:
        world.start(wait=False)
        until((tmp_path / "agent.sock").exists, "an answer")
        until(lambda: "not permitted" in world.log.lower(), "a reason")

        assert world.cni("STATUS", None, version="1.1.0").returncode == 1


def test_without_sys_admin_no_pods_namespace_can_be_entered(tmp_path: Path) -> None:
    with confined(tmp_path, "SYS_ADMIN") as world:
        world.start(wait=False)
        assert world.process is not None
        assert world.process.wait() == 1
        world.process = None

        assert "next step: give the agent CAP_SYS_ADMIN" in world.log


def test_the_hosts_settings_need_a_way_that_can_be_written_to(tmp_path: Path) -> None:
    with confined(tmp_path) as world:
        world.options = ("--cooldown", "0")  # /proc/sys, as a container has it
        run("ip", "netns", "exec", world.node, "sysctl", "-qw", "net.ipv4.ip_forward=0")
        world.start(wait=False)
        until(lambda: "Read-only file system" in world.log, "a reason")

        assert world.cni("STATUS", None, version="1.1.0").returncode == 1


@pytest.mark.parametrize(("mounts", "mended"), [("rslave", True), ("rprivate", False)])
def test_without_the_runtimes_namespaces_no_pods_inside_is_mended(
    tmp_path: Path, mounts: str, mended: bool
) -> None:
    """HostToContainer is rslave: a namespace that is made later comes in."""
    with confined(tmp_path) as world:
        world.launcher = launcher(tmp_path, granted(), mounts)
        world.start()
        pod = world.run_pod("one")
        ip(pod.space, "route", "del", "default")
        world.repaired()

        assert bool(ip(pod.space, "route", "show", "default")) is mended
