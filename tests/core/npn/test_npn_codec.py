"""The JSON form: both generations of names, every bound, precise errors."""

import json
import string
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.npn.codec import (
    Unreadable,
    parse,
    parse_status,
    render,
    render_status,
)
from mooring.core.npn.record import (
    Condition,
    Ipv6Choice,
    Npn,
    NpnSpec,
    NpnStatus,
    Pair,
    SecondaryVnic,
    VnicStatus,
)

PAIRS = "ipv6AddressIpv6SubnetCidrPairDetails"
INSTANCE = "ocid1.instance.oc1.eu-frankfurt-1.abc123"


def a_document(**spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "oci.oraclecloud.com/v1beta1",
        "kind": "NativePodNetwork",
        "metadata": {"name": "abc123"},
        "spec": {"id": INSTANCE, "podSubnetIds": ["subnet-a"], **spec},
    }


def test_the_smallest_object_gets_the_defaults() -> None:
    npn = parse(a_document())

    assert npn == Npn(
        name="abc123", spec=NpnSpec(id=INSTANCE, pod_subnet_ids=("subnet-a",))
    )
    assert npn.spec.max_pod_count == 31


def test_an_object_as_karpenter_makes_it_is_accepted() -> None:
    document = a_document(
        maxPodCount=288 - 32,
        podSubnetIds=None,
        secondaryVnics=[
            {
                "displayName": "SVnic 0",
                "createVnicDetails": {
                    "displayName": "SVnic 0",
                    "ipCount": 32,
                    "subnetId": "subnet-a",
                    "nsgIds": ["nsg-a"],
                    "skipSourceDestCheck": True,
                    "assignIpv6Ip": False,
                    "assignPublicIp": False,
                    "applicationResources": ["fast"],
                    "securityAttributes": {"zpr": {"app": {"value": "x"}}},
                },
            },
            {
                "nicIndex": 1,
                "createVnicDetails": {"subnetId": "subnet-b", "ipCount": 16},
            },
        ],
    )

    first, second = parse(document).spec.secondary_vnics

    assert first == SecondaryVnic(
        display_name="SVnic 0",
        attachment_name="SVnic 0",
        subnet_id="subnet-a",
        ip_count=32,
        nsg_ids=("nsg-a",),
        application_resources=("fast",),
        security_attributes={"zpr": {"app": {"value": "x"}}},
    )
    assert (second.display_name, second.ip_count, second.nic_index) == (
        "SVnic 1",
        16,
        1,
    )


@pytest.mark.parametrize(
    ("families", "count"), [(None, 32), (["IPv4", "IPv6"], 32), (["IPv6"], 256)]
)
def test_a_profile_without_a_count_gets_that_of_its_families(
    families: list[str] | None, count: int
) -> None:
    profile = {"createVnicDetails": {"subnetId": "s"}}

    npn = parse(a_document(ipFamilies=families, secondaryVnics=[profile]))

    assert npn.spec.secondary_vnics[0].ip_count == count


def test_an_empty_list_of_families_is_ipv4() -> None:
    assert parse(a_document(ipFamilies=[])).spec.ip_families == ("IPv4",)


def profile(**details: object) -> dict[str, Any]:
    return {"createVnicDetails": {"subnetId": "s", **details}}


