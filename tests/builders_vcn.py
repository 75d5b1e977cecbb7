"""Small clouds for tests, made of model records without the API in between.

`Cloud` holds a World that grows call by call; ids are made from names, so that the same
calls make the same World.
"""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from mooring.core.vcn.model import (
    Instance,
    InternetGateway,
    NatGateway,
    NetworkSecurityGroup,
    Ports,
    PrivateIp,
    RouteRule,
    RouteTable,
    SecurityList,
    SecurityRule,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
)
from mooring.core.vcn.world import World

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
ANYWHERE = "0.0.0.0/0"
AD = "moor:LOCAL-1-AD-1"


def an_id(kind: str, name: str) -> str:
    tail = hashlib.sha256(f"{kind}/{name}".encode()).hexdigest()[:24]
    return f"ocid1.{kind}.oc1.local-1.{tail}"


def a_mac(name: str) -> str:
    raw = hashlib.sha256(name.encode()).digest()[:3]
    return "02:00:17:" + raw.hex(":")


def ports(text: str | None) -> Ports | None:
    """Read "80" or "80-90"."""
    if text is None:
        return None
    low, _, high = text.partition("-")
    return Ports(int(low), int(high or low))


def allow(
    direction: str,
    protocol: str = "all",
    peer: str = ANYWHERE,
    *,
    to: str | None = None,
    since: str | None = None,
    icmp: tuple[int, int | None] | None = None,
    stateless: bool = False,
) -> SecurityRule:
    """Write a rule; `to` and `since` are the destination and source ports."""
    words = {"icmp": "1", "tcp": "6", "udp": "17"}
    return SecurityRule(
        direction=direction.upper(),
        protocol=words.get(protocol, protocol),
        peer=peer,
        peer_type="CIDR_BLOCK" if "/" in peer else "NETWORK_SECURITY_GROUP",
        is_stateless=stateless,
        source_ports=ports(since),
        destination_ports=ports(to),
        icmp_type=icmp[0] if icmp else None,
        icmp_code=icmp[1] if icmp else None,
    )


OPEN = (allow("ingress"), allow("egress"))


