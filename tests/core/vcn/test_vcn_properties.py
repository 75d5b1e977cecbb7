"""Random histories of the cloud: whatever is asked, in whatever order, the world holds.

After every step: no address in two objects, blocks aligned and inside of their subnet,
reserved addresses given to nobody, every object's parents there, and the indexes the same
as those built anew from the rows. Refused requests leave the world as it was.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Network
from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)
from vcn_cloud import Cloud

from mooring.core.vcn.acts import publicips
from mooring.core.vcn.acts.ipv6 import singles
from mooring.core.vcn.indexes import reserved
from mooring.core.vcn.limits import SECONDARY_IPS_PER_VNIC, SECONDARY_IPV6S_PER_VNIC
from mooring.core.vcn.model import (
    Instance,
    Ipv6,
    NetworkSecurityGroup,
    PrivateIp,
    PublicIp,
    Resource,
    Subnet,
    Vnic,
    VnicAttachment,
)
from mooring.core.vcn.rows import to_row
from mooring.core.vcn.world import World

LIVE = ("AVAILABLE", "RUNNING", "ATTACHED", "ASSIGNED")
picks = st.integers(0, 1 << 30)
SUBNETS = (
    ("10.0.0.0/28",),
    ("10.0.1.0/27", "10.0.2.0/26"),
    ("10.0.3.0/30",),
    ("10.0.0.0/24",),
    ("10.0.4.0/26",),
)


PREFIXES = [f"fd12:0:0:{n}::/64" for n in range(4)]
RESIZED = ("10.0.0.0/27", "10.0.1.0/28", "10.0.1.0/26", "10.0.2.0/27", "10.0.8.0/29")
SIXES = (None, 80, 124)


class Cloudy(RuleBasedStateMachine):
    """One VCN in which much happens."""

    def __init__(self) -> None:
        super().__init__()
        self.cloud = Cloud()

    @initialize()
    def begin(self) -> None:
        """Two instances, each with VNICs in two small subnets."""
        self.vcn = self.cloud.vcn(
            dnsLabel="net", isIpv6Enabled=True, ipv6PrivateCidrBlocks=["fd12::/56"]
        )
        subnets = [
            self.cloud.subnet(
                self.vcn,
                *cidrs,
                dnsLabel=f"sub{n}",
                ipv6CidrBlock=PREFIXES[n],
                prohibitPublicIpOnVnic=n == 0,
            )
            for n, cidrs in enumerate(SUBNETS[:2])
        ]
        for _ in range(2):
            instance = self.cloud.instance(subnets[0])
            self.cloud.attach(instance, subnets[1])

    def some(self, kind: type[Resource], pick: int) -> str:
        """Give the id of one of a kind, mostly of those that live."""
        found = sorted(self.cloud.world.of(kind), key=lambda r: r.id)
        fit = [r for r in found if r.lifecycle_state in LIVE or pick % 7 == 0]
        return fit[pick % len(fit)].id if fit else "ocid1.none.oc1..none"

    def near(self, vnic_id: str, pick: int) -> str:
        """Give a VNIC of the same subnet, mostly."""
        vnic = self.cloud.world.find(Vnic, vnic_id)
        if vnic is None or pick % 7 == 0:
            return self.some(Vnic, pick)
        found = sorted(v.id for v in self.cloud.world.vnics_of_subnet(vnic.subnet_id))
        return found[pick % len(found)]

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> None:
        """Make a call; when it is refused nothing has changed."""
        before = self.cloud.world
        outcome = self.cloud.send(method, path, body, **more)
        status = outcome.reply.status
        if status >= 400:
            assert status in (400, 404, 409)
            assert outcome.world is before
            assert outcome.changes == ()

    @rule(cidrs=st.sampled_from(SUBNETS), public=st.booleans())
    def a_subnet(self, cidrs: tuple[str, ...], public: bool) -> None:
        self.ask(
            "POST",
            "/subnets",
            {
                "compartmentId": self.cloud.compartment,
                "vcnId": self.vcn["id"],
                "ipv4CidrBlocks": list(cidrs),
                "prohibitPublicIpOnVnic": not public,
            },
        )

    @rule()
    def a_group(self) -> None:
        self.cloud.nsg(self.vcn)

    @rule(pick=picks, host=st.none() | st.sampled_from(["a", "b"]))
    def a_launch(self, pick: int, host: str | None) -> None:
        details = {
            "subnetId": self.some(Subnet, pick),
            "nsgIds": [self.some(NetworkSecurityGroup, pick)] if pick % 3 == 0 else [],
            "hostnameLabel": host,
            "assignIpv6Ip": pick % 2 == 0,
        }
        body = self.cloud.launch_body({"id": ""}, createVnicDetails=details)
        self.ask("POST", "/instances", body)

    @rule(pick=picks, where=picks, address=st.none() | st.integers(0, 20))
    def an_attachment(self, pick: int, where: int, address: int | None) -> None:
        details: dict[str, object] = {"subnetId": self.some(Subnet, where)}
        if address is not None and where % 2:
            details["privateIp"] = str(IPv4Address("10.0.0.0") + address)
        elif address is not None:
            details["privateIpId"] = self.some(PrivateIp, pick)
        body = {"instanceId": self.some(Instance, pick), "createVnicDetails": details}
        self.ask("POST", "/vnicAttachments", body)

    @rule(
        pick=picks,
        address=st.none() | st.integers(0, 15) | st.integers(0, 1024),
        kept=st.booleans(),
        token=st.sampled_from(["", "", "t1", "t2"]),
    )
    def an_address(
        self, pick: int, address: int | None, kept: bool, token: str
    ) -> None:
        body: dict[str, object] = {"lifetime": "RESERVED" if kept else "EPHEMERAL"}
        home = "subnetId" if kept and pick % 2 else "vnicId"
        body[home] = self.some(Subnet if home == "subnetId" else Vnic, pick)
        if address is not None:
            body["ipAddress"] = str(IPv4Address("10.0.0.0") + address)
        headers = {"opc-retry-token": token} if token else {}
        self.ask("POST", "/privateIps", body, headers=headers)

    @rule(pick=picks, prefix=st.integers(27, 31), number=st.none() | st.integers(0, 60))
    def a_block(self, pick: int, prefix: int, number: int | None) -> None:
        body: dict[str, object] = {
            "vnicId": self.some(Vnic, pick),
            "cidrPrefixLength": prefix,
        }
        if number is not None:
            base = IPv4Address("10.0.2.0") + (number << 32 - prefix)
            body["ipAddress"] = str(base)
        self.ask("POST", "/privateIps", body)

    @rule(pick=picks, to=picks)
    def a_move(self, pick: int, to: int) -> None:
        moving = [ip for ip in self.cloud.world.of(PrivateIp) if not ip.is_primary]
        if moving:
            ip = moving[pick % len(moving)]
            body = {"vnicId": self.near(ip.vnic_id or self.some(Vnic, to), to)}
            self.ask("PUT", f"/privateIps/{ip.id}", body)

    @rule(pick=picks, detach=st.booleans())
    def a_return(self, pick: int, detach: bool) -> None:
        path = f"/privateIps/{self.some(PrivateIp, pick)}"
        self.ask(*(("POST", f"{path}/actions/detach") if detach else ("DELETE", path)))

    @rule(
        pick=picks,
        prefix=st.sampled_from(SIXES),
        number=st.none() | st.integers(1, 3),
        kept=st.booleans(),
    )
    def an_ipv6(
        self, pick: int, prefix: int | None, number: int | None, kept: bool
    ) -> None:
        block = IPv6Network(PREFIXES[pick % len(PREFIXES)])
        home, kind = ("subnetId", Subnet) if kept and pick % 2 else ("vnicId", Vnic)
        body: dict[str, object] = {
            home: self.some(kind, pick),
            "lifetime": "RESERVED" if kept else "EPHEMERAL",
            "cidrPrefixLength": prefix,
        }
        if number is not None:
            body["ipAddress"] = str(block[number << (128 - (prefix or 128))])
            body["ipv6SubnetCidr"] = str(block)
        self.ask("POST", "/ipv6", body)

    @rule(pick=picks, to=picks, call=st.sampled_from(["PUT", "PUT", "POST", "DELETE"]))
    def an_ipv6_goes(self, pick: int, to: int, call: str) -> None:
        six = self.cloud.world.find(Ipv6, self.some(Ipv6, pick))
        if six is not None:
            vnic = self.near(six.vnic_id or self.some(Vnic, to), to)
            end = "/actions/detach" if call == "POST" else ""
            body = {"vnicId": vnic} if call == "PUT" else None
            self.ask(call, f"/ipv6/{six.id}{end}", body)

    @rule(pick=picks, owned=st.booleans(), kept=st.booleans())
    def a_public_ip(self, pick: int, owned: bool, kept: bool) -> None:
        body = {
            "compartmentId": self.cloud.compartment,
            "lifetime": "RESERVED" if kept else "EPHEMERAL",
            "privateIpId": self.some(PrivateIp, pick) if owned else None,
        }
        self.ask("POST", "/publicIps", body)

    @rule(pick=picks, to=picks, call=st.sampled_from(["move", "take", "delete"]))
    def a_public_ip_goes(self, pick: int, to: int, call: str) -> None:
        path = f"/publicIps/{self.some(PublicIp, pick)}"
        body = {"privateIpId": self.some(PrivateIp, to) if call == "move" else ""}
        self.ask(*(("DELETE", path) if call == "delete" else ("PUT", path, body)))

    @rule(pick=picks, old=st.sampled_from(RESIZED), new=st.sampled_from(RESIZED))
    def a_block_of_a_subnet(self, pick: int, old: str, new: str) -> None:
        ours = self.cloud.world.find(Subnet, self.some(Subnet, pick))
        if ours is None:
            return
        blocks = [*map(str, ours.ipv4_cidr_blocks), old]
        mine = blocks[pick % len(blocks)]
        wide = IPv4Network(mine).supernet()
        narrow = next(IPv4Network(mine).subnets(new_prefix=30))
        changed = str(narrow if old == new else wide)
        actions = {
            "addIpv4Cidr": {"ipv4CidrBlock": new},
            "removeIpv4Cidr": {"ipv4CidrBlock": mine},
            "modifyIpv4Cidr": {"ipv4CidrBlock": mine, "updatedIpv4CidrBlock": changed},
            "addIpv6Cidr": {"ipv6CidrBlock": PREFIXES[pick % len(PREFIXES)]},
            "removeIpv6Cidr": {"ipv6CidrBlock": PREFIXES[pick % len(PREFIXES)]},
        }
        action = sorted(actions)[pick % len(actions)]
        path = f"/subnets/{ours.id}/actions/{action}"
        self.ask("POST", path, actions[action])

    @rule(
        pick=picks,
        end=st.sampled_from(
            [
                ("DELETE", "/vnicAttachments/{}", VnicAttachment),
                ("DELETE", "/instances/{}", Instance),
                ("DELETE", "/subnets/{}", Subnet),
                ("DELETE", "/networkSecurityGroups/{}", NetworkSecurityGroup),
            ]
        ),
    )
    def an_end(self, pick: int, end: tuple[str, str, type[Resource]]) -> None:
        method, path, kind = end
        self.ask(method, path.format(self.some(kind, pick)))

    @rule(seconds=st.sampled_from([0.1, 1, 10, 4000, 100_000]))
    def time(self, seconds: float) -> None:
        self.cloud.wait(seconds)

    # -- what always holds

    @invariant()
    def no_address_is_in_two_objects(self) -> None:
        seen: set[tuple[str, IPv4Address]] = set()
        for ip in self.cloud.world.of(PrivateIp):
            for address in ip.block:
                assert (ip.subnet_id, address) not in seen
                seen.add((ip.subnet_id, address))

    @invariant()
    def blocks_lie_in_their_subnet_and_reserved_ones_are_nobody_s(self) -> None:
        for ip in self.cloud.world.of(PrivateIp):
            subnet = self.cloud.world.find(Subnet, ip.subnet_id)
            assert subnet is not None
            assert any(ip.block.subnet_of(block) for block in subnet.ipv4_cidr_blocks)
            kept = {n for block in subnet.ipv4_cidr_blocks for n in reserved(block)}
            assert not kept & {int(address) for address in ip.block}

    @invariant()
    def ipv6_objects_lie_apart_in_their_subnet_s_parts(self) -> None:
        for subnet in self.cloud.world.of(Subnet):
            sixes = list(self.cloud.world.ipv6s_in(subnet.id))
            for one, two in pairwise(sixes):
                assert not one.block.overlaps(two.block)
            for six in sixes:
                outer = [b for b in subnet.ipv6_cidr_blocks if six.block.subnet_of(b)]
                assert len(outer) == 1
                is_single = six.cidr_prefix_length is None
                assert six.block.subnet_of(singles(outer[0])) is is_single
                assert six.ip_address != outer[0][0]
                assert six.vnic_id is None or self.cloud.world.find(Vnic, six.vnic_id)

    @invariant()
    def indexes_follow_from_the_records(self) -> None:
        world = self.cloud.world
        records = (*world.records.values(), *world.tokens.values())
        assert World.load([to_row(record) for record in records]) == world

    @invariant()
    def what_is_referred_to_is_there(self) -> None:
        world = self.cloud.world
        for vnic in world.of(Vnic):
            assert world.find(Subnet, vnic.subnet_id)
            assert all(world.find(NetworkSecurityGroup, n) for n in vnic.nsg_ids)
            assert world.attachment_of_vnic(vnic.id)
            ips = world.private_ips_of(vnic.id)
            assert [ip.is_primary for ip in ips].count(True) == 1
            assert len(ips) <= 1 + SECONDARY_IPS_PER_VNIC
            assert len(world.ipv6s_of(vnic.id)) <= 1 + SECONDARY_IPV6S_PER_VNIC
        for ip in world.of(PrivateIp):
            assert ip.vnic_id is None or world.find(Vnic, ip.vnic_id)

    @invariant()
    def a_vnic_shows_the_public_address_of_its_primary_private_ip(self) -> None:
        world = self.cloud.world
        for vnic in world.of(Vnic):
            public = publicips.of(world, world.private_ips_of(vnic.id)[0].id)
            assert vnic.public_ip == (public and public.ip_address)
        owners = [ip.assigned_entity_id for ip in world.of(PublicIp)]
        owned = [owner for owner in owners if owner is not None]
        assert len(owned) == len(set(owned))
        assert all(world.get(owner) for owner in owned)

    @invariant()
    def instances_keep_to_their_shape(self) -> None:
        world = self.cloud.world
        for instance in world.of(Instance):
            live = [
                attachment
                for attachment in world.attachments_of(instance.id)
                if attachment.lifecycle_state != "DETACHED"
            ]
            slots = [attachment.slot for attachment in live]
            assert len(slots) == len(set(slots)) <= instance.max_vnic_attachments
            if instance.lifecycle_state == "TERMINATED":
                assert live == []

    @invariant()
    def the_address_space_is_the_objects_and_the_reserved(self) -> None:
        for subnet in self.cloud.world.of(Subnet):
            listed_ = self.cloud.get("/privateIps", subnetId=subnet.id, limit="1000")
            known = {ip.id for ip in self.cloud.world.private_ips_in(subnet.id)}
            assert {ip["id"] for ip in listed_} == known


TestCloudy = Cloudy.TestCase
TestCloudy.settings = settings(max_examples=30, stateful_step_count=40)