@pytest.mark.parametrize(
    ("spec", "field", "rule"),
    [
        ({"maxPodCount": 0}, "spec.maxPodCount", "must be from 1 to 256"),
        ({"maxPodCount": 257}, "spec.maxPodCount", "must be from 1 to 256"),
        ({"maxPodCount": "31"}, "spec.maxPodCount", "must be a whole number"),
        ({"maxPodCount": True}, "spec.maxPodCount", "must be a whole number"),
        ({"id": ""}, "spec.id", "must have 1 to 128 characters, has 0"),
        ({"id": "x" * 129}, "spec.id", "must have 1 to 128 characters, has 129"),
        ({"id": "ocid1.vnic.oc1..a"}, "spec.id", "must be the OCID of an instance"),
        ({"id": "ocid1.instance."}, "spec.id", "must be the OCID of an instance"),
        ({"id": None}, "spec.id", "is required"),
        ({"id": 7}, "spec.id", "must be text"),
        ({"podSubnetIds": ["s"] * 6}, "spec.podSubnetIds", "must have 0 to 5 items"),
        ({"podSubnetIds": []}, "spec.podSubnetIds", "needs a subnet"),
        ({"podSubnetIds": ["s", ""]}, "spec.podSubnetIds[1]", "must have 1 to 255"),
        ({"podSubnetIds": "s"}, "spec.podSubnetIds", "must be a list"),
        ({"networkSecurityGroupIds": ["n"] * 6}, "spec.networkSecurityGroupIds", "5"),
        ({"ipFamilies": ["IPv5"]}, "spec.ipFamilies[0]", "must be one of 'IPv4'"),
        (
            {"ipFamilies": ["IPv4"] * 2},
            "spec.ipFamilies",
            "must not name a family twice",
        ),
        ({"ipFamilies": ["IPv4"] * 3}, "spec.ipFamilies", "must have 0 to 2 items"),
        ({"secondaryVnics": [7]}, "spec.secondaryVnics[0]", "must be an object"),
        (
            {"secondaryVnics": [{}]},
            "spec.secondaryVnics[0].createVnicDetails",
            "is required",
        ),
        (
            {"secondaryVnics": [{"createVnicDetails": {"ipCount": 1}}]},
            "spec.secondaryVnics[0].createVnicDetails.subnetId",
            "is required",
        ),
        ({"secondaryVnics": [profile()] * 65}, "spec.secondaryVnics", "64 items"),
        (
            {"secondaryVnics": [profile(ipCount=257)]},
            "spec.secondaryVnics[0].createVnicDetails.ipCount",
            "must be from 1 to 256",
        ),
        (
            {"secondaryVnics": [profile(ipCount=200), profile(ipCount=57)]},
            "spec.secondaryVnics[*].createVnicDetails.ipCount",
            "must not add up to more than 256",
        ),
        (
            {"secondaryVnics": [profile(displayName="a")] * 2},
            "spec.secondaryVnics[1].createVnicDetails.displayName",
            "must differ",
        ),
        (
            {"secondaryVnics": [profile(assignIpv6Ip="yes")]},
            "spec.secondaryVnics[0].createVnicDetails.assignIpv6Ip",
            "must be true or false",
        ),
        (
            {"secondaryVnics": [profile(applicationResources=["a", "b"])]},
            "spec.secondaryVnics[0].createVnicDetails.applicationResources",
            "must have 0 to 1 items, has 2",
        ),
        *(
            (
                {"secondaryVnics": [profile(**{PAIRS: [pair]})]},
                f"spec.secondaryVnics[0].createVnicDetails.{PAIRS}[0].{next(iter(pair))}",
                rule,
            )
            for pair, rule in (
                ({"ipv6Address": "10.0.0.1"}, "must be an IPv6 address"),
                ({"ipv6Address": "::ffff:10.0.0.1"}, "must be an IPv6 address"),
                ({"ipv6Address": "fe80::1%eth0"}, "must be an IPv6 address"),
                ({"ipv6SubnetCidr": "fd00::"}, "must be an IPv6 CIDR block"),
                ({"ipv6SubnetCidr": "fd00::1/64"}, "must be an IPv6 CIDR block"),
            )
        ),
        (
            {"secondaryVnics": [profile(freeformTags={"a": 1})]},
            "spec.secondaryVnics[0].createVnicDetails.freeformTags.a",
            "must be text",
        ),
    ],
)
def test_an_impossible_field_is_named_with_its_rule(
    spec: dict[str, Any], field: str, rule: str
) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(a_document(**spec))

    assert caught.value.field == field
    assert rule in caught.value.rule
    assert str(caught.value).startswith(field + ": ")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"apiVersion": "v1"}, "apiVersion"),
        ({"kind": "Pod"}, "kind"),
        ({"kind": {}}, "kind"),
        ({"metadata": {}}, "metadata.name"),
        ({"metadata": {"name": "../etc"}}, "metadata.name"),
        ({"metadata": {"name": "a", "generation": -1}}, "metadata.generation"),
        ({"spec": None}, "spec"),
    ],
)
def test_what_is_around_the_spec_is_checked_too(
    change: dict[str, Any], field: str
) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(a_document() | change)

    assert caught.value.field == field


