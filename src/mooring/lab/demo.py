"""The main job, told step by step: each line says what was done and what was measured.

A step gives its line or raises why not. Whatever happens, the lab is taken down at the end;
what a killed run left is taken down at the beginning.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mooring.core.linux.ping import Pinged, command, pinged
from mooring.core.vcn.estate import Ref, pod_group, pod_rules, resolved
from mooring.core.vcn.packets.fabric import SERVER
from mooring.core.vcn.topology import Topology, parse
from mooring.lab import cloud, probe, report
from mooring.lab.errors import LabError
from mooring.lab.lifecycle import Lab
from mooring.lab.nodes import SPACES
from mooring.lab.podrecord import PodSight
from mooring.lab.pods import Pods
from mooring.lab.probe import Echo
from mooring.lab.record import Standing

RUNTIME = "containerd"
RULE = "from pods: all"
HTTPS = 443
PINGS = 5

Tell = Callable[[str], None]


def run(lab: Lab, tell: Tell) -> int:
    """Show it all; 0 when every step did what it says, else 1."""
    begun = lab.tools.clock.now()
    tell("pods with addresses of the VCN, on two nodes with containerd")
    show = Show(lab, tell)
    lab.down()
    try:
        show.step("lab up", show.up)
        show.step("pods", show.pods_up)
        show.step("ping", show.ping)
        show.step("TCP", lambda: show.preserved("tcp"))
        show.step("UDP", lambda: show.preserved("udp"))
        show.step("internet", show.internet)
        show.step("rule removed", show.cut)
        show.step("rule added", show.restore)
    except LabError as error:
        for line in error.lines():
            tell(f"     {line}")
        return 1
    finally:
        show.step("lab down", show.down)
    tell(f"all of it in {lab.tools.clock.now() - begun:.1f} s")
    return 0


@dataclass(slots=True)
class Scene:
    """What the steps share once the lab is up."""

    standing: Standing
    pods: Pods
    web: PodSight
    client: PodSight


class Show:
    """The steps."""

    def __init__(self, lab: Lab, tell: Tell) -> None:
        self._lab, self._tell, self._number = lab, tell, 0
        self._standing: Standing | None = None
        self._scene: Scene | None = None

    def step(self, title: str, act: Callable[[], str]) -> None:
        """Do a step and tell it, with the time it took."""
        self._number += 1
        begun = self._lab.tools.clock.now()
        try:
            line = act()
        except LabError:
            self._tell(f"{self._number:2}  {title:13} FAILED")
            raise
        took = self._lab.tools.clock.now() - begun
        self._tell(f"{self._number:2}  {title:13} {line}  ({took:.1f} s)")

    def up(self) -> str:
        """Bring the lab up."""
        wish = {"name": self._lab.name, "runtime": RUNTIME, "nodes": 2}

        def topology(_: Topology | None) -> Topology:
            return parse(wish)

        standing = self._standing = self._lab.up(topology)
        seen = report.report(self._lab, standing)
        pools = [str(node["vnics"][0]["addresses"]) for node in seen["nodes"]]
        blocks = ", ".join(str(c) for c in standing.topology.cidrs)
        return f"VCN {blocks}; {len(pools)} nodes with {' and '.join(pools)} addresses"

    def pods_up(self) -> str:
        """Run a server on one node and a client on the other."""
        standing = self._standing
        if standing is None:
            raise LabError("the lab is not up")
        pods = self._lab.pods(standing)
        first, second = standing.instances
        web, client = pods.run("web", first), pods.run("client", second)
        self._scene = Scene(standing, pods, web, client)
        served = pods.execute("web", probe.detached_server(), 60)
        if served.code:
            raise LabError("the server in pod web did not start")
        return (
            f"web {web.address} on {web.node}, client {client.address} on {client.node}"
        )

    def ping(self) -> str:
        """Ping across the nodes."""
        found = self._ping(PINGS)
        if found.received != found.sent or found.average is None:
            raise LabError(f"{found.received} of {found.sent} pings were answered")
        return (
            f"client to web across nodes: {found.received} of {found.sent}"
            f" answered, round trip {found.average:.3f} ms"
        )

    def preserved(self, kind: str) -> str:
        """Ask the server whom it sees."""
        scene = self._on
        echo = self._ask(kind)
        if echo.peer != scene.client.address:
            seen = echo.peer or f"nobody ({echo.fault})"
            raise LabError(f"web saw {seen}, not {scene.client.address}")
        return (
            f"web saw {echo.peer}, the client's own address; {echo.milliseconds:.2f} ms"
        )

    def internet(self) -> str:
        """Go out through the NAT gateway, as the pods' route table says."""
        scene = self._on
        with cloud.opened(self._lab.tools, self._lab.files, scene.standing) as opened:
            gateway = opened.nat_address(f"{self._lab.name}-nat")
        echo = self._ask("http", str(SERVER), HTTPS)
        if echo.peer != gateway:
            seen = echo.peer or f"nobody ({echo.fault})"
            raise LabError(f"{SERVER} saw {seen}, not the NAT gateway's {gateway}")
        return (
            f"{SERVER} saw {echo.peer}, the NAT gateway's; {echo.milliseconds:.2f} ms"
        )

    def cut(self) -> str:
        """Take away the one rule that lets pods reach pods."""
        scene = self._on
        with cloud.opened(self._lab.tools, self._lab.files, scene.standing) as opened:
            group = self._group(opened.find("network_security_group", self._group_name))
            found = [r.id for r in opened.rules(group) if r.description == RULE]
            if len(found) != 1:
                raise LabError(f"{len(found)} rules are called {RULE!r}, not 1")
            opened.remove_rules(group, found)
        # The answer came after the rule was out of force: not one packet may pass.
        stopped, echo = self._ping(PINGS), self._ask("tcp")
        if stopped.received or echo.peer:
            raise LabError(f"packets pass without the rule: {stopped}, {echo}")
        return (
            f"NSG rule {RULE!r} removed by the SDK: {stopped.received} of"
            f" {stopped.sent} pings answered, TCP {echo.fault}"
        )

    def restore(self) -> str:
        """Give the rule back."""
        scene = self._on
        topology = scene.standing.topology
        with cloud.opened(self._lab.tools, self._lab.files, scene.standing) as opened:
            group = self._group(opened.find("network_security_group", self._group_name))
            ids = {pod_group(topology): group}
            rules = [r for r in pod_rules(topology) if r["description"] == RULE]
            opened.add_rules(group, [resolved(rule, ids) for rule in rules])
        passed, echo = self._ping(PINGS), self._ask("tcp")
        if passed.received != passed.sent or echo.peer != scene.client.address:
            raise LabError(f"the rule is back, the flow is not: {passed}, {echo}")
        return (
            f"NSG rule {RULE!r} added again: {passed.received} of {passed.sent} pings"
            f" answered, TCP in {echo.milliseconds:.2f} ms"
        )

    def down(self) -> str:
        """Take the lab away, and look whether anything is left."""
        self._lab.down()
        name = self._lab.name
        left = [str(p) for p in SPACES.glob(f"moor-{name}-*")]
        if self._lab.files.exists():
            left.append(str(self._lab.files.path))
        if self._standing is not None:
            pids = self._lab.tools.cgroups.pids(self._standing.groups)
            left += [f"process {pid}" for pid in sorted(pids)]
        if left:
            raise LabError(f"left behind: {', '.join(left)}")
        return "no namespace, process or file is left"

    @property
    def _on(self) -> Scene:
        if self._scene is None:
            raise LabError("the pods are not up")
        return self._scene

    @property
    def _group_name(self) -> str:
        group: Ref = pod_group(self._on.standing.topology)
        return group.name

    def _group(self, ident: str | None) -> str:
        if ident is None:
            raise LabError(f"there is no group {self._group_name}")
        return ident

    def _ping(self, count: int) -> Pinged:
        words = command(self._on.web.address, count)
        ended = self._on.pods.execute("client", words, 60)
        found = pinged(ended.out.decode(errors="replace"))
        if found is None:
            raise LabError(f"ping: {ended.err.decode(errors='replace').strip()}")
        return found

    def _ask(self, kind: str, host: str = "", port: int = probe.PORT) -> Echo:
        words = probe.client(kind, host or self._on.web.address, port)
        ended = self._on.pods.execute("client", words, 60)
        return probe.heard(ended.out.decode(errors="replace"))
