"""A kubeconfig: where the API server is, how it is trusted, and who we are to it.

Every form that kubectl reads but one: an `auth-provider`, which Kubernetes has dropped. A
fault is told by the field's place in the file. What is secret is never shown.
"""

import base64
import binascii
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mooring.core.net.fields import Field, T, Unreadable

MOST, LONGEST = 4096, 1 << 20
SERVER = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
PROXY = re.compile(r"https?://\S+")
EXEC_VERSIONS = (
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
    "client.authentication.k8s.io/v1alpha1",
)
HIDDEN = "(hidden)"
LISTS = ("clusters", "contexts", "users")
FILES = {
    "clusters": ("cluster", ("certificate-authority",)),
    "users": ("user", ("client-certificate", "client-key", "tokenFile")),
}
"""Where a document names files: the list, what an entry holds, and there."""


@dataclass(frozen=True, slots=True)
class Material:
    """A certificate or key: a file's path, or its content. `origin` is the field it stands in."""

    origin: str
    path: str = ""
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that prints a credential."""

    origin: str
    command: str
    version: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    wants_cluster: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who we are: one of token, its file, a program, a name and password; and a certificate."""

    token: str = field(default="", repr=False)
    token_file: Material | None = None
    certificate: Material | None = None
    key: Material | None = None
    name: str = ""
    password: str = field(default="", repr=False)
    program: Program | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """All that a connection is made of."""

    server: str
    authority: Material | None = None
    insecure: bool = False
    server_name: str = ""
    proxy: str = ""
    namespace: str = "default"
    user: User = User()


def read(document: object, context: str = "") -> Access:
    """Choose a context (the current one) and read what it names; raise Unreadable."""
    root = _root(document)
    wanted = context or root.at("current-context").either(lambda f: f.text(), "")
    if not wanted:
        raise root.at("current-context").wrong(
            f"is required, or a context chosen: {_names(root.at('contexts'))}"
        )
    chosen = _named(root.at("contexts"), wanted, "current-context").at("context")
    cluster_name = chosen.at("cluster")
    cluster = _named(root.at("clusters"), cluster_name.text(), cluster_name.path)
    user_name = chosen.at("user")
    user = User()
    if user_name.value:
        found = _named(root.at("users"), user_name.text(), user_name.path)
        user = _user(found.at("user"))
    namespace = chosen.at("namespace").either(lambda f: f.text(63, 0), "")
    return _access(cluster.at("cluster"), namespace or "default", user)


def contexts(document: object) -> list[str]:
    """Name the contexts; raise Unreadable."""
    return [
        str(each.at("name").value)
        for each in _root(document).at("contexts").items(MOST)
    ]


def merged(documents: Sequence[object]) -> object:
    """Make one document of several, as kubectl does: what the first says of a name counts.

    https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
    """
    if len(documents) == 1:
        return documents[0]
    found: dict[object, Any] = {}
    for document in documents:
        if document is None:
            continue  # an empty file
        if not isinstance(document, dict):
            return document
        for name, value in document.items():
            before = found.get(name)
            if name in LISTS and isinstance(before, list) and isinstance(value, list):
                found[name] = before + value
            elif not before:
                found[name] = value
    return found


def located(document: object, folder: str) -> object:
    """Give the document with paths that hold everywhere: relative ones begin at its file's folder."""
    if not isinstance(document, dict):
        return document
    found = dict(document)
    for listed, (holder, names) in FILES.items():
        entries = document.get(listed)
        if isinstance(entries, list):
            found[listed] = [_entry(each, holder, names, folder) for each in entries]
    return found


def _entry(entry: object, holder: str, names: tuple[str, ...], folder: str) -> object:
    held = entry.get(holder) if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(held, dict):
        return entry
    held = {k: _joined(folder, v) if k in names else v for k, v in held.items()}
    program = held.get("exec")
    if isinstance(program, dict) and "/" in str(program.get("command")):
        command = _joined(folder, program["command"])
        held["exec"] = {**program, "command": command}
    return {**entry, holder: held}


