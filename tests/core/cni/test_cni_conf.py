"""Every key of the network configuration: what it may be, and the words when it is not."""

import json

import pytest

from mooring.core.cni.conf import KEYS, RULES, WELL_KNOWN, network
from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.fields import nearest, show
from mooring.core.cni.parse import parse
from mooring.core.cni.request import Add, Del, Gc
from mooring.core.cni.result import Dns

ADDRESS = {"CNI_CONTAINERID": "a", "CNI_NETNS": "/run/netns/a", "CNI_IFNAME": "eth0"}


def a_conf(**more: object) -> dict[str, object]:
    return {"cniVersion": "1.1.0", "name": "mooring", "type": "mooring", **more}


def refusal(**more: object) -> tuple[int, str]:
    with pytest.raises(CniError) as caught:
        network(a_conf(**more), strict=True)
    return int(caught.value.code), caught.value.msg


WRONG = [
    ("cniVersion", 1, 7, "must be a string"),
    ("cniVersion", "0.2.0", 1, "must be one of 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0"),
    ("name", [], 7, "must be a string"),
    ("name", "-x", 7, "must match [a-zA-Z0-9][a-zA-Z0-9_.-]*"),
    ("name", "x" * 81, 7, "must have 80 characters at most, has 81"),
    ("type", 1, 7, "must be a string"),
    ("type", "", 7, "must be the name of a plugin"),
    ("type", "../mooring", 7, "must be the name of a plugin"),
    ("args", "x", 7, "must be an object"),
    ("capabilities", ["portMappings"], 7, "must be an object"),
    ("capabilities.portMappings", "yes", 7, "must be true or false"),
    (
        "capabilities.portMaping",
        True,
        2,
        "no such capability; did you mean portMappings?",
    ),
    (
        "capabilities.portmappings",
        True,
        2,
        "no such capability; did you mean portMappings?",
    ),
    ("capabilities.ip", False, 2, "no such capability; did you mean ips?"),
    ("cniVersions", "1.0.0", 7, "must be a list of strings"),
    ("cniVersions", ["one"], 7, "must be a list of versions like 1.0.0"),
    ("disableCheck", "true", 7, "must be true or false"),
    ("disableGC", 0, 7, "must be true or false"),
    ("loadOnlyInlinedPlugins", [], 7, "must be true or false"),
    ("ipMasq", 1, 7, "must be true or false"),
    ("ipMasq", True, 2, "must be false: pods keep their addresses"),
    ("ipam", "host-local", 7, "must be an object"),
    (
        "ipam",
        {"type": "static"},
        2,
        "must be empty; addresses come from the VNIC's pool",
    ),
    ("dns", ["10.0.0.1"], 7, "must be an object"),
    ("dns.nameservers", "10.0.0.1", 7, "must be a list of strings"),
    ("dns.nameservers", ["ns1"], 7, "must be a list of addresses"),
    ("dns.domain", 1, 7, "must be a string"),
    ("dns.search", "a", 7, "must be a list of strings"),
    ("dns.options", [1], 7, "must be a list of strings"),
    ("dns.nameserver", ["10.0.0.1"], 2, "no such key; did you mean nameservers?"),
    ("prevResult", [], 7, "must be an object"),
    ("runtimeConfig", 1, 7, "must be an object"),
    ("runtimeConfig.ip", ["10.0.0.9"], 2, "no such capability; did you mean ips?"),
    ("runtimeConfig.BandWith", {}, 2, "no such capability; did you mean bandwidth?"),
]


@pytest.mark.parametrize(("field", "value", "code", "rule"), WRONG)
def test_a_wrong_value_is_refused_with_field_value_and_rule(
    field: str, value: object, code: int, rule: str
) -> None:
    outer, dot, inner = field.partition(".")
    written = refusal(**{outer: {inner: value} if dot else value})

    assert written == (code, f"{field}: {show(value)}: {rule}")