def test_a_long_wrong_value_is_shown_shortened() -> None:
    with pytest.raises(Unreadable) as caught:
        parse(a_document(id="x" * 5000))

    assert len(str(caught.value)) < 250


def test_something_else_than_an_object_is_refused() -> None:
    with pytest.raises(Unreadable, match="must be a JSON object"):
        parse([])


V4_VNIC = VnicStatus(
    vnic_id="vnic-a",
    mac_address="02:00:17:00:00:01",
    subnet_id="subnet-a",
    nsg_ids=("nsg-a",),
    ip_count=2,
    subnet_v4=IPv4Network("10.0.10.0/24"),
    router=Pair(IPv4Address("10.0.10.1")),
    host=Pair(IPv4Address("10.0.10.8")),
    pod_addresses=(Pair(IPv4Address("10.0.10.9")), Pair(IPv4Address("10.0.10.10"))),
)

OLD = {
    "vnicId": "vnic-a",
    "macAddress": "02:00:17:00:00:01",
    "nicConfiguration": {"ipCount": 2, "subnet": "subnet-a", "nsgs": ["nsg-a"]},
    "subnetCidr": "10.0.10.0/24",
    "routerIp": "10.0.10.1",
    "hostAddress": "10.0.10.8",
    "addresses": ["10.0.10.9", "10.0.10.10"],
}
NEW = {
    "vnicId": "vnic-a",
    "macAddress": "02:00:17:00:00:01",
    "nicConfiguration": {
        "ipCount": 2,
        "ipFamilies": ["IPv4"],
        "subnetId": "subnet-a",
        "networkSecurityGroupIds": ["nsg-a"],
    },
    "subnetCidrs": [{"v4": "10.0.10.0/24"}],
    "routerIps": [{"v4": "10.0.10.1"}],
    "hostAddresses": [{"v4": "10.0.10.8"}],
    "podAddresses": [{"v4": "10.0.10.9"}, {"v4": "10.0.10.10"}],
}


@pytest.mark.parametrize("vnic", [OLD, NEW, OLD | NEW], ids=["old", "new", "both"])
def test_old_and_new_names_read_the_same(vnic: dict[str, Any]) -> None:
    assert parse_status({"vnics": [vnic]}).vnics == (V4_VNIC,)


def test_an_empty_new_name_hides_no_old_one() -> None:
    """Go writes an empty list, or an empty pair, for nothing."""
    nothing = ("podAddresses", "subnetCidrs", "routerIps", "hostAddresses")
    for empty in ([], None, [{}], [{"v4": None, "v6": None}]):
        nic = OLD["nicConfiguration"] | {"networkSecurityGroupIds": []}
        vnic = OLD | dict.fromkeys(nothing, empty) | {"nicConfiguration": nic}

        assert parse_status({"vnics": [vnic]}).vnics == (V4_VNIC,)


def test_of_two_names_that_say_different_things_the_new_one_holds() -> None:
    """Somebody who knows only the old names wrote them anew, or did not."""
    nic = NEW["nicConfiguration"] | {"subnet": "subnet-o", "nsgs": ["nsg-o"]}
    other = {
        "nicConfiguration": nic,
        "subnetCidr": "10.0.99.0/24",
        "routerIp": "10.0.99.1",
        "hostAddress": "10.0.99.8",
        "addresses": ["10.0.99.9"],
    }

    assert parse_status({"vnics": [NEW | other]}).vnics == (V4_VNIC,)


