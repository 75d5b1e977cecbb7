"""A fabric on the real kernel for tests: woven, tapped, removed."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count

from builders_vcn import Cloud, an_id
from wiretap import Tap, Wiretap, wiretap

from mooring.adapters import netns
from mooring.adapters.netlink import Kernel
from mooring.adapters.nft import Nft
from mooring.core.linux.plan import End, Veth
from mooring.core.vcn.model import Subnet, Vcn, Vnic
from mooring.core.vcn.packets import names
from mooring.core.vcn.packets.fabric import Fabric, wanted
from mooring.core.vcn.packets.packet import INTERNET
from mooring.core.vcn.packets.router import Port, router
from mooring.localvcn.weaver import Tools, Weaver

# Guests and internet hear everything and say nothing: answers are the test's to give.
DEAF = """table inet deaf {
    chain deaf { type filter hook prerouting priority -400; policy drop; }
}
"""
_numbers = count()


class Field:
    """A cloud and its fabric; `weave` makes the kernel follow the cloud."""

    def __init__(self, cloud: Cloud, tools: Tools) -> None:
        self.name = f"t{os.getpid() % 10**7}-{next(_numbers)}"
        self.cloud = cloud
        self.tools = tools
        self.weaver = Weaver(self.name, tools)

    @property
    def fabric(self) -> Fabric:
        return wanted(self.cloud.world, self.name)

    @property
    def router(self) -> str:
        return names.vcn_space(self.name, self.cloud.vcn_id)

    @property
    def internet(self) -> str:
        return names.internet_space(self.name)

    def node(self, vnic_id: str) -> str:
        return names.node_space(self.name, self.port(vnic_id).instance_id)

    def node_named(self, name: str) -> str:
        return names.node_space(self.name, an_id("instance", name))

    def port(self, vnic_id: str) -> Port:
        vnic = self.cloud.world.find(Vnic, vnic_id)
        vcn = self.cloud.world.find(Vcn, vnic.vcn_id if vnic else "")
        assert vcn is not None
        found = router(self.cloud.world, vcn).port_of(vnic_id)
        assert found is not None
        return found

    def weave(self, *, look: bool = False) -> None:
        self.weaver.weave(self.fabric, look=look)

    def forget(self) -> None:
        """Let all routers forget all flows."""
        for vcn in self.cloud.world.of(Vcn):
            space = names.vcn_space(self.name, vcn.id)
            words = ["ip", "netns", "exec", space, "conntrack", "-F"]
            subprocess.run(words, check=True, capture_output=True)

    @contextmanager
    def inside(self, space: str) -> Iterator[int]:
        fd = netns.open_fd(space)
        try:
            with netns.inside(fd):
                yield fd
        finally:
            netns.close(fd)

    @contextmanager
    def tapped(
        self, vnic_ids: Iterable[str], beside: Mapping[str, str] | None = None
    ) -> Iterator[Wiretap]:
        """Deafen the ends and tap them: VNICs by their id, the internet, what is beside the VCNs.

        `beside` has namespaces that hang on a link called `uplink`, which may not be there now. Other
        VCNs than the present one meet the internet at `internet` and their id.
        """
        with ExitStack() as stack:
            taps: dict[str, Tap] = {}
            for vnic_id in vnic_ids:
                taps[vnic_id] = self._nic(
                    self._deaf(stack, self.node(vnic_id)), vnic_id
                )
            ends = {
                self._outside(vcn.id): (self.internet, names.outside_name(vcn.id))
                for vcn in self.cloud.world.of(Vcn)
            }
            ends |= {key: (s, names.UPLINK) for key, s in (beside or {}).items()}
            for key, (space, link) in ends.items():
                pair = self._pair(space, link)
                if pair is not None:
                    fd = self._deaf(stack, space)
                    taps[key] = Tap(fd, link, pair[0].mac, pair[1].mac)
            yield stack.enter_context(wiretap(netns.inside, taps))

    def _outside(self, vcn_id: str) -> str:
        return INTERNET if vcn_id == self.cloud.vcn_id else f"{INTERNET} {vcn_id}"

    def _pair(self, space: str, link: str) -> tuple[End, End] | None:
        """Give the two ends of a link, the one of this name in this namespace first."""
        for fact in self.fabric.facts[space]:
            if isinstance(fact, Veth):
                for mine, other in ((fact.near, fact.far), (fact.far, fact.near)):
                    if (mine.space, mine.name) == (space, link):
                        return mine, other
        return None

    def _deaf(self, stack: ExitStack, space: str) -> int:
        fd = netns.open_fd(space)
        stack.callback(netns.close, fd)
        if not self.tools.nft.listing("inet", "deaf", fd):
            self.tools.nft.run(DEAF, fd)
        return fd

    def _nic(self, fd: int, vnic_id: str) -> Tap:
        port = self.port(vnic_id)
        subnet = self.cloud.world.find(Subnet, port.subnet.id)
        assert subnet is not None
        nic = names.nic_name(port.slot)
        return Tap(fd, nic, port.vnic.mac_address, subnet.virtual_router_mac)


@contextmanager
def a_field(cloud: Cloud) -> Iterator[Field]:
    """Weave a cloud on the kernel; take all of it away at the end."""
    with Kernel() as kernel, Nft() as nft:
        field = Field(cloud, Tools(kernel, nft, netns))
        try:
            field.weave(look=True)
            yield field
        finally:
            field.weaver.remove()
