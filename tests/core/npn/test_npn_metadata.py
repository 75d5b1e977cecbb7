"""An instance's metadata as the object it asks for."""

import pytest
from core.npn.npn_builders import INSTANCE

from mooring.core.net.fields import Unreadable
from mooring.core.npn.metadata import declines, name_of, wish
from mooring.core.npn.record import NpnSpec

SUBNET, GROUP = "ocid1.subnet.oc1..a", "ocid1.networksecuritygroup.oc1..g"
PLAIN = {"oke-native-pod-networking": "true", "pod-subnets": SUBNET}


def test_all_that_it_may_say_is_in_the_spec() -> None:
    npn = wish(
        INSTANCE,
        PLAIN
        | {
            "oke-max-pods": "62",
            "pod-subnets": f"{SUBNET}, {SUBNET}2",
            "pod-nsgids": f"{GROUP},",
            "oke-ip-families": "IPv6,IPv4",
            "oke-preconfigured-vnics": "false",
            "ssh_authorized_keys": "whatever",
        },
    )

    assert npn is not None
    assert npn.name == "abc"
    assert npn.spec == NpnSpec(
        id=INSTANCE,
        max_pod_count=62,
        pod_subnet_ids=(SUBNET, f"{SUBNET}2"),
        network_security_group_ids=(GROUP,),
        ip_families=("IPv6", "IPv4"),
    )


def test_what_it_leaves_out_is_as_in_the_schema() -> None:
    npn = wish(INSTANCE, PLAIN)

    assert npn is not None
    assert npn.spec == NpnSpec(id=INSTANCE, pod_subnet_ids=(SUBNET,))


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"pod-subnets": SUBNET},
        PLAIN | {"oke-native-pod-networking": "False"},
        PLAIN | {"oke-preconfigured-vnics": "true"},
    ],
)
def test_who_asks_for_nothing_gets_no_object(metadata: dict[str, str]) -> None:
    assert wish(INSTANCE, metadata) is None


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("oke-native-pod-networking", "yes", "'true', 'false'"),
        ("oke-preconfigured-vnics", "1", "'true', 'false'"),
        ("oke-max-pods", "many", "whole number from 1 to 256"),
        ("oke-max-pods", "0", "from 1 to 256"),
        ("oke-max-pods", "257", "from 1 to 256"),
        ("oke-max-pods", "-1", "whole number"),
        ("pod-subnets", " , ", "must name the pods' subnet"),
        ("pod-subnets", "subnet-1", "must be OCIDs"),
        ("pod-subnets", ",".join([SUBNET] * 6), "at most 5, names 6"),
        ("pod-nsgids", ",".join([GROUP] * 6), "at most 5, names 6"),
        ("pod-nsgids", "ocid1." + "x" * 250, "must be OCIDs"),
        ("oke-ip-families", "ipv4", "'IPv4', 'IPv6'"),
        ("oke-ip-families", "IPv4,IPv4", "family twice"),
    ],
)
def test_what_cannot_be_right_is_named(key: str, value: str, rule: str) -> None:
    with pytest.raises(Unreadable) as raised:
        wish(INSTANCE, PLAIN | {key: value})

    assert raised.value.field == f"metadata['{key}']"
    assert rule in raised.value.rule
    assert str(raised.value.value) in (value, value.lower(), *value.split(","), "257")


def test_an_object_is_named_by_the_end_of_the_ocid() -> None:
    assert name_of("ocid1.instance.oc1.eu-frankfurt-1.ABUW4ljr") == "abuw4ljr"


@pytest.mark.parametrize(
    ("metadata", "so"),
    [
        ({}, False),
        ({"oke-native-pod-networking": "false"}, True),
        ({"oke-native-pod-networking": "true"}, False),
        (PLAIN | {"oke-preconfigured-vnics": "true"}, False),
    ],
)
def test_only_who_says_no_declines(metadata: dict[str, str], so: bool) -> None:
    assert declines(metadata) is so
