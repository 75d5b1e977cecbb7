"""Lists: filters, order, pages."""

import base64
import json

import pytest
from vcn_cloud import Cloud

from mooring.core.vcn.limits import PAGE
from mooring.core.vcn.shapes import SHAPES


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def pages(cloud: Cloud, path: str, **query: str) -> list[list[dict[str, str]]]:
    """Follow the page tokens to the end."""
    found, token = [], None
    while True:
        more = {} if token is None else {"page": token}
        outcome = cloud.send("GET", path, query={**query, **more})
        assert outcome.reply.status == 200, outcome.reply
        found.append(cloud.get(path, **query, **more))
        token = outcome.reply.headers.get("opc-next-page")
        if token is None:
            return found


def test_pages_give_everything_once_and_in_order(cloud: Cloud) -> None:
    made = [cloud.vcn(displayName=f"v{n}") for n in range(7)]

    found = pages(cloud, "/vcns", compartmentId=cloud.compartment, limit="3")

    assert [len(page) for page in found] == [3, 3, 1]
    assert [vcn["id"] for page in found for vcn in page] == [v["id"] for v in made]


def test_a_page_has_a_size_of_its_own(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    for _ in range(PAGE + 1):
        cloud.nsg(vcn)
    found = pages(cloud, "/networkSecurityGroups", vcnId=vcn["id"])

    assert [len(page) for page in found] == [PAGE, 1]


def test_what_is_gone_between_two_pages_does_no_harm(cloud: Cloud) -> None:
    made = [cloud.vcn() for _ in range(4)]
    query = {"compartmentId": cloud.compartment, "limit": "2"}
    token = cloud.send("GET", "/vcns", query=query).reply.headers["opc-next-page"]
    cloud.delete(f"/vcns/{made[2]['id']}")

    rest = cloud.get("/vcns", **query, page=token)

    assert [vcn["id"] for vcn in rest] == [made[3]["id"]]


def begun(cloud: Cloud, path: str, **query: str) -> tuple[list[str], str]:
    """Give the ids of a list's first page, and the token of the next."""
    reply = cloud.send("GET", path, query=query).reply
    return [one["id"] for one in json.loads(reply.body)], reply.headers["opc-next-page"]


@pytest.mark.parametrize(
    "wish",
    [
        {"sortBy": "TIMECREATED"},
        {"sortBy": "TIMECREATED", "sortOrder": "ASC"},
        {"sortBy": "DISPLAYNAME"},
        {"sortBy": "DISPLAYNAME", "sortOrder": "DESC"},
        {},
    ],
)
@pytest.mark.parametrize("more", [0, 1])
def test_a_sorted_list_skips_nothing_when_a_page_is_deleted(
    cloud: Cloud, wish: dict[str, str], more: int
) -> None:
    for n in range(9):
        cloud.vcn(displayName=f"{'same' if n % 3 else 'é' * 255}")
    query = {"compartmentId": cloud.compartment, **wish}
    every = [vcn["id"] for vcn in cloud.get("/vcns", **query)]
    first, token = begun(cloud, "/vcns", **query, limit="3")
    for id in every[: 3 + more]:
        cloud.delete(f"/vcns/{id}")

    rest = cloud.get("/vcns", **query, limit="9", page=token)

    assert first == every[:3]
    assert [vcn["id"] for vcn in rest] == every[3 + more :]


@pytest.mark.parametrize("gone", [(), (0, 1), (1, 2), (0, 1, 2), (0, 1, 2, 3), (2,)])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_a_list_of_rules_skips_nothing(
    cloud: Cloud, gone: tuple[int, ...], order: str
) -> None:
    path = f"/networkSecurityGroups/{cloud.nsg(cloud.vcn())['id']}"
    rule = {"direction": "INGRESS", "protocol": "all", "source": "10.0.0.0/8"}
    cloud.post(f"{path}/actions/addSecurityRules", {"securityRules": [rule] * 7})
    query = {"sortBy": "TIMECREATED", "sortOrder": order}
    every = [one["id"] for one in cloud.get(f"{path}/securityRules", **query)]
    first, token = begun(cloud, f"{path}/securityRules", **query, limit="2")
    ids = [every[n] for n in gone]
    if ids:
        cloud.post(f"{path}/actions/removeSecurityRules", {"securityRuleIds": ids})

    rest = cloud.get(f"{path}/securityRules", **query, page=token)

    assert first == every[:2]
    assert [one["id"] for one in rest] == [id for id in every[2:] if id not in ids]


def test_a_list_of_which_all_that_was_to_come_is_gone_ends(cloud: Cloud) -> None:
    path = f"/networkSecurityGroups/{cloud.nsg(cloud.vcn())['id']}"
    rule = {"direction": "INGRESS", "protocol": "all", "source": "10.0.0.0/8"}
    cloud.post(f"{path}/actions/addSecurityRules", {"securityRules": [rule] * 3})
    _, token = begun(cloud, f"{path}/securityRules", limit="2")
    every = [one["id"] for one in cloud.get(f"{path}/securityRules")]
    cloud.post(f"{path}/actions/removeSecurityRules", {"securityRuleIds": every})

    assert cloud.get(f"{path}/securityRules", page=token) == []


def test_a_vnic_s_private_ips_are_all_told_while_pages_are_deleted(
    cloud: Cloud,
) -> None:
    vnic = cloud.primary(cloud.instance(cloud.subnet(cloud.vcn())))
    made = [cloud.ip(vnic)["id"] for _ in range(13)]
    query = {"vnicId": vnic["id"]}
    first, token = begun(cloud, "/privateIps", **query, limit="5")
    for id in first[1:]:
        cloud.delete(f"/privateIps/{id}")

    rest = cloud.get("/privateIps", **query, limit="9", page=token)

    assert [ip["id"] for ip in rest] == made[4:]


def test_a_token_of_another_list_is_refused(cloud: Cloud) -> None:
    vcn, other = cloud.vcn(), cloud.vcn("10.9.0.0/16")
    for _ in range(3):
        cloud.nsg(vcn)
    query = {"compartmentId": cloud.compartment}
    _, token = begun(cloud, "/networkSecurityGroups", **query, limit="1")
    for path, more in (
        ("/vcns", {}),
        ("/networkSecurityGroups", {"vcnId": other["id"]}),
        ("/networkSecurityGroups", {"sortOrder": "ASC"}),
    ):
        refused = cloud.refused("GET", path, query={**query, **more, "page": token})
        assert refused[:2] == (400, "InvalidParameter")
        assert "page" in refused[2]

    found = cloud.get("/networkSecurityGroups/", **query, limit="5", page=token)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"sortBy": "DISPLAYNAME"}, ["a", "b", "c"]),
        ({"sortBy": "DISPLAYNAME", "sortOrder": "DESC"}, ["c", "b", "a"]),
        ({"sortBy": "TIMECREATED"}, ["c", "a", "b"]),
        ({"sortOrder": "ASC"}, ["b", "a", "c"]),
        ({}, ["b", "a", "c"]),
        ({"displayName": "a"}, ["a"]),
        ({"lifecycleState": "TERMINATED"}, []),
        ({"compartmentId": "other"}, []),
    ],
)
def test_lists_are_filtered_and_sorted(
    cloud: Cloud, query: dict[str, str], names: list[str]
) -> None:
    for name in ("b", "a", "c"):
        cloud.vcn(displayName=name)
    whole = {"compartmentId": cloud.compartment, **query}

    assert [vcn["displayName"] for vcn in cloud.get("/vcns", **whole)] == names
    assert [
        vcn["displayName"]
        for page in pages(cloud, "/vcns", **whole, limit="1")
        for vcn in page
    ] == names


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ({}, "MissingParameter", "compartmentId"),
        ({"compartmentId": "c", "limit": "0"}, "InvalidParameter", "limit"),
        ({"compartmentId": "c", "limit": "many"}, "InvalidParameter", "limit"),
        ({"compartmentId": "c", "sortBy": "x"}, "InvalidParameter", "sortBy"),
    ],
)
def test_a_query_that_cannot_be_is_refused(
    cloud: Cloud, query: dict[str, str], code: str, words: str
) -> None:
    status, got, message = cloud.refused("GET", "/vcns", query=query)

    assert (status, got) == (400, code)
    assert words in message


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "é",
        base64.b64encode(b"v1.1").decode(),
        base64.b64encode(b"v1.x.1.y").decode(),
        base64.b64encode(b"v2.x.-1.").decode(),
        base64.b64encode(b"v2.x..").decode(),
        base64.b64encode(b"v2.x." + b"9" * 60 + b".").decode(),
        base64.b64encode(b"v2.x.1.\xff").decode(),
        base64.b64encode(b"v2.x.1.").decode(),
    ],
)
def test_a_token_of_others_is_refused(cloud: Cloud, token: str) -> None:
    query = {"compartmentId": cloud.compartment, "page": token}

    assert cloud.refused("GET", "/vcns", query=query)[:2] == (400, "InvalidParameter")


