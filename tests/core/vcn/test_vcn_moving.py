"""Objects that change their compartment."""

import pytest
from vcn_cloud import Cloud
from vcn_hub import Hub

from mooring.core.vcn.calls import moves

ELSEWHERE = "ocid1.compartment.oc1..aaaaaaaaelsewhere"


def one_of_each() -> tuple[Cloud, dict[str, str]]:
    """Make one of everything that may be moved: its id by the word of its path."""
    cloud = Cloud()
    hub = Hub(cloud)
    vcn, drg = cloud.vcn(), hub.drg()
    subnet = cloud.subnet(vcn)
    connection = hub.connection(drg)
    inside = hub.inside(vcn)
    made = {
        "vcns": vcn,
        "subnets": subnet,
        "routeTables": hub.table(vcn),
        "securityLists": cloud.post(
            "/securityLists",
            {**inside, "ingressSecurityRules": [], "egressSecurityRules": []},
        ),
        "dhcps": cloud.post("/dhcps", {**inside, "options": []}),
        "networkSecurityGroups": cloud.nsg(vcn),
        "internetGateways": cloud.post(
            "/internetGateways", {**inside, "isEnabled": True}
        ),
        "natGateways": cloud.post("/natGateways", inside),
        "serviceGateways": hub.service_gateway(vcn),
        "localPeeringGateways": hub.peering(vcn),
        "drgs": drg,
        "cpes": hub.cpe(),
        "ipsecConnections": connection,
        "virtualCircuits": hub.circuit(drg),
        "remotePeeringConnections": hub.remote(drg),
        "instances": cloud.instance(subnet),
    }
    return cloud, {word: one["id"] for word, one in made.items()}


CLOUD, MADE = one_of_each()


def moved(cloud: Cloud, path: str) -> tuple[int, str | None]:
    """Move an object; give the status and, of work, what it came to."""
    body = {"compartmentId": ELSEWHERE}
    reply = cloud.send("POST", f"{path}/actions/changeCompartment", body).reply
    work = reply.headers.get("opc-work-request-id")
    found = cloud.get(f"/workRequests/{work}")["status"] if work else None
    return reply.status, found


def test_all_that_may_be_moved_is_here() -> None:
    assert {path.split("/")[1] for _, path in moves.ROUTES} == set(MADE)


@pytest.mark.parametrize("word", sorted(MADE))
def test_a_moved_object_is_shown_and_listed_where_it_is_now(word: str) -> None:
    path = f"/{word}/{MADE[word]}"
    before = CLOUD.get(path)
    as_work = word in ("vcns", "subnets", "drgs", "instances")

    assert moved(CLOUD, path) == ((202, "SUCCEEDED") if as_work else (204, None))
    after = CLOUD.get(path)
    assert after["compartmentId"] == ELSEWHERE
    assert {n for n in before if before[n] != after[n]} == {"compartmentId"}
    here = CLOUD.get(f"/{word}", compartmentId=ELSEWHERE)
    assert MADE[word] in [one["id"] for one in here]
    there = CLOUD.get(f"/{word}", compartmentId=CLOUD.compartment)
    assert MADE[word] not in [one["id"] for one in there]


def test_tunnels_go_with_their_connection_and_an_address_with_its_gateway() -> None:
    cloud, made = one_of_each()
    connection = f"/ipsecConnections/{made['ipsecConnections']}"
    moved(cloud, connection)
    moved(cloud, f"/natGateways/{made['natGateways']}")

    tunnels = cloud.get(f"{connection}/tunnels")
    assert {one["compartmentId"] for one in tunnels} == {ELSEWHERE}
    (public,) = cloud.get("/publicIps", compartmentId=ELSEWHERE, scope="REGION")
    assert public["assignedEntityId"] == made["natGateways"]


def test_an_address_of_its_own_stays_when_the_gateway_moves() -> None:
    cloud = Cloud()
    home = {"compartmentId": cloud.compartment}
    public = cloud.post("/publicIps", {**home, "lifetime": "RESERVED"})
    cloud.wait(1)
    body = {**home, "vcnId": cloud.vcn()["id"], "publicIpId": public["id"]}
    gateway = cloud.post("/natGateways", body)
    moved(cloud, f"/natGateways/{gateway['id']}")

    shown = cloud.get(f"/publicIps/{public['id']}")
    assert shown["compartmentId"] == cloud.compartment


def test_what_has_ended_stays_where_it_was() -> None:
    cloud = Cloud()
    path = f"/instances/{cloud.instance(cloud.subnet(cloud.vcn()))['id']}"
    cloud.delete(path)
    cloud.wait()
    body = {"compartmentId": ELSEWHERE}
    answer = cloud.refused("POST", f"{path}/actions/changeCompartment", body)

    assert answer[:2] == (409, "IncorrectState")


def test_a_move_says_where_to() -> None:
    cloud = Cloud()
    path = f"/vcns/{cloud.vcn()['id']}/actions/changeCompartment"

    assert cloud.refused("POST", path, {})[1:] == (
        "MissingParameter",
        "This request is missing compartmentId.",
    )
