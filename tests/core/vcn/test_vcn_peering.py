"""Peerings between VCNs and between DRGs."""

import pytest
from vcn_cloud import Cloud
from vcn_hub import REGION, Hub, route

from mooring.core.vcn.limits import PEERINGS_PER_VCN

RELATED = "RelatedResourceNotAuthorizedOrNotFound"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def hub(cloud: Cloud) -> Hub:
    return Hub(cloud)


def connect(cloud: Cloud, one: dict[str, str], two: str) -> tuple[int, str, str]:
    path = f"/localPeeringGateways/{one['id']}/actions/connect"
    return cloud.refused("POST", path, {"peerId": two})


def test_two_vcns_are_peered_after_a_while(cloud: Cloud, hub: Hub) -> None:
    one = cloud.vcn("10.1.0.0/16", isIpv6Enabled=True)
    two = cloud.post(
        "/vcns", {**hub.home, "cidrBlocks": ["10.2.0.0/16", "10.5.0.0/16"]}
    )
    ours, theirs = hub.peering(one), hub.peering(two)
    path = f"/localPeeringGateways/{ours['id']}"

    assert (ours["peeringStatus"], ours["peerId"]) == ("NEW", None)
    cloud.post(f"{path}/actions/connect", {"peerId": theirs["id"]})
    pending = cloud.get(path)
    assert (pending["peeringStatus"], pending["peerId"]) == ("PENDING", theirs["id"])
    assert pending["peerAdvertisedCidr"] is None
    cloud.wait(1)
    peered = cloud.get(path)
    assert peered["peeringStatus"] == "PEERED"
    assert peered["peerAdvertisedCidr"] == "10.0.0.0/13"
    assert peered["peerAdvertisedCidrDetails"] == ["10.2.0.0/16", "10.5.0.0/16"]
    other = cloud.get(f"/localPeeringGateways/{theirs['id']}")
    assert (other["peeringStatus"], other["peerId"]) == ("PEERED", ours["id"])
    assert other["peerAdvertisedCidrDetails"] == [
        "10.1.0.0/16",
        *one["ipv6CidrBlocks"],
    ]
    assert not peered["isCrossTenancyPeering"]


def test_the_end_that_is_left_is_revoked_and_of_no_use(cloud: Cloud, hub: Hub) -> None:
    one, two = cloud.vcn("10.1.0.0/16"), cloud.vcn("10.2.0.0/16")
    ours, theirs = hub.peered(one, two)
    cloud.delete(f"/localPeeringGateways/{theirs['id']}")
    left = cloud.get(f"/localPeeringGateways/{ours['id']}")

    assert left["peeringStatus"] == "REVOKED"
    assert left["peerAdvertisedCidrDetails"] == []
    status, code, message = connect(cloud, left, hub.peering(two)["id"])
    assert (status, code) == (409, "Conflict")
    assert "REVOKED" in message
    cloud.delete(f"/localPeeringGateways/{left['id']}")


def test_an_end_that_goes_while_pending_revokes_too(cloud: Cloud, hub: Hub) -> None:
    ends = [hub.peering(cloud.vcn(f"10.{n}.0.0/16")) for n in (1, 2)]
    path = f"/localPeeringGateways/{ends[0]['id']}"
    cloud.post(f"{path}/actions/connect", {"peerId": ends[1]["id"]})
    cloud.delete(f"/localPeeringGateways/{ends[1]['id']}")
    cloud.wait()

    assert cloud.get(path)["peeringStatus"] == "REVOKED"


def test_what_cannot_be_peered_is_refused(cloud: Cloud, hub: Hub) -> None:
    one, two = cloud.vcn("10.1.0.0/16"), cloud.vcn("10.2.0.0/16")
    overlapping = cloud.vcn("10.1.128.0/17")
    ours, theirs = hub.peered(one, two)
    spare = hub.peering(one)

    assert connect(cloud, spare, "x")[1] == RELATED
    for peer, code, words in (
        (hub.peering(one), "InvalidParameter", "another VCN"),
        (hub.peering(overlapping), "InvalidParameter", "10.1.128.0/17"),
        (hub.peering(two), "Conflict", ours["id"]),
        (theirs, "Conflict", "PEERED"),
    ):
        _, got, message = connect(cloud, spare, peer["id"])
        assert got == code
        assert words in message


