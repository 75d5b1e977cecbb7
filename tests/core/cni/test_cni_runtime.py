"""The runtime's half of CNI: what plugins are handed, and what is made of their answers."""

import json

import pytest

from mooring.core.cni.runtime import (
    Sandbox,
    addresses,
    calls,
    chained,
    conflist,
    pod_args,
    refusal,
    version,
)

LISTED = json.loads(conflist())
CHAIN = {
    "name": "two",
    "cniVersion": "1.0.0",
    "plugins": [{"type": "first", "x": 1}, {"type": "second"}],
}
POD = Sandbox(container="c1", netns="/run/netns/p", args=pod_args("web", "c1", "uid-1"))


def test_the_highest_version_that_both_know_is_chosen() -> None:
    assert version(LISTED) == "1.1.0"
    assert version(CHAIN) == "1.0.0"


def test_no_version_in_common_is_an_error_that_names_both() -> None:
    with pytest.raises(ValueError, match=r"9\.0\.0.*none of 0\.4\.0"):
        version({"cniVersion": "9.0.0"})


def test_add_gets_the_container_and_the_lists_name_and_version() -> None:
    (call,) = calls(LISTED, "ADD", POD)

    assert call.plugin == "mooring"
    assert call.env == {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c1",
        "CNI_NETNS": "/run/netns/p",
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": (
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;"
            "K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=uid-1"
        ),
    }
    assert json.loads(call.stdin) == {
        "type": "mooring",
        "capabilities": {"ips": True, "mac": True},
        "name": "mooring",
        "cniVersion": "1.1.0",
    }


def test_del_walks_the_chain_backwards_and_shows_the_result() -> None:
    two, one = calls(CHAIN, "DEL", POD, {"ips": []})

    assert (two.plugin, one.plugin) == ("second", "first")
    assert json.loads(one.stdin)["prevResult"] == {"ips": []}
    assert json.loads(one.stdin)["x"] == 1


def test_status_is_about_no_container() -> None:
    (call,) = calls(LISTED, "STATUS", None, {"ips": []})

    assert call.env == {"CNI_COMMAND": "STATUS"}
    assert "prevResult" not in json.loads(call.stdin)


def test_the_second_of_a_chain_sees_the_firsts_result() -> None:
    _, two = calls(CHAIN, "ADD", POD)

    assert json.loads(chained(two, {"ips": [1]}).stdin)["prevResult"] == {"ips": [1]}


@pytest.mark.parametrize(
    ("out", "err", "said"),
    [
        (b'{"code": 11, "msg": "no free address"}', b"", "no free address (code 11)"),
        (b'{"code": 7, "msg": "x", "details": "y"}', b"", "x (code 7): y"),
        (b"", b"boom\n", "exit status 3: boom"),
        (b"[1]", b"", "exit status 3: [1]"),
        (b'{"msg": "x"}', b"", 'exit status 3: {"msg": "x"}'),
        (b"", b"", "exit status 3"),
    ],
)
def test_a_refusal_is_one_line(out: bytes, err: bytes, said: str) -> None:
    assert refusal(3, out, err) == said


def test_addresses_lose_their_prefix() -> None:
    result = {"ips": [{"address": "10.0.32.9/32"}, {"address": "fd00::1/128"}]}

    assert addresses(result) == ("10.0.32.9", "fd00::1")
    assert addresses({}) == ()
