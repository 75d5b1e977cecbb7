"""Kubeconfigs: every form that is read, every fault told by its field, no secret shown."""

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from kube_nonsense import NEARLY

from mooring.core.kube.kubeconfig import (
    Access,
    Material,
    Program,
    User,
    contexts,
    located,
    merged,
    read,
)
from mooring.core.net.fields import Unreadable

SECRET = "hunter2"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def a_config(user: object = None, **cluster: object) -> dict[str, Any]:
    return {
        "current-context": "here",
        "contexts": [
            {"name": "other", "context": {"cluster": "none"}},
            {"name": "here", "context": {"cluster": "c", "user": "u"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": "https://a:6443", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }


def test_a_token_in_the_file() -> None:
    found = read(a_config({"token": f" {SECRET}\n"}))

    assert found == Access(server="https://a:6443", user=User(token=SECRET))
    assert SECRET not in repr(found)


def test_files_are_kept_as_paths_and_data_goes_before_them() -> None:
    found = read(
        a_config(
            {
                "client-certificate": "c.crt",
                "client-key": "ignored",
                "client-key-data": encoded("key"),
                "tokenFile": "t",
            },
            **{"certificate-authority": "ca.crt"},
        )
    )

    assert found.authority == Material(
        "clusters[0].cluster.certificate-authority", "ca.crt"
    )
    assert found.user.certificate is not None
    assert found.user.certificate.path == "c.crt"
    assert found.user.key == Material("users[0].user.client-key-data", data=b"key")
    assert found.user.token_file == Material("users[0].user.tokenFile", "t")
    assert "b'key'" not in repr(found)


def test_a_program_and_a_password() -> None:
    found = read(
        a_config(
            {
                "username": "ada",
                "password": SECRET,
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "oci",
                    "args": ["ce", "token"],
                    "env": [{"name": "A", "value": "b"}],
                    "provideClusterInfo": True,
                    "installHint": "install it",
                },
            }
        )
    ).user

    assert (found.name, found.password) == ("ada", SECRET)
    assert found.program == Program(
        origin="users[0].user.exec",
        command="oci",
        version="client.authentication.k8s.io/v1",
        arguments=("ce", "token"),
        environment={"A": "b"},
        wants_cluster=True,
        hint="install it",
    )


def test_a_cluster_may_say_more() -> None:
    config = a_config(
        {},
        **{
            "insecure-skip-tls-verify": True,
            "tls-server-name": "kubernetes",
            "proxy-url": "http://proxy:3128",
            "server": "http://a:1/prefix/",
        },
    )
    config["contexts"][1]["context"]["namespace"] = "shop"
    found = read(config)

    assert found.insecure
    assert found.server == "http://a:1/prefix"
    assert (found.server_name, found.proxy) == ("kubernetes", "http://proxy:3128")
    assert found.namespace == "shop"


def test_another_context_may_be_chosen_and_a_user_left_out() -> None:
    config = a_config()
    config["contexts"][0]["context"]["cluster"] = "c"

    assert read(config, "other").user == User()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"current-context": ""},
            "current-context: None: is required, or a context chosen: other, here",
        ),
        (
            {"current-context": "gone"},
            "current-context: 'gone': must be one of the contexts: other, here",
        ),
        ({"contexts": 5}, "contexts: 5: must be a list"),
        ({"contexts": []}, "must be one of the contexts: there is none"),
        (
            {"clusters": []},
            "contexts[1].context.cluster: 'c': must be one of the clusters: there is none",
        ),
        (
            {"users": [{"name": "x"}]},
            "contexts[1].context.user: 'u': must be one of the users: x",
        ),
    ],
)
def test_names_that_lead_nowhere_are_told(change: dict[str, Any], said: str) -> None:
    config = {**a_config(), **change}
    if change.get("current-context") == "":
        config["current-context"] = None
    with pytest.raises(Unreadable) as caught:
        read(config)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"token": 5}, "users[0].user.token: '(hidden)': must be text"),
        (
            {"client-key-data": SECRET + "!"},
            "users[0].user.client-key-data: '(hidden)': must be base64",
        ),
        (
            {"client-certificate": "a"},
            "users[0].user.client-key: None: is required, as the other half",
        ),
        ({"client-key": "a"}, "users[0].user.client-certificate: None: is required"),
        (
            {"auth-provider": {"name": "gcp", "x": SECRET}},
            "users[0].user.auth-provider: '(hidden)': is no longer",
        ),
        (
            {"exec": {"apiVersion": "v9", "command": "x"}},
            "users[0].user.exec.apiVersion: 'v9': must be one of",
        ),
        (
            {"exec": {"apiVersion": "client.authentication.k8s.io/v1"}},
            "users[0].user.exec.command: None: is req",
        ),
        (
            {"password": [SECRET], "username": "a"},
            "users[0].user.password: '(hidden)': must be text",
        ),
    ],
)
def test_what_is_wrong_with_a_user_is_told_without_its_secret(
    user: object, said: str
) -> None:
    with pytest.raises(Unreadable) as caught:
        read(a_config(user))
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({"server": None}, "clusters[0].cluster.server: None: is required"),
        (
            {"server": "a:6443"},
            "clusters[0].cluster.server: 'a:6443': must be a URL as https://10.0.0.1:6443",
        ),
        (
            {"proxy-url": "socks5://proxy"},
            "clusters[0].cluster.proxy-url: 'socks5://proxy': must be a URL as http",
        ),
        (
            {"proxy-url": "proxy"},
            "clusters[0].cluster.proxy-url: 'proxy': must be a URL",
        ),
        (
            {"certificate-authority-data": "?"},
            "clusters[0].cluster.certificate-authority-data: '(hidden)'",
        ),
        (
            {"insecure-skip-tls-verify": True, "certificate-authority": "x"},
            "clusters[0].cluster.insecure-skip-tls-verify: True: must be false where",
        ),
    ],
)
def test_what_is_wrong_with_a_cluster_is_told(
    cluster: dict[str, Any], said: str
) -> None:
    with pytest.raises(Unreadable) as caught:
        read(a_config(**cluster))
    assert said in str(caught.value)