def test_lists_are_narrowed_by_their_parents(cloud: Cloud) -> None:
    vcn, other = cloud.vcn(), cloud.vcn("10.9.0.0/16")
    subnet = cloud.subnet(vcn)
    cloud.subnet(other, "10.9.0.0/24")
    one, two = cloud.instance(subnet), cloud.instance(subnet)
    vnic = cloud.primary(two)
    query = {"compartmentId": cloud.compartment}

    assert len(cloud.get("/subnets", **query)) == 2
    assert cloud.get("/subnets", **query, vcnId=vcn["id"]) == [subnet]
    found = cloud.get("/vnicAttachments", **query, instanceId=one["id"])
    assert [a["instanceId"] for a in found] == [one["id"]]
    found = cloud.get("/vnicAttachments", **query, vnicId=vnic["id"])
    assert [a["instanceId"] for a in found] == [two["id"]]
    found = cloud.get("/instances", **query, availabilityDomain="moon")
    assert found == []


# -- private IPs


def test_private_ips_are_listed_by_vnic_primary_first(cloud: Cloud) -> None:
    subnet = cloud.subnet(cloud.vcn())
    kept = cloud.post("/privateIps", {"subnetId": subnet["id"]})
    vnic = cloud.primary(cloud.instance(subnet))
    cloud.put(f"/privateIps/{kept['id']}", {"vnicId": vnic["id"]})
    made = [cloud.ip(vnic)["id"] for _ in range(3)]

    found = [
        ip["id"]
        for page in pages(cloud, "/privateIps", vnicId=vnic["id"], limit="2")
        for ip in page
    ]

    assert found[1:] == [kept["id"], *made]
    assert cloud.get(f"/privateIps/{found[0]}")["isPrimary"] is True
    assert cloud.get("/privateIps", vnicId=vnic["id"], subnetId="other") == []
    assert (
        cloud.get("/privateIps", vnicId=vnic["id"], lifetime="RESERVED")[0]["id"]
        == (kept["id"])
    )


