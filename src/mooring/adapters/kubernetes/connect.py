"""Where the API server is: from a kubeconfig, or from what a pod is given."""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import yaml

from mooring.adapters.kubernetes.api import Api
from mooring.adapters.kubernetes.wire import trust
from mooring.core.kube import kubeconfig
from mooring.core.kube.kubeconfig import Access, Material, User
from mooring.core.net.fields import Unreadable

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
LIMIT = 4 << 20
HOST, PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"


class Misconfigured(ValueError):
    """What says where the API server is cannot be right: which file, field, value, rule."""


def connect(*files: Path | str, context: str = "") -> Api:
    """Use a context (the current one) of a kubeconfig, or of several as kubectl merges them.

    Of several those that are not there are left out. Raises Misconfigured; nothing is sent yet.
    """
    try:
        access = kubeconfig.read(document(*files), context)
        _prove(access)
    except Unreadable as error:
        told = os.pathsep.join(map(str, files))
        raise Misconfigured(f"kubeconfig {told}: {error}") from None
    return Api(access)


def document(*files: Path | str) -> object:
    """Read kubeconfigs as one document, whose paths hold everywhere; raise Unreadable."""
    paths = [Path(file) for file in files]
    there = [path for path in paths if path.exists()] or paths[:1]
    return kubeconfig.merged(
        [kubeconfig.located(_read(path), str(path.resolve().parent)) for path in there]
    )


def connect_inside(
    environ: Mapping[str, str] = os.environ, account: Path = ACCOUNT
) -> Api:
    """Use what the pod that we run in is given; raise Misconfigured. Nothing is sent yet."""
    for name in (HOST, PORT):
        if not environ.get(name):
            raise Misconfigured(
                f"environment variable {name}: is not set: this is no pod; give a kubeconfig"
            )
    host, token = environ[HOST], account / "token"
    server = f"https://{f'[{host}]' if ':' in host else host}:{environ[PORT]}"
    authority = Material(str(account / "ca.crt"), str(account / "ca.crt"))
    user = User(token_file=Material(str(token), str(token)))
    try:
        namespace = (account / "namespace").read_text().strip()
        access = Access(
            server=server, authority=authority, user=user, namespace=namespace
        )
        _prove(access)
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"the pod's service account: {error}") from None
    except Unreadable as error:
        raise Misconfigured(f"the pod's service account: {error}") from None
    return Api(access)


def _read(path: Path) -> object:
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise Unreadable("file", str(path), error.strerror or str(error)) from None
    if len(data) > LIMIT:
        raise Unreadable("file", f"{len(data)} bytes", f"must be at most {LIMIT} bytes")
    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "file"
        said = getattr(error, "problem", None) or type(error).__name__
        raise Unreadable(where, path.name, f"must be YAML ({said})") from None


def _prove(access: Access) -> None:
    """Read every certificate, key and token that is named; raise Unreadable that names it."""
    if access.authority:
        text = _content(access.authority).decode("ascii", errors="replace")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
        except (ssl.SSLError, ValueError):
            raise _wrong(access.authority, "must be certificates as PEM") from None
    user = access.user
    if user.token_file and not _content(user.token_file).strip():
        raise _wrong(user.token_file, "must hold a token, and is empty")
    if user.certificate and user.key:
        _content(user.certificate)
        _content(user.key)
        _prove_pair(access, user.certificate, user.key)


def _prove_pair(access: Access, certificate: Material, key: Material) -> None:
    try:
        trust(access)
    except ssl.SSLError as error:
        said = f"must be a PEM certificate that fits {key.origin} ({error.reason or error})"
        raise _wrong(certificate, said) from None


def _content(material: Material) -> bytes:
    if not material.path:
        return material.data
    try:
        return Path(material.path).read_bytes()
    except OSError as error:
        said = f"cannot be read: {error.strerror or error}"
        raise Unreadable(material.origin, material.path, said) from None


def _wrong(material: Material, rule: str) -> Unreadable:
    return Unreadable(material.origin, material.path or kubeconfig.HIDDEN, rule)
