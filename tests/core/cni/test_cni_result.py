"""Results: exact JSON per version, and read back whatever wrote them."""

import json
import os
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.result import (
    Dns,
    Interface,
    Ip,
    Result,
    Route,
    document,
    joined,
    read,
)
from mooring.core.cni.versions import SUPPORTED, spoken_versions

GOLDEN = Path(__file__).parents[2] / "golden/cni"

POD = Result(
    interfaces=(
        Interface(name="moor3f9a1c07b2e", mac="02:00:17:0a:00:05", mtu=9000),
        Interface(
            name="eth0",
            mac="02:00:17:0a:00:06",
            mtu=9000,
            sandbox="/run/netns/cni-4711",
        ),
    ),
    ips=(
        Ip(
            address=ip_address("10.0.2.5"),
            length=32,
            gateway=ip_address("169.254.1.1"),
            interface=1,
        ),
    ),
    routes=(Route(dst=ip_network("0.0.0.0/0"), gw=ip_address("169.254.1.1")),),
)
DUAL = Result(
    interfaces=(Interface(name="eth0", sandbox="/run/netns/a"),),
    ips=(
        Ip(address=ip_address("10.0.2.5"), length=32, interface=0),
        Ip(
            address=ip_address("2001:DB8:0:0::0005"),
            length=128,
            gateway=ip_address("FE80::1"),
            interface=0,
        ),
    ),
    routes=(
        Route(dst=ip_network("0.0.0.0/0")),
        Route(dst=ip_network("::/0"), gw=ip_address("fe80::1")),
    ),
)
RICH = Result(
    interfaces=(
        Interface(
            name="eth0",
            mac="02:00:17:0a:00:06",
            mtu=9000,
            sandbox="/run/netns/a",
            socket_path="/run/vhost/a.sock",
            pci_id="0000:3b:00.1",
        ),
    ),
    ips=(Ip(address=ip_address("10.0.2.5"), length=24),),
    routes=(
        Route(
            dst=ip_network("10.96.0.0/12"),
            gw=ip_address("10.0.2.1"),
            mtu=1500,
            advmss=1460,
            priority=0,
            table=100,
            scope=253,
        ),
    ),
    dns=Dns(
        nameservers=("10.96.0.10",),
        domain="cluster.local",
        search=("svc.cluster.local",),
        options=("ndots:5",),
    ),
)
CASES = {"pod": POD, "dual-stack": DUAL, "every-field": RICH, "empty": Result()}


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize("case", CASES)
def test_golden_result(case: str, version: str) -> None:
    path = GOLDEN / f"{case}-{version}.json"
    text = json.dumps(document(CASES[case], version), indent=2) + "\n"
    if os.environ.get("MOORING_GOLDEN") == "write":
        path.write_text(text)

    assert text == path.read_text()


@pytest.mark.parametrize("case", CASES)
def test_the_youngest_version_loses_nothing(case: str) -> None:
    assert read(document(CASES[case], "1.1.0")) == CASES[case]


def test_a_zone_is_kept() -> None:
    document_of = {"ips": [{"address": "fe80::1%eth0/64", "interface": 0}]}
    read_back = read({"interfaces": [{"name": "eth0"}], **document_of})

    assert document(read_back, "1.1.0")["ips"] == document_of["ips"]


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_version_keeps_interfaces_addresses_and_gateways(version: str) -> None:
    back = read(document(POD, version))

    assert [(i.name, i.mac, i.sandbox) for i in back.interfaces] == [
        (i.name, i.mac, i.sandbox) for i in POD.interfaces
    ]
    assert back.ips == POD.ips
    assert back.routes == POD.routes


def test_nulls_and_absent_lists_are_empty() -> None:
    nulls = {"interfaces": None, "ips": None, "routes": None, "dns": None}

    assert read(nulls) == read({}) == Result()


def test_a_route_of_another_plugin_may_have_host_bits() -> None:
    result = read({"routes": [{"dst": "10.1.2.3/16"}]})

    assert result.routes == (Route(dst=ip_network("10.1.0.0/16")),)


