"""Instance metadata on real sockets, inside a router's namespace."""

import asyncio
import json
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from ipaddress import IPv4Address, IPv4Network

import pytest

from mooring.adapters import netns
from mooring.core.vcn.model import (
    Instance,
    PrivateIp,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
)
from mooring.core.vcn.packets.names import vcn_space
from mooring.core.vcn.world import World
from mooring.localvcn.enforcement import NoFabric
from mooring.localvcn.follow import Following
from mooring.localvcn.imds import Metadata

FABRIC = f"imds{os.getpid()}"[-12:]
ONE, TWO = "ocid1.vcn.oc1.x.aaaaaaa1", "ocid1.vcn.oc1.x.aaaaaaa2"
NOW = datetime(2026, 7, 12, tzinfo=UTC)
COMMON = {"compartment_id": "c", "display_name": "n", "time_created": NOW}
BEARER = {"Authorization": "Bearer Oracle"}
Story = Callable[[Following], Awaitable[None]]


def a_world(*vcns: str) -> World:
    """VCNs that all have the same addresses; each one's instance is called like it."""
    world = World.empty()
    for vcn in vcns:
        for record in (
            Vcn(
                id=vcn,
                cidr_blocks=(IPv4Network("10.0.0.0/16"),),
                default_route_table_id="r",
                default_security_list_id="s",
                default_dhcp_options_id="d",
                **COMMON,
            ),
            Subnet(
                id=f"subnet-{vcn}",
                vcn_id=vcn,
                ipv4_cidr_blocks=(IPv4Network("10.0.1.0/24"),),
                route_table_id="r",
                security_list_ids=(),
                dhcp_options_id="d",
                virtual_router_mac="00:00:17:00:00:01",
                **COMMON,
            ),
            Instance(
                id=f"instance-{vcn}",
                availability_domain="ad",
                shape="VM",
                ocpus=1,
                memory_in_gbs=1,
                max_vnic_attachments=2,
                region="local-1",
                **COMMON,
            ),
            Vnic(
                id=f"vnic-{vcn}",
                subnet_id=f"subnet-{vcn}",
                vcn_id=vcn,
                availability_domain="ad",
                mac_address="02:00:17:00:00:05",
                is_primary=True,
                **COMMON,
            ),
            VnicAttachment(
                id=f"attachment-{vcn}",
                instance_id=f"instance-{vcn}",
                vnic_id=f"vnic-{vcn}",
                subnet_id=f"subnet-{vcn}",
                availability_domain="ad",
                **{**COMMON, "lifecycle_state": "ATTACHED"},
            ),
            PrivateIp(
                id=f"ip-{vcn}",
                subnet_id=f"subnet-{vcn}",
                vcn_id=vcn,
                ip_address=IPv4Address("10.0.1.5"),
                vnic_id=f"vnic-{vcn}",
                is_primary=True,
                **COMMON,
            ),
        ):
            world = world.put(record)
    return world


def make_space(vcn: str) -> None:
    """A router's namespace, as far as metadata needs one; clients live in it too."""
    name = vcn_space(FABRIC, vcn)
    netns.create(name)
    for words in (
        "link set lo up",
        "addr add 169.254.169.254/32 dev lo",
        "addr add 10.0.1.5/32 dev lo",
        "addr add 10.0.1.6/32 dev lo",
    ):
        subprocess.run(["ip", "-n", name, *words.split()], check=True)


@pytest.fixture(autouse=True)
def spaces() -> Iterator[None]:
    yield
    for vcn in (ONE, TWO):
        netns.delete(vcn_space(FABRIC, vcn))


def ask(
    vcn: str, path: str, source: str = "10.0.1.5", headers: dict[str, str] = BEARER
) -> tuple[int, str]:
    """Ask as a program in the namespace does."""
    connection = HTTPConnection("169.254.169.254", 80, 60, source_address=(source, 0))
    fd = netns.open_fd(vcn_space(FABRIC, vcn))
    try:
        with netns.inside(fd):
            connection.connect()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()
        netns.close(fd)


def play(story: Story) -> None:
    async def scene() -> None:
        metadata = Following(NoFabric(), netns, Metadata(FABRIC))
        keeper = asyncio.create_task(metadata.run())
        try:
            await story(metadata)
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    asyncio.run(scene())


def test_each_vcn_answers_of_its_own_instances() -> None:
    make_space(ONE)
    make_space(TWO)

    async def story(metadata: Following) -> None:
        await metadata.apply(a_world(ONE, TWO))
        for vcn in (ONE, TWO):
            said = await asyncio.to_thread(ask, vcn, "/opc/v2/instance/id")
            assert said == (200, f"instance-{vcn}")

    play(story)


def test_the_vnics_are_told() -> None:
    make_space(ONE)

    async def story(metadata: Following) -> None:
        await metadata.apply(a_world(ONE))
        status, body = await asyncio.to_thread(ask, ONE, "/opc/v2/vnics/")
        assert status == 200
        assert json.loads(body)[0]["virtualRouterIp"] == "10.0.1.1"

    play(story)


@pytest.mark.parametrize(
    ("path", "source", "headers", "status"),
    [
        ("/opc/v2/instance/", "10.0.1.5", {}, 403),
        ("/opc/v2/instance/", "10.0.1.6", BEARER, 404),
        ("/opc/v1/instance/", "10.0.1.5", BEARER, 404),
    ],
)
def test_others_are_turned_away(
    path: str, source: str, headers: dict[str, str], status: int
) -> None:
    make_space(ONE)

    async def story(metadata: Following) -> None:
        await metadata.apply(a_world(ONE))
        said = await asyncio.to_thread(ask, ONE, path, source, headers)
        assert said[0] == status

    play(story)


def test_sockets_come_and_go_with_the_vcns() -> None:
    make_space(ONE)
    make_space(TWO)

    async def story(metadata: Following) -> None:
        await metadata.apply(a_world(ONE))
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(ask, TWO, "/opc/v2/instance/id")
        await metadata.apply(a_world(TWO))
        assert (await asyncio.to_thread(ask, TWO, "/opc/v2/instance/id"))[0] == 200
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(ask, ONE, "/opc/v2/instance/id")

    play(story)


def test_a_namespace_made_anew_gets_a_new_socket() -> None:
    make_space(ONE)

    async def story(metadata: Following) -> None:
        await metadata.apply(a_world(ONE))
        netns.delete(vcn_space(FABRIC, ONE))
        await metadata.follow()  # nowhere to listen, which is no reason to fail
        make_space(ONE)
        await metadata.follow()
        assert (await asyncio.to_thread(ask, ONE, "/opc/v2/instance/id"))[0] == 200

    play(story)