def _joined(folder: str, path: object) -> object:
    return posixpath.join(folder, path) if path and isinstance(path, str) else path


def _root(document: object) -> Field:
    if not isinstance(document, dict):
        raise Unreadable("kubeconfig", type(document).__name__, "must be a mapping")
    return Field("", document)


def _access(cluster: Field, namespace: str, user: User) -> Access:
    authority = _material(cluster, "certificate-authority")
    insecure = cluster.at("insecure-skip-tls-verify").flag()
    if insecure and authority:
        raise cluster.at("insecure-skip-tls-verify").wrong(
            "must be false where a certificate-authority is given"
        )
    server = cluster.at("server").matching(
        SERVER, "must be a URL as https://10.0.0.1:6443"
    )
    return Access(
        server=server.rstrip("/"),
        authority=authority,
        insecure=insecure,
        server_name=cluster.at("tls-server-name").either(lambda f: f.text(253, 0), ""),
        proxy=cluster.at("proxy-url").either(_proxy, ""),
        namespace=namespace,
        user=user,
    )


def _proxy(field: Field) -> str:
    return field.matching(PROXY, "must be a URL as http://proxy:3128")


def _user(user: Field) -> User:
    if not user.at("auth-provider").absent:
        raise Unreadable(
            f"{user.path}.auth-provider", HIDDEN, "is no longer known; use exec"
        )
    certificate, key = (
        _material(user, "client-certificate"),
        _material(user, "client-key"),
    )
    if bool(certificate) is not bool(key):
        missing = "client-key" if certificate else "client-certificate"
        raise user.at(missing).wrong("is required, as the other half is given")
    path = user.at("tokenFile")
    named = user.at("username").either(lambda f: f.text(), "")
    return User(
        token=_secret(user.at("token"), lambda f: f.text(LONGEST).strip(), ""),
        token_file=path.either(lambda f: Material(f.path, f.text(4096)), None),
        certificate=certificate,
        key=key,
        name=named,
        password=_secret(user.at("password"), lambda f: f.text(LONGEST, 0), ""),
        program=user.at("exec").either(_program, None),
    )


def _program(exec_: Field) -> Program:
    return Program(
        origin=exec_.path,
        command=exec_.at("command").text(4096),
        version=exec_.at("apiVersion").one_of(*EXEC_VERSIONS),
        arguments=exec_.at("args").texts(MOST, 1 << 16),
        environment={
            each.at("name").text(): _secret(
                each.at("value"), lambda f: f.text(1 << 16, 0), ""
            )
            for each in exec_.at("env").items(MOST)
        },
        wants_cluster=exec_.at("provideClusterInfo").flag(),
        hint=exec_.at("installHint").either(lambda f: f.text(4096, 0), ""),
    )


def _material(holder: Field, name: str) -> Material | None:
    """Read a certificate or key; its content goes before its file, as for kubectl."""
    data = holder.at(f"{name}-data")
    if data.value:
        return Material(data.path, data=_secret(data, _decoded, b""))
    path = holder.at(name)
    return Material(path.path, path.text(4096)) if path.value else None


def _decoded(field: Field) -> bytes:
    text = "".join(field.text(LONGEST).split())
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise field.wrong("must be base64") from None


def _secret(field: Field, read: Callable[[Field], T], default: T) -> T:
    """Read what must not be shown in a complaint."""
    try:
        return field.either(read, default)
    except Unreadable as error:
        raise Unreadable(error.field, HIDDEN, error.rule) from None


def _named(listed: Field, name: str, asker: str) -> Field:
    """Find the entry of that name in a list; `asker` is the field that names it."""
    for each in listed.items(MOST):
        if each.at("name").value == name:
            return each
    raise Unreadable(asker, name, f"must be one of the {listed.path}: {_names(listed)}")


def _names(listed: Field) -> str:
    names = [str(each.at("name").value) for each in listed.items(MOST)]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") or "there is none"
