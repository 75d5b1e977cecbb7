"""What runtimes send becomes a request, or an error that names field, value and rule."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.cni.errors import CniError, Code
from mooring.core.cni.fields import show
from mooring.core.cni.parse import (
    NEEDS,
    ORDINARY,
    fault_of_ifname,
    parse,
    split_args,
    spoken,
)
from mooring.core.cni.request import (
    Add,
    AttachmentId,
    Check,
    Del,
    Gc,
    Request,
    Status,
    Version,
)

FULL = {
    "CNI_CONTAINERID": "c0ffee",
    "CNI_NETNS": "/run/netns/pod",
    "CNI_IFNAME": "eth0",
    "CNI_PATH": "/opt/cni/bin",
}
POD = AttachmentId("mooring", "c0ffee", "eth0")


def an_env(command: str, **more: str) -> dict[str, str]:
    return {"CNI_COMMAND": command, **FULL, **more}


def a_conf(version: str = "1.1.0", **more: object) -> bytes:
    conf = {"cniVersion": version, "name": "mooring", "type": "mooring", **more}
    return json.dumps(conf).encode()


def complaint(env: dict[str, str], stdin: bytes) -> CniError:
    with pytest.raises(CniError) as caught:
        parse(env, stdin)
    return caught.value


# --- the six commands


def test_add_carries_everything_that_wiring_needs() -> None:
    env = an_env("ADD", CNI_ARGS="K8S_POD_NAME=web-0;K8S_POD_UID=1=2")
    request = parse(env, a_conf("1.0.0"))

    assert isinstance(request, Add)
    assert request.id == POD
    assert request.netns == "/run/netns/pod"
    assert request.conf.cni_version == "1.0.0"
    assert request.conf.type == "mooring"
    assert request.conf.raw["name"] == "mooring"
    assert request.conf.prev_result is None
    assert request.args == {"K8S_POD_NAME": "web-0", "K8S_POD_UID": "1=2"}


@pytest.mark.parametrize("netns", [{}, {"CNI_NETNS": ""}, {"CNI_NETNS": "/gone"}])
def test_del_does_not_need_a_netns(netns: dict[str, str]) -> None:
    env = {k: v for k, v in an_env("DEL").items() if k != "CNI_NETNS"} | netns
    request = parse(env, a_conf())

    assert isinstance(request, Del)
    assert request.id == POD
    assert request.netns == netns.get("CNI_NETNS", "")


@pytest.mark.parametrize("previous", [{}, {"prevResult": None}, {"prevResult": {}}])
def test_del_does_not_need_a_prev_result(previous: dict[str, object]) -> None:
    request = parse(an_env("DEL"), a_conf(**previous))

    assert isinstance(request, Del)
    assert request.conf.prev_result is None


@pytest.mark.parametrize(
    "more",
    [
        {"prevResult": 7},
        {"runtimeConfig": []},
        {"mtu": 9000},
        {"type": 3},
        {"type": None},
    ],
)
def test_del_forgives_what_add_would_refuse(more: dict[str, object]) -> None:
    assert isinstance(parse(an_env("DEL"), a_conf(**more)), Del)
    assert complaint(an_env("ADD"), a_conf(**more)).code in {2, 7}


def test_check_carries_the_result_to_compare_with() -> None:
    request = parse(an_env("CHECK"), a_conf(prevResult={"ips": []}))

    assert isinstance(request, Check)
    assert (request.id, request.netns) == (POD, "/run/netns/pod")
    assert request.conf.prev_result == {"ips": []}


def test_check_needs_a_prev_result() -> None:
    error = complaint(an_env("CHECK"), a_conf())

    assert error.code is Code.INVALID_CONFIG
    assert "prevResult" in error.msg


@pytest.mark.parametrize("key", ["cni.dev/valid-attachments", "cni.dev/attachments"])
def test_gc_reads_either_list(key: str) -> None:
    item = {"containerID": "a", "ifname": "eth0"}
    request = parse(an_env("GC"), a_conf(**{key: [item]}))

    assert isinstance(request, Gc)
    assert request.valid == {AttachmentId("mooring", "a", "eth0")}


def test_gc_with_two_lists_keeps_what_either_names() -> None:
    lists = {
        "cni.dev/valid-attachments": [{"containerID": "a", "ifname": "eth0"}],
        "cni.dev/attachments": [{"containerID": "b", "ifname": "eth1"}],
    }
    request = parse(an_env("GC"), a_conf(**lists))

    assert isinstance(request, Gc)
    assert request.valid == {
        AttachmentId("mooring", "a", "eth0"),
        AttachmentId("mooring", "b", "eth1"),
    }


@pytest.mark.parametrize("more", [{}, {"cni.dev/valid-attachments": None}])
def test_gc_without_a_list_is_not_gc_with_an_empty_one(more: dict[str, Any]) -> None:
    absent = parse(an_env("GC"), a_conf(**more))
    empty = parse(an_env("GC"), a_conf(**{"cni.dev/valid-attachments": []}))

    assert isinstance(absent, Gc)
    assert absent.valid is None
    assert isinstance(empty, Gc)
    assert empty.valid == frozenset()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({}, "cni.dev/valid-attachments: {}: must be a list"),
        (["a"], 'cni.dev/valid-attachments[0]: "a": must be an object'),
        (
            [{"containerID": 7, "ifname": "eth0"}],
            "cni.dev/valid-attachments[0].containerID: 7: must be a string",
        ),
        (
            [{"containerID": "a"}],
            "cni.dev/valid-attachments[0].ifname: absent: must not be empty",
        ),
    ],
)
def test_gc_with_a_list_that_cannot_be_read_reaps_nothing(
    value: object, words: str
) -> None:
    error = complaint(an_env("GC"), a_conf(**{"cni.dev/valid-attachments": value}))

    assert (error.code, error.msg) == (Code.INVALID_CONFIG, words)


def test_status_needs_no_container() -> None:
    env = {"CNI_COMMAND": "STATUS", "CNI_PATH": "/opt/cni/bin", "CNI_NETNS": ""}

    assert isinstance(parse(env, a_conf()), Status)


@pytest.mark.parametrize(
    ("stdin", "version"),
    [
        (b'{"cniVersion":"0.4.0"}', "0.4.0"),
        (b'{"cniVersion":"0.1.0"}', "0.1.0"),
        (b'{"cniVersion":"2.0.0-rc1"}', "2.0.0-rc1"),
        (b'{"cniVersion":"\\u0000"}', "1.0.0"),
        (b'{"cniVersion":4}', "1.0.0"),
        (b"", "1.0.0"),
        (b"nonsense", "1.0.0"),
    ],
)
def test_version_ignores_the_other_variables(stdin: bytes, version: str) -> None:
    env = {"CNI_COMMAND": "VERSION", "CNI_NETNS": "dummy", "CNI_IFNAME": "a/b"}

    assert parse(env, stdin) == Version(version)


# --- variables


@pytest.mark.parametrize("command", ["", "add", "UPDATE", "ADD "])
def test_an_unknown_command_is_code_4(command: str) -> None:
    error = complaint(an_env(command), a_conf())

    assert error.code is Code.INVALID_ENVIRONMENT
    assert f'CNI_COMMAND="{command}"' in error.msg


@pytest.mark.parametrize(
    ("command", "name"),
    [(command, name) for command, names in NEEDS.items() for name in names],
)
@pytest.mark.parametrize("absent", [True, False])
def test_a_missing_or_empty_variable_is_named(
    command: str, name: str, absent: bool
) -> None:
    env = an_env(command, **{name: ""})
    if absent:
        del env[name]
    error = complaint(env, a_conf())

    assert (error.code, error.msg) == (
        Code.INVALID_ENVIRONMENT,
        f"{command} needs {name}",
    )


def test_all_missing_variables_are_named_at_once() -> None:
    error = complaint({"CNI_COMMAND": "ADD"}, b"")

    assert error.msg == ("ADD needs CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH")


@pytest.mark.parametrize("bad", ["-a", ".a", "a/b", "a b", "a\n", "ä", "_"])
@pytest.mark.parametrize("command", ["ADD", "DEL", "CHECK"])
def test_a_bad_container_id_is_refused(command: str, bad: str) -> None:
    stdin = a_conf(prevResult={"ips": []})
    error = complaint(an_env(command, CNI_CONTAINERID=bad), stdin)

    assert error.code is Code.INVALID_ENVIRONMENT
    assert "CNI_CONTAINERID" in error.msg


@pytest.mark.parametrize(
    "bad", ["", ".", "..", "a/b", "a:b", "a b", "a\tb", "sixteen-letters-", "ääääääää"]
)
def test_a_bad_interface_name_has_a_fault(bad: str) -> None:
    assert fault_of_ifname(bad)


@pytest.mark.parametrize("good", ["eth0", "a", "fifteen-letters", "net1.7", "äöü"])
def test_a_good_interface_name_has_none(good: str) -> None:
    assert fault_of_ifname(good) == ""


def test_a_bad_interface_name_is_refused() -> None:
    error = complaint(an_env("ADD", CNI_IFNAME="eth/0"), a_conf())

    assert error.code is Code.INVALID_ENVIRONMENT
    assert error.msg == 'CNI_IFNAME="eth/0": must not hold / or : or blanks'


# --- CNI_ARGS


def test_args_are_split_on_the_first_equals_in_any_order() -> None:
    text = "K8S_POD_NAMESPACE=a;IgnoreUnknown=1;;X=y=z;K8S_POD_NAME=b"

    assert split_args(text) == {
        "K8S_POD_NAMESPACE": "a",
        "IgnoreUnknown": "1",
        "X": "y=z",
        "K8S_POD_NAME": "b",
    }


@pytest.mark.parametrize("truth", ["1", "true", "TRUE", "True"])
def test_unknown_args_pass_when_told_to_ignore_them(truth: str) -> None:
    assert split_args(f"X=10.0.0.1;IgnoreUnknown={truth}")["X"] == "10.0.0.1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("X=10.0.0.1;Z=1", 'nobody reads ["X", "Z"]'),
        ("X=10.0.0.1;IgnoreUnknown=0", 'nobody reads ["X"]'),
        ("K8S_POD_NAM=a", 'nobody reads ["K8S_POD_NAM"]; did you mean K8S_POD_NAME?'),
        (
            "K8S_POD_UUID=1;Ignoreunknown=1",
            'nobody reads ["Ignoreunknown", "K8S_POD_UUID"]; did you mean IgnoreUnknown, K8S_POD_UID?',
        ),
        ("IgnoreUnknown=maybe", 'IgnoreUnknown="maybe": must be 1 or 0'),
        ("K8S_POD_NAME", '"K8S_POD_NAME" is no KEY=VALUE'),
        ("=x", '"=x" is no KEY=VALUE'),
    ],
)
def test_bad_args_are_refused_on_add_and_forgiven_on_del(text: str, words: str) -> None:
    error = complaint(an_env("ADD", CNI_ARGS=text), a_conf())

    assert error.code is Code.INVALID_ENVIRONMENT
    assert error.msg == f"CNI_ARGS: {words}"
    assert isinstance(parse(an_env("DEL", CNI_ARGS=text), a_conf()), Del)


# --- the configuration


@pytest.mark.parametrize("version", ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_every_supported_version_can_add_and_del(version: str) -> None:
    for command in ("ADD", "DEL"):
        request = parse(an_env(command), a_conf(version))

        assert isinstance(request, Add | Del)
        assert request.conf.cni_version == version


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0", "1.2.0", "1.0", "", "v1.0.0"])
def test_other_versions_are_refused(version: str) -> None:
    error = complaint(an_env("ADD"), a_conf(version))

    assert error.code is Code.INCOMPATIBLE_VERSION
    assert "must be one of 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0" in error.msg


def test_no_version_means_0_1_0_which_is_refused() -> None:
    error = complaint(an_env("DEL"), b'{"name":"a","type":"b"}')

    assert error.code is Code.INCOMPATIBLE_VERSION
    assert error.msg.startswith("cniVersion: absent: ")


@pytest.mark.parametrize(
    ("command", "version", "since"),
    [
        ("CHECK", "0.3.1", "0.4.0"),
        ("GC", "1.0.0", "1.1.0"),
        ("STATUS", "0.4.0", "1.1.0"),
    ],
)
def test_a_command_younger_than_the_version_is_refused(
    command: str, version: str, since: str
) -> None:
    error = complaint(an_env(command), a_conf(version, prevResult={"ips": []}))

    assert error.code is Code.INCOMPATIBLE_VERSION
    assert error.msg == f"cniVersion: {version}: {command} exists since {since}"


@pytest.mark.parametrize(
    "stdin",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": 1e}',
        b"{} {}",
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object_is_code_6(stdin: bytes) -> None:
    assert complaint(an_env("ADD"), stdin).code is Code.DECODING_FAILURE
    assert spoken(stdin) == "1.0.0"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"name": None}, "name: absent: must match [a-zA-Z0-9][a-zA-Z0-9_.-]*"),
        ({"name": ""}, 'name: "": must match [a-zA-Z0-9][a-zA-Z0-9_.-]*'),
        ({"name": "a b"}, 'name: "a b": must match [a-zA-Z0-9][a-zA-Z0-9_.-]*'),
        ({"name": "a\n"}, 'name: "a\\n": must match [a-zA-Z0-9][a-zA-Z0-9_.-]*'),
        ({"name": 7}, "name: 7: must be a string"),
        ({"cniVersion": 1}, "cniVersion: 1: must be a string"),
        ({"type": None}, "type: absent: must be the name of a plugin"),
        ({"type": []}, "type: []: must be a string"),
        ({"prevResult": "x"}, 'prevResult: "x": must be an object'),
        ({"runtimeConfig": [1]}, "runtimeConfig: [1]: must be an object"),
    ],
)
def test_a_bad_field_is_named_with_value_and_rule(
    more: dict[str, object], words: str
) -> None:
    error = complaint(an_env("ADD"), a_conf(**more))

    assert (error.code, error.msg) == (Code.INVALID_CONFIG, words)


def test_a_key_that_nobody_reads_is_refused_with_the_nearest_one() -> None:
    error = complaint(an_env("ADD"), a_conf(runtimeconfig={"a": 1}))

    assert error.code is Code.UNSUPPORTED_FIELD
    assert error.msg == (
        'runtimeconfig: {"a": 1}: no such key; did you mean runtimeConfig?'
    )


def test_a_key_without_neighbours_is_refused_too_and_a_long_value_is_cut() -> None:
    error = complaint(an_env("STATUS"), a_conf(zzzzzz="y" * 200))

    assert error.code is Code.UNSUPPORTED_FIELD
    assert error.msg == f'zzzzzz: "{"y" * 79}…: no such key'


def test_keys_that_runtimes_and_chains_add_are_fine() -> None:
    more: dict[str, object] = {
        "capabilities": {"portMappings": True},
        "runtimeConfig": None,
        "args": {"cni": {"ips": []}},
        "ipMasq": False,
        "ipam": {},
        "dns": {},
        "cniVersions": ["1.0.0"],
        "disableCheck": False,
        "disableGC": False,
        "loadOnlyInlinedPlugins": True,
        "cni.dev/attachments": [],
        "cni.dev/something-new": 1,
    }

    assert isinstance(parse(an_env("ADD"), a_conf(**more)), Add)


def test_a_chained_add_sees_the_result_before_it() -> None:
    request = parse(an_env("ADD"), a_conf(prevResult={"cniVersion": "1.1.0"}))

    assert isinstance(request, Add)
    assert request.conf.prev_result == {"cniVersion": "1.1.0"}


# --- capabilities


CONTAINERD = {
    "portMappings": [{"HostPort": 80, "ContainerPort": 8080, "Protocol": "tcp"}],
    "bandwidth": {"IngressRate": 0, "IngressBurst": 4294967295},
    "dns": {"Servers": ["10.0.0.1"], "Options": None},
    "io.kubernetes.cri.pod-annotations": {"Example.com/Key": "V"},
    "aliases": {"Net": ["A"]},
    "ips": None,
}
PODMAN = {
    "portMappings": [{"hostPort": 80, "containerPort": 8080, "protocol": "tcp"}],
    "bandwidth": {"ingressRate": 0, "ingressBurst": 4294967295},
    "dns": {"servers": ["10.0.0.1"]},
    "io.kubernetes.cri.pod-annotations": {"Example.com/Key": "V"},
    "aliases": {"Net": ["A"]},
}


def test_containerd_capitalises_and_podman_does_not_and_both_are_understood() -> None:
    one = parse(an_env("ADD"), a_conf(runtimeConfig=CONTAINERD))
    other = parse(an_env("ADD"), a_conf(runtimeConfig=PODMAN))

    assert isinstance(one, Add)
    assert isinstance(other, Add)
    assert one.conf.capabilities == other.conf.capabilities
    assert one.conf.capabilities["portmappings"][0]["hostport"] == 80
    assert one.conf.capabilities["aliases"] == {"Net": ["A"]}
    assert one.conf.raw["runtimeConfig"] == CONTAINERD


@pytest.mark.parametrize(
    ("wish", "value"),
    [("ips", ["10.0.0.9"]), ("Mac", "02:00:00:00:00:01"), ("ipRanges", [[{}]])],
)
def test_a_wish_that_cannot_be_granted_is_refused_and_del_forgives_it(
    wish: str, value: object
) -> None:
    conf = a_conf(runtimeConfig={wish: value})
    error = complaint(an_env("ADD"), conf)

    assert error.code == Code.UNSUPPORTED_FIELD
    assert error.msg.startswith(f"runtimeConfig.{wish.lower()}: {json.dumps(value)}")
    assert isinstance(parse(an_env("DEL"), conf), Del)


def test_what_is_nested_without_end_is_left_as_it_is() -> None:
    deep = json.loads("[" * 300 + "]" * 300)
    request = parse(an_env("ADD"), a_conf(runtimeConfig={"bandwidth": deep}))

    assert isinstance(request, Add)
    assert request.conf.capabilities == {"bandwidth": deep}


def test_a_value_too_deep_to_show_is_not_shown() -> None:
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]

    assert show(deep) == "…"


# --- anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        *("cniVersion", "name", "type", "prevResult", "runtimeConfig", "capabilities"),
        *("cni.dev/valid-attachments", "cni.dev/attachments", "args", "zzz"),
    ]
)
SOUND: dict[str, Any] = {"cniVersion": "1.1.0", "name": "n", "type": "t"}


@given(
    st.sampled_from(["", "UPDATE", *NEEDS]),
    st.dictionaries(st.sampled_from(sorted(FULL | {"CNI_ARGS": ""})), st.text()),
    st.binary(max_size=64)
    | st.dictionaries(KEYS, JSON).map(lambda d: json.dumps(SOUND | d).encode()),
)
def test_anything_becomes_a_request_or_an_error_that_can_be_printed(
    command: str, variables: dict[str, str], stdin: bytes
) -> None:
    try:
        outcome: Request | CniError = parse(an_env(command, **variables), stdin)
    except CniError as error:
        outcome = error
    if isinstance(outcome, CniError):
        assert outcome.msg
        assert json.dumps(outcome.as_json(spoken(stdin)))
    else:
        assert isinstance(outcome, Request)


# --- the memory of configurations


def test_a_configuration_is_read_once_for_all_who_send_it() -> None:
    stdin = a_conf()
    one, other = (parse(an_env("ADD", CNI_CONTAINERID=c), stdin) for c in "ab")

    assert isinstance(one, Add)
    assert isinstance(other, Add)
    assert one.conf is other.conf
    assert one.id != other.id


def test_a_large_configuration_is_not_remembered() -> None:
    stdin = a_conf(
        runtimeConfig={"io.kubernetes.cri.pod-annotations": {"a": "x" * ORDINARY}}
    )
    one, other = (parse(an_env("ADD"), stdin) for _ in range(2))

    assert isinstance(one, Add)
    assert isinstance(other, Add)
    assert one.conf == other.conf
    assert one.conf is not other.conf


def test_what_del_forgives_is_not_what_add_remembers() -> None:
    stdin = a_conf(ipMasq=True)

    assert isinstance(parse(an_env("DEL"), stdin), Del)
    assert complaint(an_env("ADD"), stdin).code is Code.UNSUPPORTED_FIELD
    assert isinstance(parse(an_env("DEL"), stdin), Del)