@pytest.mark.parametrize(
    ("vnic", "field"),
    [
        ({"podAddresses": [], "addresses": 7}, "addresses"),
        ({"podAddresses": 7}, "podAddresses"),
        ({"nicConfiguration": {"subnetId": ""}}, "nicConfiguration.subnetId"),
        (
            {"nicConfiguration": {"networkSecurityGroupIds": [], "nsgs": [""]}},
            "nicConfiguration.nsgs[0]",
        ),
    ],
)
def test_what_is_wrong_under_either_name_is_named(
    vnic: dict[str, Any], field: str
) -> None:
    with pytest.raises(Unreadable) as caught:
        parse_status({"vnics": [NEW | vnic]})

    assert caught.value.field == f"status.vnics[0].{field}"


def test_old_and_new_names_are_both_written() -> None:
    (written,) = render_status(NpnStatus(state="SUCCESS", vnics=(V4_VNIC,)))["vnics"]

    nic = OLD["nicConfiguration"] | NEW["nicConfiguration"]
    assert written == OLD | NEW | {"nicConfiguration": nic}


def test_an_ipv6_only_vnic_leaves_the_old_names_out() -> None:
    vnic = VnicStatus(
        vnic_id="v",
        mac_address="02:00:17:00:00:01",
        subnet_id="s",
        ip_families=("IPv6",),
        subnet_v6=IPv6Network("2001:db8::/64"),
        router=Pair(v6=IPv6Address("fe80::1")),
        host=Pair(v6=IPv6Address("2001:db8::1")),
        pod_addresses=(Pair(v6=IPv6Address("2001:db8::2")),),
    )
    written = render_status(NpnStatus(vnics=(vnic,)))

    assert (
        written["vnics"][0]
        .keys()
        .isdisjoint({"subnetCidr", "routerIp", "hostAddress", "addresses"})
    )
    assert parse_status(written).vnics == (vnic,)