def test_the_table_has_every_key() -> None:
    tried = {field.partition(".")[0] for field, *_ in WRONG}

    assert tried == KEYS
    assert set(RULES) <= KEYS


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("cniversion", "cniVersion"),
        ("CNIVersions", "cniVersions"),
        ("disable_gc", "disableGC"),
        ("DISABLECHECK", "disableCheck"),
        ("ipmask", "ipMasq"),
        ("ipams", "ipam"),
        ("runtimeConf", "runtimeConfig"),
        ("prevresults", "prevResult"),
        ("capability", "capabilities"),
        ("arg", "args"),
        ("DNS", "dns"),
        ("nam", "name"),
        ("typ", "type"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(key: str, meant: str) -> None:
    assert refusal(**{key: 1}) == (2, f"{key}: 1: no such key; did you mean {meant}?")


def test_an_unknown_key_with_nothing_near_is_refused_without_advice() -> None:
    assert refusal(mtu=9000) == (2, "mtu: 9000: no such key")
    assert nearest("zzz", ()) == ""


@pytest.mark.parametrize("key", ["a\nb", "k" * 200])
def test_a_key_that_spoils_a_line_is_quoted_or_cut(key: str) -> None:
    code, msg = refusal(**{key: 1})

    assert code == Code.UNSUPPORTED_FIELD
    assert msg.endswith(": 1: no such key")
    assert msg.isprintable()
    assert len(msg) < 120


def test_null_is_as_good_as_absent() -> None:
    nothing = dict.fromkeys(KEYS - {"cniVersion", "name", "type"})

    assert network(a_conf(**nothing), strict=True).dns == Dns()


def test_dns_is_read_to_be_repeated_in_the_result() -> None:
    dns = {
        "nameservers": ["10.0.0.2", "fd00::2"],
        "domain": "a.example",
        "search": ["b"],
        "options": ["ndots:2"],
    }

    assert network(a_conf(dns=dns), strict=True).dns == Dns(
        nameservers=("10.0.0.2", "fd00::2"),
        domain="a.example",
        search=("b",),
        options=("ndots:2",),
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [(f, v) for f, v, *_ in WRONG if f not in {"cniVersion", "name"} and "." not in f],
)
def test_del_and_gc_forgive_what_add_refuses(field: str, value: object) -> None:
    stdin = json.dumps(a_conf(**{field: value, "nonsense": 1})).encode()
    about = {**ADDRESS, "CNI_PATH": "/opt/cni/bin"}

    assert isinstance(parse({**about, "CNI_COMMAND": "DEL"}, stdin), Del)
    assert isinstance(parse({**about, "CNI_COMMAND": "GC"}, stdin), Gc)


def test_a_name_that_was_allowed_once_can_still_be_removed() -> None:
    stdin = json.dumps(a_conf() | {"name": "x" * 81}).encode()
    about = {**ADDRESS, "CNI_PATH": "/opt/cni/bin"}

    assert isinstance(parse({**about, "CNI_COMMAND": "DEL"}, stdin), Del)
    assert isinstance(parse({**about, "CNI_COMMAND": "GC"}, stdin), Gc)


def test_capabilities_that_runtimes_know_or_invent_pass() -> None:
    """Lower case is a slip in a list, where libcni compares letter by letter; not in what it sends."""
    invented = ("mtu", "labels", "vlan", "org.example.anything", "")
    named = dict.fromkeys([*WELL_KNOWN, *invented], True)
    granted = map(str.lower, WELL_KNOWN - {"ips", "ipRanges", "mac"})
    sent = dict.fromkeys([*granted, *invented], "x")

    conf = network(a_conf(capabilities=named, runtimeConfig=sent), strict=True)
    assert conf.capabilities == sent


def test_what_runtimes_send_passes() -> None:
    more = {
        "args": {"cni": {"labels": [{"key": "a", "value": "b"}]}, "anything": 1},
        "capabilities": {"portMappings": True, "bandwidth": False},
        "cniVersions": ["0.4.0", "1.0.0", "1.1.0"],
        "disableCheck": True,
        "dns": {},
        "ipMasq": False,
        "ipam": {},
        "cni.dev/whatever": [1],
    }
    stdin = json.dumps(a_conf(**more)).encode()
    env = {**ADDRESS, "CNI_PATH": "/opt/cni/bin", "CNI_COMMAND": "ADD"}

    assert isinstance(parse(env, stdin), Add)
