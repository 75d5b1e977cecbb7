"""A copy in the place of an earlier one: nothing of the earlier one is left."""

from dataclasses import dataclass, field
from typing import Any

from twin_views import REGION, loaded, shown
from vcn_cloud import Cloud
from vcn_hub import Hub

from mooring.core.vcn.model import Drg, DrgRouteTable, PublicIp, Resource
from mooring.core.vcn.twin.difference import differences
from mooring.core.vcn.twin.earlier import earlier
from mooring.core.vcn.twin.records import records_of
from mooring.core.vcn.world import World

Json = Any


@dataclass
class Source:
    """A VCN with a public instance and a way out, behind a DRG with a site."""

    cloud: Cloud = field(default_factory=Cloud)

    def __post_init__(self) -> None:
        self.vcn = self.cloud.vcn()
        home = {"compartmentId": self.cloud.compartment}
        inside = {**home, "vcnId": self.vcn["id"]}
        self.gateway = self.cloud.post("/natGateways", inside)
        subnet = self.cloud.subnet(self.vcn, prohibitPublicIpOnVnic=False)
        plug = {"subnetId": subnet["id"], "assignPublicIp": True}
        instance = self.cloud.instance(subnet, createVnicDetails=plug)
        vnic = self.cloud.attach(instance, subnet, assignPublicIp=False)
        hub = Hub(self.cloud)
        self.drg = hub.drg()
        self.attachment = hub.attached(self.drg, self.vcn)
        self.connection = hub.connection(self.drg)
        self.circuit = hub.circuit(self.drg)
        self.cloud.wait()
        address = self.cloud.ip(vnic)["id"]
        wanted = {**home, "lifetime": "RESERVED", "privateIpId": address}
        self.reserved = self.cloud.post("/publicIps", wanted)
        self.cloud.wait()

    def lose(self, path: str, gone: Json) -> None:
        self.cloud.delete(f"/{path}/{gone['id']}")
        self.cloud.wait(1)

    @property
    def ephemeral(self) -> Json:
        """The public address that the instance has."""
        publics = self.cloud.world.of(PublicIp)
        (found,) = (
            p
            for p in publics
            if p.assigned_entity_type == "PRIVATE_IP" and p.lifetime == "EPHEMERAL"
        )
        return {"id": found.id}


def replaced(twin: World, source: World, vcn: Json) -> World:
    """The twin with a new copy in the place of the earlier one."""
    coming = records_of(shown(source), REGION)
    old = earlier(tuple(twin.records.values()), coming, {vcn["id"]})
    changed: tuple[Resource, ...] = (*old.freed, *coming)
    left = {r.id for r in (*old.gone, *changed)}
    return loaded((*(r for r in twin.records.values() if r.id not in left), *changed))


def copied(source: Source) -> World:
    return loaded(records_of(shown(source.cloud.world), REGION))


def test_public_addresses_that_the_source_has_no_more_go() -> None:
    source = Source()
    twin = copied(source)
    source.lose("publicIps", source.ephemeral)
    source.lose("natGateways", source.gateway)

    again = replaced(twin, source.cloud.world, source.vcn)

    assert differences(again, source.cloud.world) == ()
    assert len(list(twin.of(PublicIp))) == 3
    assert [p.id for p in again.of(PublicIp)] == [source.reserved["id"]]


def test_a_reserved_address_stays_and_is_nobodys() -> None:
    source = Source()
    twin = copied(source)
    source.lose("publicIps", source.reserved)
    assert source.cloud.world.find(PublicIp, source.reserved["id"]) is None

    again = replaced(twin, source.cloud.world, source.vcn)

    left = again.find(PublicIp, source.reserved["id"])
    assert left is not None
    assert (left.lifecycle_state, left.assigned_entity_id) == ("AVAILABLE", None)


def test_a_drg_with_all_that_is_at_it_goes_with_its_only_vcn() -> None:
    source = Source()
    twin = copied(source)
    source.lose("virtualCircuits", source.circuit)
    source.lose("ipsecConnections", source.connection)
    source.lose("drgAttachments", source.attachment)
    cpe = source.cloud.get("/cpes", compartmentId=source.cloud.compartment)[0]
    source.lose("cpes", cpe)
    left = copied(source)

    assert differences(replaced(twin, source.cloud.world, source.vcn), left) == ()
    source.lose("drgs", source.drg)
    assert list(replaced(twin, source.cloud.world, source.vcn).of(Drg)) == []


def test_a_drg_of_another_vcn_stays() -> None:
    source = Source()
    Hub(source.cloud).attached(source.drg, source.cloud.vcn("10.9.0.0/16"))
    twin = copied(source)

    old = earlier(tuple(twin.records.values()), (), {source.vcn["id"]})

    kinds = {type(record) for record in old.gone}
    assert not kinds & {Drg, DrgRouteTable}
    assert source.attachment["id"] in {record.id for record in old.gone}


def test_without_an_earlier_copy_nothing_goes() -> None:
    source = Source()
    coming = records_of(shown(source.cloud.world), REGION)

    old = earlier((), coming, {source.vcn["id"]})

    assert (old.gone, old.freed) == ((), ())