@pytest.mark.parametrize(
    ("status", "field"),
    [
        (7, "status"),
        ({"state": "DONE"}, "status.state"),
        ({"vnics": [OLD | {"vnicId": ""}]}, "status.vnics[0].vnicId"),
        ({"vnics": [OLD | {"macAddress": "x"}]}, "status.vnics[0].macAddress"),
        ({"vnics": [OLD | {"routerIp": "fe80::1"}]}, "status.vnics[0].routerIp"),
        ({"vnics": [OLD | {"routerIp": 5}]}, "status.vnics[0].routerIp"),
        ({"vnics": [OLD | {"subnetCidr": "10.0.0.1/8"}]}, "status.vnics[0].subnetCidr"),
        (
            {"vnics": [OLD | {"addresses": ["10.0.0.1"] * 257}]},
            "status.vnics[0].addresses",
        ),
        (
            {"vnics": [OLD | {"podAddresses": [{"v6": "10.0.0.1"}]}]},
            "status.vnics[0].podAddresses[0].v6",
        ),
        (
            {"conditions": [{"type": "X", "status": True}]},
            "status.conditions[0].status",
        ),
    ],
)
def test_an_impossible_status_is_named(status: object, field: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse_status(status)

    assert caught.value.field == field


# What chance draws: every legal object, and every kind of rubbish.

words = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
tags = st.dictionaries(words, words, max_size=2)
v4s = st.ip_addresses(v=4).map(lambda a: IPv4Address(int(a)))
v6s = (
    st.ip_addresses(v=6)
    .map(lambda a: IPv6Address(int(a)))
    .filter(lambda a: a.ipv4_mapped is None)
)
nets4 = st.builds(
    lambda a, n: IPv4Network((a, n), strict=False), v4s, st.integers(8, 30)
)
nets6 = st.builds(lambda a: IPv6Network((a, 64), strict=False), v6s)
families = st.sampled_from([("IPv4",), ("IPv6",), ("IPv4", "IPv6"), ("IPv6", "IPv4")])


def some(of: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[Any]:
    return st.lists(of, max_size=most).map(tuple)


profiles = st.lists(
    st.builds(
        SecondaryVnic,
        display_name=words,
        attachment_name=st.none() | words,
        subnet_id=words,
        ip_count=st.integers(1, 64),
        nsg_ids=some(words, 5),
        skip_source_dest_check=st.booleans(),
        assign_ipv6_ip=st.booleans(),
        assign_public_ip=st.booleans(),
        ipv6_choices=some(
            st.builds(
                Ipv6Choice, address=st.none() | v6s, subnet_cidr=st.none() | nets6
            ),
            2,
        ),
        application_resources=some(words, 1),
        nic_index=st.integers(0, 1),
        freeform_tags=tags,
        defined_tags=st.dictionaries(words, tags, max_size=2),
        security_attributes=st.dictionaries(words, tags, max_size=2),
    ),
    max_size=4,
    unique_by=lambda p: p.display_name,
).map(tuple)
vnics = st.builds(
    VnicStatus,
    vnic_id=words,
    mac_address=st.just("02:00:17:00:00:01"),
    subnet_id=words,
    nsg_ids=some(words, 5),
    ip_count=st.integers(1, 256),
    ip_families=st.sampled_from([("IPv4",), ("IPv4", "IPv6"), ("IPv6", "IPv4")]),
    subnet_v4=st.none() | nets4,
    subnet_v6=st.none() | nets6,
    router=st.builds(Pair, st.none() | v4s, st.none() | v6s),
    host=st.builds(Pair, st.none() | v4s, st.none() | v6s),
    pod_addresses=some(st.builds(Pair, v4s, st.none() | v6s), 8),
    application_resources=some(words, 1),
    nic_index=st.integers(0, 1),
    vlan_tag=st.none() | st.integers(0, 4095),
)
statuses = st.builds(
    NpnStatus,
    state=st.sampled_from(["", "BACKOFF", "IN_PROGRESS", "SUCCESS"]),
    reason=st.just("") | words,
    message=st.just("") | words,
    observed_generation=st.integers(0, 9),
    vnics=some(vnics, 3),
    conditions=some(
        st.builds(
            Condition,
            type=words,
            status=st.sampled_from(["True", "False", "Unknown"]),
            reason=words,
            message=words,
        ),
        2,
    ),
    compartment=st.just("") | words,
    work=st.just("") | words,
)
npns = st.builds(
    Npn,
    name=words,
    spec=st.builds(
        NpnSpec,
        id=words.map("ocid1.instance.{}".format),
        max_pod_count=st.integers(1, 256),
        pod_subnet_ids=st.lists(words, min_size=1, max_size=5).map(tuple),
        network_security_group_ids=some(words, 5),
        ip_families=families,
        secondary_vnics=profiles,
    ),
    status=statuses,
    generation=st.integers(0, 9),
    deleting=st.booleans(),
)


@given(npns)
def test_what_is_written_reads_back(npn: Npn) -> None:
    assert parse(json.loads(json.dumps(render(npn)))) == npn


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "10.0.0.1", "fe80::1/64", "IPv4", "x" * 300])
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.data())
def test_rubbish_anywhere_is_unreadable_and_nothing_worse(data: st.DataObject) -> None:
    document = json.loads(json.dumps(render(data.draw(npns))))
    places = list(_places(document))
    for _ in range(data.draw(st.integers(1, 3))):
        where, key = data.draw(st.sampled_from(places))
        where[key] = data.draw(json_values)

    try:
        npn = parse(document)
    except Unreadable:
        return
    assert parse(render(npn)) == npn


def _places(node: object) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield node, key
            yield from _places(value)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield node, index
            yield from _places(value)


@given(json_values)
def test_any_json_is_read_or_unreadable(value: object) -> None:
    with pytest.raises(Unreadable):
        parse(value)