class Cloud:
    """A World that is being built."""

    def __init__(self, cidr: str = "10.0.0.0/16", name: str = "net") -> None:
        self.world = World.empty()
        self.vcn_id = self.vcn(name, cidr)

    def vcn(self, name: str, cidr: str) -> str:
        """Add a VCN and make it the one to which the following belongs."""
        self.vcn_id = an_id("vcn", name)
        self.world = self.world.put(
            Vcn(
                id=self.vcn_id,
                **_about(name),
                cidr_blocks=(IPv4Network(cidr),),
                default_route_table_id=an_id("routetable", "default"),
                default_security_list_id=an_id("securitylist", "default"),
                default_dhcp_options_id=an_id("dhcpoptions", "default"),
            )
        )
        return self.vcn_id

    def table(self, name: str, *rules: tuple[str, str]) -> str:
        """Add or change a route table of (destination, target)."""
        table = RouteTable(
            id=an_id("routetable", name),
            **_about(name),
            vcn_id=self.vcn_id,
            route_rules=tuple(
                RouteRule(
                    destination=destination,
                    destination_type="CIDR_BLOCK",
                    network_entity_id=target,
                )
                for destination, target in rules
            ),
        )
        self.world = self.world.put(table)
        return table.id

    def security_list(self, name: str, *rules: SecurityRule) -> str:
        """Add or change a security list."""
        book = SecurityList(
            id=an_id("securitylist", name),
            **_about(name),
            vcn_id=self.vcn_id,
            rules=rules,
        )
        self.world = self.world.put(book)
        return book.id

    def group(self, name: str, *rules: SecurityRule) -> str:
        """Add or change a network security group."""
        book = NetworkSecurityGroup(
            id=an_id("networksecuritygroup", name),
            **_about(name),
            vcn_id=self.vcn_id,
            rules=tuple(
                replace(rule, id=f"{name}-{n}") for n, rule in enumerate(rules)
            ),
        )
        self.world = self.world.put(book)
        return book.id

    def subnet(
        self,
        name: str,
        cidr: str,
        lists: tuple[str, ...] = (),
        table: str | None = None,
        *,
        no_ingress: bool = False,
    ) -> str:
        """Add a subnet of one or, with commas, more blocks."""
        subnet = Subnet(
            id=an_id("subnet", name),
            **_about(name),
            vcn_id=self.vcn_id,
            ipv4_cidr_blocks=tuple(IPv4Network(c) for c in cidr.split(",")),
            route_table_id=table or an_id("routetable", "default"),
            security_list_ids=lists,
            dhcp_options_id=an_id("dhcpoptions", "default"),
            prohibit_internet_ingress=no_ingress,
            virtual_router_mac=a_mac(f"router {name}").replace("02:00", "00:00", 1),
        )
        self.world = self.world.put(subnet)
        return subnet.id

    def instance(self, name: str) -> str:
        """Add a running instance."""
        instance = Instance(
            id=an_id("instance", name),
            **_about(name) | {"lifecycle_state": "RUNNING"},
            availability_domain=AD,
            shape="VM.Standard.E5.Flex",
            ocpus=1.0,
            memory_in_gbs=8.0,
            max_vnic_attachments=8,
            region="local-1",
        )
        self.world = self.world.put(instance)
        return instance.id

    def vnic(
        self,
        name: str,
        subnet_id: str,
        address: str,
        *,
        on: str | None = None,
        slot: int = 0,
        groups: tuple[str, ...] = (),
        public: str | None = None,
        skip_check: bool = False,
    ) -> str:
        """Add a plugged-in VNIC with its primary address, on a new instance if none."""
        instance_id = on or self.instance(name)
        vnic = Vnic(
            id=an_id("vnic", name),
            **_about(name),
            subnet_id=subnet_id,
            vcn_id=self.vcn_id,
            availability_domain=AD,
            mac_address=a_mac(name),
            is_primary=slot == 0,
            skip_source_dest_check=skip_check,
            nsg_ids=groups,
            public_ip=IPv4Address(public) if public else None,
        )
        attachment = VnicAttachment(
            id=an_id("vnicattachment", name),
            **_about(name) | {"lifecycle_state": "ATTACHED"},
            instance_id=instance_id,
            vnic_id=vnic.id,
            subnet_id=subnet_id,
            availability_domain=AD,
            slot=slot,
        )
        self.world = self.world.put(vnic).put(attachment)
        self.ip(vnic.id, address, is_primary=True)
        return vnic.id

    def ip(self, vnic_id: str, address: str, *, is_primary: bool = False) -> str:
        """Add a private IP to a VNIC: an address, or a block with its prefix."""
        vnic = self.get(vnic_id)
        first, _, prefix = address.partition("/")
        private_ip = PrivateIp(
            id=an_id("privateip", address),
            **_about(address),
            subnet_id=vnic.subnet_id,
            vcn_id=vnic.vcn_id,
            ip_address=IPv4Address(first),
            cidr_prefix_length=int(prefix) if prefix else None,
            vnic_id=vnic_id,
            is_primary=is_primary,
        )
        self.world = self.world.put(private_ip)
        return private_ip.id

    def nat(self, name: str, face: str, *, blocked: bool = False) -> str:
        """Add or change a NAT gateway."""
        gateway = NatGateway(
            id=an_id("natgateway", name),
            **_about(name),
            vcn_id=self.vcn_id,
            nat_ip=IPv4Address(face),
            block_traffic=blocked,
        )
        self.world = self.world.put(gateway)
        return gateway.id

    def internet(self, name: str = "igw", *, enabled: bool = True) -> str:
        """Add or change an internet gateway."""
        gateway = InternetGateway(
            id=an_id("internetgateway", name),
            **_about(name),
            vcn_id=self.vcn_id,
            is_enabled=enabled,
        )
        self.world = self.world.put(gateway)
        return gateway.id

    def get(self, vnic_id: str) -> Vnic:
        """Give a VNIC."""
        vnic = self.world.find(Vnic, vnic_id)
        assert vnic is not None
        return vnic

    def change(self, id: str, **fields: Any) -> None:
        """Change fields of any record."""
        record = self.world.get(id)
        assert record is not None
        self.world = self.world.put(replace(record, **fields))

    def unplug(self, name: str) -> None:
        """Detach the VNIC of this name."""
        self.change(an_id("vnicattachment", name), lifecycle_state="DETACHED")


def _about(name: str) -> dict[str, Any]:
    return {
        "compartment_id": "ocid1.tenancy.oc1..aaaa",
        "display_name": name,
        "time_created": EPOCH,
        "lifecycle_state": "AVAILABLE",
    }


def a_world() -> Cloud:
    """Two open subnets, two VNICs in the first and one in the second; no way out."""
    cloud = Cloud()
    everything = cloud.security_list("open", *OPEN)
    table = cloud.table("none")
    one = cloud.subnet("one", "10.0.1.0/24", (everything,), table)
    two = cloud.subnet("two", "10.0.2.0/24", (everything,), table)
    cloud.vnic("a", one, "10.0.1.5")
    cloud.vnic("b", one, "10.0.1.6")
    cloud.vnic("c", two, "10.0.2.7")
    return cloud