def test_many_names_are_not_all_told() -> None:
    config = a_config()
    config["contexts"] = [{"name": f"c{i}"} for i in range(20)]
    with pytest.raises(Unreadable, match=r"c0, c1, .*c7, …$"):
        read(config)


@pytest.mark.parametrize("thing", [None, [], "text", 5])
def test_what_is_no_mapping_is_told(thing: object) -> None:
    with pytest.raises(Unreadable, match=r"kubeconfig: .*: must be a mapping"):
        read(thing)


@given(NEARLY, NEARLY)
def test_anything_is_read_or_told(user: object, part: object) -> None:
    for document in (
        part,
        a_config(user),
        {**a_config(), "clusters": [{"name": "c", "cluster": part}]},
        {**a_config(), "contexts": [{"name": "here", "context": part}]},
    ):
        with contextlib.suppress(Unreadable):
            read(document)


def test_of_several_what_the_first_says_of_a_name_counts() -> None:
    mine = {
        "current-context": "",
        "users": [{"name": "u", "user": {"token": "mine"}}],
    }
    theirs = a_config({"token": "theirs"})
    last = {**a_config({"token": "last"}), "current-context": "other"}

    found = read(merged([mine, None, theirs, last]))

    assert found == Access(server="https://a:6443", user=User(token="mine"))
    assert contexts(merged([mine, theirs])) == ["other", "here"]
    assert merged([theirs]) is theirs


def test_of_several_one_that_is_no_mapping_is_told() -> None:
    with pytest.raises(Unreadable, match="kubeconfig: 'int': must be a mapping"):
        read(merged([a_config(), 7]))


def test_relative_paths_begin_at_the_files_folder() -> None:
    user = {
        "client-certificate": "c.crt",
        "client-key": "/keys/c.key",
        "tokenFile": "",
        "exec": {"command": "./login", "args": ["a/b"]},
    }
    document = a_config(user, **{"certificate-authority": "../ca.crt"})

    found = located(document, "/home/me")

    held = {**user, "client-certificate": "/home/me/c.crt"}
    held["exec"] = {"command": "/home/me/./login", "args": ["a/b"]}
    assert found == a_config(held, **{"certificate-authority": "/home/me/../ca.crt"})
    assert located(a_config({"exec": {"command": "login"}}), "/home") == a_config(
        {"exec": {"command": "login"}}
    )


@given(NEARLY, NEARLY)
def test_anything_is_located_and_merged_or_told(one: object, other: object) -> None:
    for part in (one, {"users": one, "clusters": [other]}):
        with contextlib.suppress(Unreadable):
            read(merged([located(part, "/x"), located(other, "/y"), a_config()]))