def test_ipv6_prefixes_must_not_overlap_either(cloud: Cloud, hub: Hub) -> None:
    private = {"isIpv6Enabled": True, "ipv6PrivateCidrBlocks": ["fd00:1::/48"]}
    one, two = cloud.vcn("10.1.0.0/16", **private), cloud.vcn("10.2.0.0/16", **private)

    message = connect(cloud, hub.peering(one), hub.peering(two)["id"])[2]

    assert "fd00:1::/48" in message


def test_a_vcn_has_so_many_peers(cloud: Cloud, hub: Hub) -> None:
    vcn = cloud.vcn()
    for _ in range(PEERINGS_PER_VCN):
        hub.peering(vcn)

    assert cloud.refused("POST", "/localPeeringGateways", hub.inside(vcn))[:2] == (
        400,
        "LimitExceeded",
    )


def test_a_peering_gateway_that_routes_need_stays(cloud: Cloud, hub: Hub) -> None:
    vcn = cloud.vcn()
    gateway = hub.peering(vcn, displayName="a")
    table = hub.table(vcn, ("10.9.0.0/16", gateway), ("2001:db8::/32", gateway))
    path = f"/localPeeringGateways/{gateway['id']}"

    assert table["id"] in cloud.refused("DELETE", path)[2]
    assert cloud.put(path, {"displayName": "b"})["displayName"] == "b"
    assert cloud.refused("DELETE", f"/vcns/{vcn['id']}")[:2] == (409, "Conflict")


def test_a_peering_gateway_is_a_target_in_its_own_vcn_only(
    cloud: Cloud, hub: Hub
) -> None:
    one, two = cloud.vcn("10.1.0.0/16"), cloud.vcn("10.2.0.0/16")
    _, theirs = hub.peered(one, two)
    body = {**hub.inside(one), "routeRules": [route("10.2.0.0/16", theirs)]}

    assert cloud.refused("POST", "/routeTables", body)[1] == RELATED


# -- between DRGs


def test_two_drgs_are_peered_after_a_while(cloud: Cloud, hub: Hub) -> None:
    ours, theirs = hub.joined(hub.drg(), hub.drg())

    for end, peer in ((ours, theirs), (theirs, ours)):
        assert end["peeringStatus"] == "PEERED"
        assert (end["peerId"], end["peerRegionName"]) == (peer["id"], REGION)
        assert hub.attachment(end)["lifecycleState"] == "ATTACHED"
    path = f"/remotePeeringConnections/{ours['id']}"
    assert cloud.put(path, {"displayName": "x"})["displayName"] == "x"
    assert cloud.get(
        "/remotePeeringConnections", **hub.home, drgId=theirs["drgId"]
    ) == [theirs]
    cloud.delete(path)
    left = cloud.get(f"/remotePeeringConnections/{theirs['id']}")
    assert left["peeringStatus"] == "REVOKED"
    attachments = f"/drgs/{ours['drgId']}/actions/getAllDrgAttachments"
    assert cloud.post(attachments) == []
    cloud.delete(f"/drgs/{ours['drgId']}")


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"peerRegionName": "elsewhere"}, "InvalidParameter", "peerRegionName"),
        ({"peerId": "x"}, RELATED, "peerId"),
    ],
)
def test_drgs_are_peered_within_the_region(
    cloud: Cloud, hub: Hub, change: dict[str, str], code: str, words: str
) -> None:
    ours, theirs = hub.remote(hub.drg()), hub.remote(hub.drg())
    path = f"/remotePeeringConnections/{ours['id']}/actions/connect"
    body = {"peerId": theirs["id"], "peerRegionName": REGION, **change}

    _, got, message = cloud.refused("POST", path, body)

    assert got == code
    assert words in message


def test_a_drg_is_not_peered_with_itself(cloud: Cloud, hub: Hub) -> None:
    drg = hub.drg()
    ours, theirs = hub.remote(drg), hub.remote(drg)
    path = f"/remotePeeringConnections/{ours['id']}/actions/connect"
    body = {"peerId": theirs["id"], "peerRegionName": REGION}

    assert "another DRG" in cloud.refused("POST", path, body)[2]
    assert cloud.refused("DELETE", f"/drgs/{drg['id']}")[2].count(ours["id"][:32]) == 1