def test_private_ips_of_a_subnet_come_by_address(cloud: Cloud) -> None:
    subnet = cloud.subnet(cloud.vcn(), "10.0.1.0/24")
    vnic = cloud.primary(cloud.instance(subnet))
    cloud.ip(vnic, cidrPrefixLength=28)
    cloud.wait()
    for _ in range(5):
        cloud.ip(vnic)
    free = cloud.post("/privateIps", {"subnetId": subnet["id"]})
    query = {"subnetId": subnet["id"]}

    found = [
        ip for page in pages(cloud, "/privateIps", **query, limit="3") for ip in page
    ]

    assert len(found) == 8
    numbers = [tuple(map(int, ip["ipAddress"].split("."))) for ip in found]
    assert numbers == sorted(numbers)
    assert cloud.get("/privateIps", **query, ipState="AVAILABLE") == [free]
    assert cloud.get("/privateIps", **query, ipAddress=free["ipAddress"]) == [free]
    assert cloud.get("/privateIps", **query, ipAddress="10.0.1.1") == []


def test_private_ips_need_a_place(cloud: Cloud) -> None:
    assert cloud.refused("GET", "/privateIps")[1] == "MissingParameter"
    for name in ("vnicId", "subnetId"):
        assert cloud.refused("GET", "/privateIps", query={name: "x"})[0] == 404


# -- the catalogue


def test_shapes_are_listed(cloud: Cloud) -> None:
    query = {"compartmentId": cloud.compartment}
    found = {shape["shape"]: shape for shape in cloud.get("/shapes", **query)}

    assert set(found) == set(SHAPES)
    flexible, fixed = found["VM.Standard.E4.Flex"], found["VM.Standard2.4"]
    assert flexible["maxVnicAttachmentOptions"] == {
        "min": 2,
        "max": 24.0,
        "defaultPerOcpu": 1.0,
    }
    assert flexible["ocpuOptions"] == {"min": 1, "max": 64}
    assert (fixed["ocpus"], fixed["maxVnicAttachments"]) == (4, 4)
    assert fixed["ocpuOptions"] is None
    assert len(cloud.get("/shapes", **query, shape="VM.Standard2.4")) == 1


def test_availability_domains_are_listed(cloud: Cloud) -> None:
    found = cloud.get("/availabilityDomains", compartmentId=cloud.compartment)

    assert tuple(d["name"] for d in found) == cloud.world.settings.availability_domains