@pytest.mark.parametrize(
    ("previous", "words"),
    [
        ({"ips": {}}, "prevResult.ips: {}: must be a list"),
        ({"ips": [1]}, "prevResult.ips[0]: 1: must be an object"),
        (
            {"ips": [{"address": "10.0.0.5"}]},
            'prevResult.ips[0].address: "10.0.0.5": must be an address with its length',
        ),
        (
            {"ips": [{}]},
            "prevResult.ips[0].address: absent: must be an address with its length",
        ),
        (
            {"ips": [{"address": "1.2.3.400/32"}]},
            'prevResult.ips[0].address: "1.2.3.400/32": must be an address with its length',
        ),
        (
            {"ips": [{"address": "10.0.0.5/32", "gateway": "x"}]},
            'prevResult.ips[0].gateway: "x": must be an address',
        ),
        (
            {"ips": [{"address": "10.0.0.5/32", "interface": 0}]},
            "prevResult.ips[0].interface: 0: there are 0 interfaces",
        ),
        (
            {"interfaces": [{}], "ips": [{"address": "10.0.0.5/32", "interface": -1}]},
            "prevResult.ips[0].interface: -1: there are 1 interfaces",
        ),
        (
            {"ips": [{"address": "10.0.0.5/32", "interface": True}]},
            "prevResult.ips[0].interface: true: must be an integer",
        ),
        (
            {"interfaces": [{"mtu": "9000"}]},
            'prevResult.interfaces[0].mtu: "9000": must be an integer',
        ),
        (
            {"interfaces": [{"name": 7}]},
            "prevResult.interfaces[0].name: 7: must be a string",
        ),
        (
            {"routes": [{"dst": "x"}]},
            'prevResult.routes[0].dst: "x": must be a network',
        ),
        ({"dns": []}, "prevResult.dns: []: must be an object"),
        (
            {"dns": {"search": "a"}},
            'prevResult.dns.search: "a": must be a list of strings',
        ),
        (
            {"dns": {"search": [1]}},
            "prevResult.dns.search: [1]: must be a list of strings",
        ),
    ],
)
def test_what_cannot_be_read_is_named(previous: dict[str, object], words: str) -> None:
    with pytest.raises(CniError) as caught:
        read(previous)

    assert (caught.value.code, caught.value.msg) == (Code.DECODING_FAILURE, words)


def test_joined_results_count_their_interfaces_on() -> None:
    first = Result(interfaces=(Interface(name="lo"),), dns=RICH.dns)
    both = joined(first, POD)

    assert [i.name for i in both.interfaces] == ["lo", "moor3f9a1c07b2e", "eth0"]
    assert both.interfaces[both.ips[0].interface or 0].name == "eth0"
    assert both.routes == POD.routes
    assert both.dns == RICH.dns


def test_joined_results_keep_what_has_no_interface_and_the_younger_dns() -> None:
    both = joined(POD, RICH)

    assert both.ips == (*POD.ips, *RICH.ips)
    assert both.dns == RICH.dns


def test_version_is_answered_with_all_that_is_spoken() -> None:
    assert spoken_versions("0.4.0") == {
        "cniVersion": "0.4.0",
        "supportedVersions": ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"],
    }


# --- anything at all

ADDRESSES = st.ip_addresses()
TEXTS = st.text(max_size=6)
NUMBERS = st.none() | st.integers(0, 2**32 - 1)


@st.composite
def results(draw: st.DrawFn) -> Result:
    interfaces = draw(
        st.lists(
            st.builds(Interface, name=TEXTS, mac=TEXTS, mtu=NUMBERS, sandbox=TEXTS),
            max_size=3,
        )
    )
    index = st.integers(0, len(interfaces) - 1) if interfaces else st.nothing()
    ips = ADDRESSES.flatmap(
        lambda address: st.builds(
            Ip,
            address=st.just(address),
            length=st.integers(0, address.max_prefixlen),
            gateway=st.none() | ADDRESSES,
            interface=st.none() | index,
        )
    )
    routes = st.builds(
        Route,
        dst=ADDRESSES.map(ip_network),
        gw=st.none() | ADDRESSES,
        **dict.fromkeys(("mtu", "advmss", "priority", "table", "scope"), NUMBERS),
    )
    names = st.lists(TEXTS, max_size=2).map(tuple)
    dns = st.builds(Dns, nameservers=names, domain=TEXTS, search=names, options=names)
    return Result(
        interfaces=tuple(interfaces),
        ips=tuple(draw(st.lists(ips, max_size=3))),
        routes=tuple(draw(st.lists(routes, max_size=3))),
        dns=draw(dns),
    )


@given(results(), st.sampled_from(SUPPORTED))
def test_written_and_read_back_says_the_same_again(
    result: Result, version: str
) -> None:
    written = document(result, version)

    assert document(read(json.loads(json.dumps(written))), version) == written
    if version == "1.1.0":
        assert read(written) == result


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS | st.just("10.0.0.5/32"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["address", "gateway", "interface", "dst", "gw", "name", "search"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.sampled_from(["interfaces", "ips", "routes", "dns", "cniVersion"]), JSON
    )
)
def test_anything_is_a_result_or_refused(previous: dict[str, Any]) -> None:
    try:
        result = read(previous)
    except CniError as error:
        assert error.code is Code.DECODING_FAILURE  # noqa: PT017 - one of two outcomes
    else:
        assert document(result, "1.0.0")
