"""Service and peering gateways as they are shown."""

from collections.abc import Sequence
from ipaddress import IPv4Network

from mooring.core.vcn.model import LocalPeeringGateway, ServiceGateway, Vcn
from mooring.core.vcn.oracle_services import service
from mooring.core.vcn.shown.forms import Json, More, plain
from mooring.core.vcn.world import World


def _service_gateway(gateway: ServiceGateway, world: World) -> Json:
    found = (service(world.settings.region, name) for name in gateway.services)
    return {
        "services": [
            {"serviceId": one.id, "serviceName": one.name} for one in found if one
        ]
    }


def _local_peering(gateway: LocalPeeringGateway, world: World) -> Json:
    peer = world.find(LocalPeeringGateway, gateway.peer_id or "")
    vcn = world.find(Vcn, peer.vcn_id) if peer else None
    is_peered = gateway.peering_status == "PEERED"
    blocks = vcn.cidr_blocks if vcn and is_peered else ()
    prefixes = vcn.ipv6_cidr_blocks if vcn and is_peered else ()
    return {
        "isCrossTenancyPeering": False,
        "peeringStatusDetails": DETAILS[gateway.peering_status],
        "peerAdvertisedCidr": str(aggregate(blocks)) if blocks else None,
        "peerAdvertisedCidrDetails": plain((*blocks, *prefixes)),
    }


DETAILS = {
    "NEW": "Not connected to a peer.",
    "PENDING": "Connecting to the peer.",
    "PEERED": "Connected to a peer.",
    "REVOKED": "The peer was deleted.",
}


def aggregate(blocks: Sequence[IPv4Network]) -> IPv4Network:
    """Give the smallest block that has all of some in it."""
    found = blocks[0]
    while not all(block.subnet_of(found) for block in blocks):
        found = found.supernet()
    return found


MORE: More = {
    ServiceGateway: _service_gateway,
    LocalPeeringGateway: _local_peering,
}
