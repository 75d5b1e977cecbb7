"""Coming to an API server: every form of a kubeconfig, a pod's account, credentials that change."""

import base64
import contextlib
import datetime as dt
import gc
import ipaddress
import json
import socket
import ssl
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from descriptors import open_descriptors
from fakes.apiserver import ApiServer, an_api_server
from kube_contract import nodes_of
from patience import PATIENCE, until

from mooring.adapters.kubernetes import wire
from mooring.adapters.kubernetes.connect import Misconfigured, connect, connect_inside
from mooring.adapters.kubernetes.follow import Informer
from mooring.core.kube.errors import Away, Distrusted, Unauthorized
from mooring.core.kube.kubeconfig import Access, Material
from mooring.core.kube.resource import NODES

SECRET = "hunter2"
PATH = NODES.path()


class Papers:
    """An authority and what it signs, as files."""

    def __init__(self, home: Path, name: str) -> None:
        self.home, self.name = home, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(name, self.key, authority=True)
        self.path = home / f"{name}.crt"
        self.path.write_bytes(pem(self.certificate))

    def issue(self, name: str, host: str = "") -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, keyfile = self.home / f"{name}.crt", self.home / f"{name}.key"
        certificate.write_bytes(pem(self._sign(name, key, host=host)))
        keyfile.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, keyfile

    def _sign(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        host: str = "",
        authority: bool = False,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        names: list[x509.GeneralName] = [
            x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        ]
        if host:
            names = [x509.DNSName(host)]
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(
                x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
            )
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(
                x509.BasicConstraints(ca=authority, path_length=None), critical=True
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    self.key.public_key()
                ),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def trust_of(
    certificate: Path, key: Path, clients: Path | None = None
) -> ssl.SSLContext:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(certificate, key)
    if clients:
        trust.load_verify_locations(clients)
        trust.verify_mode = ssl.CERT_REQUIRED
    return trust


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path, "authority")


@pytest.fixture
def server(papers: Papers) -> Iterator[ApiServer]:
    with an_api_server(trust_of(*papers.issue("server"))) as made:
        yield made


def a_kubeconfig(home: Path, cluster: dict[str, Any], user: dict[str, Any]) -> Path:
    place = home / "kubeconfig"
    place.write_text(
        json.dumps(
            {
                "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
                "clusters": [{"name": "x", "cluster": cluster}],
                "users": [{"name": "x", "user": user}],
            }
        )
    )
    return place


def asked(place: Path) -> Any:
    with contextlib.closing(connect(place)) as api:
        return api.get(PATH)


def encoded(place: Path) -> str:
    return base64.b64encode(place.read_bytes()).decode()


def test_trust_and_token_in_the_kubeconfig(
    server: ApiServer, papers: Papers, tmp_path: Path
) -> None:
    server.tokens = {SECRET}
    cluster = {"server": server.url, "certificate-authority-data": encoded(papers.path)}

    assert asked(a_kubeconfig(tmp_path, cluster, {"token": SECRET}))["items"] == []
    with pytest.raises(Unauthorized):
        asked(a_kubeconfig(tmp_path, cluster, {"token": "other"}))


def test_files_are_found_beside_the_kubeconfig(
    server: ApiServer, papers: Papers, tmp_path: Path
) -> None:
    server.tokens = {SECRET}
    (tmp_path / "token").write_text(f"{SECRET}\n")
    cluster = {"server": server.url, "certificate-authority": papers.path.name}

    assert asked(a_kubeconfig(tmp_path, cluster, {"tokenFile": "token"}))["items"] == []


@pytest.mark.parametrize("form", ["files", "data"])
def test_a_certificate_of_our_own(papers: Papers, tmp_path: Path, form: str) -> None:
    trust = trust_of(*papers.issue("server"), papers.path)
    ours, key = papers.issue("ours")
    user = {"client-certificate": str(ours), "client-key": str(key)}
    if form == "data":
        user = {
            "client-certificate-data": encoded(ours),
            "client-key-data": encoded(key),
        }
    with an_api_server(trust) as server:
        cluster = {"server": server.url, "certificate-authority": str(papers.path)}

        assert asked(a_kubeconfig(tmp_path, cluster, user))["items"] == []
        with pytest.raises(Away):
            asked(a_kubeconfig(tmp_path, cluster, {}))


def test_a_server_may_be_known_by_another_name(papers: Papers, tmp_path: Path) -> None:
    with an_api_server(trust_of(*papers.issue("server", "kubernetes"))) as server:
        cluster = {"server": server.url, "certificate-authority": str(papers.path)}
        named = {**cluster, "tls-server-name": "kubernetes"}

        assert asked(a_kubeconfig(tmp_path, named, {}))["items"] == []
        with pytest.raises(Distrusted, match="IP address mismatch"):
            asked(a_kubeconfig(tmp_path, cluster, {}))


def test_a_server_that_another_authority_signed_is_distrusted(
    server: ApiServer, papers: Papers, tmp_path: Path
) -> None:
    other = Papers(tmp_path, "other")
    cluster = {"server": server.url, "certificate-authority": str(other.path)}
    with pytest.raises(Distrusted, match=f"GET {PATH}: .*"):
        asked(a_kubeconfig(tmp_path, cluster, {}))
    blind = {"server": server.url, "insecure-skip-tls-verify": True}

    assert asked(a_kubeconfig(tmp_path, blind, {}))["items"] == []


def a_program(home: Path, text: str) -> dict[str, Any]:
    program = home / "credential"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "./credential",
            "env": [{"name": "MARK", "value": "here"}],
            "provideClusterInfo": True,
            "installHint": "get it from somewhere",
        }
    }


def test_a_program_gives_the_token_and_is_asked_again_when_it_is_refused(
    server: ApiServer, papers: Papers, tmp_path: Path
) -> None:
    tells = '{"status":{"token":"\'$(cat $0.token)\'","expirationTimestamp":"2199-01-01T00:00:00Z"}}'
    user = a_program(
        tmp_path, f"echo \"$MARK $KUBERNETES_EXEC_INFO\" >> $0.log; echo '{tells}'"
    )
    cluster = {"server": server.url, "certificate-authority": str(papers.path)}
    (tmp_path / "credential.token").write_text("one")
    server.tokens = {"one"}
    with contextlib.closing(connect(a_kubeconfig(tmp_path, cluster, user))) as api:
        api.get(PATH)
        api.get(PATH)
        (tmp_path / "credential.token").write_text("two")
        server.tokens = {"two"}
        api.get(PATH)
        server.tokens = {"three"}
        with pytest.raises(Unauthorized):
            api.get(PATH)
    lines = (tmp_path / "credential.log").read_text().splitlines()

    assert len(lines) == 3
    assert lines[0].startswith("here ")
    told = json.loads(lines[0].removeprefix("here "))
    assert told["spec"]["cluster"]["server"] == server.url


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo no >&2; exit 3", "ended with 3: no"),
        ("echo no json", "printed no JSON"),
        ("echo '[]'", "must be an object"),
        ("echo '{\"status\":{}}'", "status.token: is required"),
        (
            'echo \'{"status":{"token":"x","expirationTimestamp":"soon"}}\'',
            "status.expirationTimestamp: must be a time",
        ),
    ],
)
def test_a_program_that_gives_nothing_is_told(
    server: ApiServer, papers: Papers, tmp_path: Path, text: str, said: str
) -> None:
    cluster = {"server": server.url, "certificate-authority": str(papers.path)}
    place = a_kubeconfig(tmp_path, cluster, a_program(tmp_path, text))
    with pytest.raises(Unauthorized) as caught:
        asked(place)
    assert said in str(caught.value)
    assert "users[0].user.exec" in str(caught.value)


def test_a_program_that_is_not_there_is_told_with_its_hint(
    server: ApiServer, papers: Papers, tmp_path: Path
) -> None:
    cluster = {"server": server.url, "certificate-authority": str(papers.path)}
    user = a_program(tmp_path, "true")
    (tmp_path / "credential").unlink()
    with pytest.raises(Unauthorized, match=r"No such file.*get it from somewhere"):
        asked(a_kubeconfig(tmp_path, cluster, user))


# What cannot be right is told before anything is sent.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "file: '{place}': No such file or directory"),
        ("a: [", "line 1: 'kubeconfig': must be YAML"),
        ("\x00", "must be YAML"),
        ("", "kubeconfig: 'NoneType': must be a mapping"),
        ("5", "kubeconfig: 'int': must be a mapping"),
        ("current-context: x", "current-context: 'x': must be one of the contexts"),
    ],
)
def test_a_kubeconfig_that_is_none_is_told(
    tmp_path: Path, text: str | None, said: str
) -> None:
    place = tmp_path / "kubeconfig"
    if text is not None:
        place.write_text(text)
    with pytest.raises(Misconfigured) as caught:
        connect(place)
    assert str(caught.value).startswith(f"kubeconfig {place}: ")
    assert said.format(place=place) in str(caught.value)


@pytest.mark.parametrize(
    ("cluster", "user", "said"),
    [
        (
            {"certificate-authority": "none"},
            {},
            "certificate-authority: '{home}/none': cannot be read",
        ),
        (
            {"certificate-authority": "kubeconfig"},
            {},
            "'{home}/kubeconfig': must be certificates",
        ),
        (
            {"certificate-authority-data": "eHh4"},
            {},
            "certificate-authority-data: '(hidden)': must be certificates",
        ),
        (
            {},
            {"tokenFile": "none"},
            "users[0].user.tokenFile: '{home}/none': cannot be read: No such file",
        ),
        (
            {},
            {"tokenFile": "empty"},
            "users[0].user.tokenFile: '{home}/empty': must hold a token, and is empty",
        ),
        (
            {},
            {"client-certificate": "ours.crt", "client-key": "other.key"},
            "'{home}/ours.crt': must be a PEM",
        ),
        (
            {},
            {"client-certificate-data": "eHh4", "client-key": "other.key"},
            "-data: '(hidden)': must be a PEM",
        ),
    ],
)
def test_what_a_kubeconfig_names_is_looked_at(
    papers: Papers,
    tmp_path: Path,
    cluster: dict[str, Any],
    user: dict[str, Any],
    said: str,
) -> None:
    papers.issue("ours")
    papers.issue("other")
    (tmp_path / "empty").touch()
    place = a_kubeconfig(tmp_path, {"server": "https://127.0.0.1:1", **cluster}, user)
    with pytest.raises(Misconfigured) as caught:
        connect(place)
    assert said.format(home=tmp_path) in str(caught.value)


# Inside a pod.


def an_account(home: Path, papers: Papers, token: str) -> Path:
    account = home / "account"
    account.mkdir()
    (account / "token").write_text(token)
    (account / "namespace").write_text("kube-system")
    (account / "ca.crt").write_bytes(papers.path.read_bytes())
    return account


def environ(server: ApiServer) -> dict[str, str]:
    return {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(server.port),
    }


def test_rt_28_a_pods_token_is_read_again_when_it_was_replaced_and_ended(
    server: ApiServer, papers: Papers, tmp_path: Path
) -> None:
    """RT-28: rotated under a watch, and again for each of ten calls."""
    account = an_account(tmp_path, papers, "t0")
    server.tokens = {"t0"}
    with (
        contextlib.closing(connect_inside(environ(server), account)) as api,
        contextlib.closing(Informer(api, nodes_of())) as informer,
    ):
        assert informer.wait(PATIENCE)
        for turn in range(1, 11):
            (account / "token").write_text(f"t{turn}")
            server.tokens = {f"t{turn}"}
            api.get(PATH)
            server.tear()
            server.store.put(NODES, {"metadata": {"name": f"n{turn}"}})
            until(lambda t=turn: informer.get(f"n{t}"))

        assert api.access.namespace == "kube-system"


def test_a_token_that_ended_without_another_is_told_until_there_is_one(
    server: ApiServer, papers: Papers, tmp_path: Path
) -> None:
    account = an_account(tmp_path, papers, "old")
    server.tokens = {"new"}
    with (
        contextlib.closing(connect_inside(environ(server), account)) as api,
        contextlib.closing(Informer(api, nodes_of())) as informer,
    ):
        until(informer.trouble)
        assert isinstance(informer.trouble(), Unauthorized)
        (account / "token").unlink()
        until(lambda: isinstance(informer.trouble(), Away))
        (account / "token").write_text("new")
        assert informer.wait(PATIENCE)


def test_an_authority_that_was_replaced_is_read_again(
    papers: Papers, tmp_path: Path
) -> None:
    account = an_account(tmp_path, papers, "t")
    other = Papers(tmp_path, "other")
    with (
        an_api_server(trust_of(*other.issue("server"))) as server,
        contextlib.closing(connect_inside(environ(server), account)) as api,
    ):
        with pytest.raises(Distrusted):
            api.get(PATH)
        (account / "ca.crt").write_bytes(other.path.read_bytes())

        assert api.get(PATH)["items"] == []


def test_an_authority_that_stays_wrong_leaves_few_clients_open(
    papers: Papers, tmp_path: Path
) -> None:
    def clients() -> int:
        return sum(
            isinstance(each, httpx2.Client) and not each.is_closed
            for each in gc.get_objects()
        )

    account = an_account(tmp_path, papers, "t")
    other = Papers(tmp_path, "other")
    before = clients()
    with (
        an_api_server(trust_of(*other.issue("server"))) as server,
        contextlib.closing(connect_inside(environ(server), account)) as api,
    ):
        for _ in range(6):
            with pytest.raises(Distrusted):
                api.get(PATH)
        left = clients() - before

    assert left <= 2
    assert clients() <= before


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (
            "KUBERNETES_SERVICE_HOST",
            "environment variable KUBERNETES_SERVICE_HOST: is not set",
        ),
        (
            "KUBERNETES_SERVICE_PORT",
            "environment variable KUBERNETES_SERVICE_PORT: is not set",
        ),
        ("token", "account/token': cannot be read: No such file"),
        ("namespace", "No such file or directory"),
        ("ca.crt", "account/ca.crt': cannot be read: No such file"),
    ],
)
def test_a_pod_that_lacks_something_is_told(
    papers: Papers, tmp_path: Path, missing: str, said: str
) -> None:
    account = an_account(tmp_path, papers, "t")
    variables = {"KUBERNETES_SERVICE_HOST": "::1", "KUBERNETES_SERVICE_PORT": "443"}
    with contextlib.closing(connect_inside(variables, account)) as api:
        assert api.server == "https://[::1]:443"
    variables.pop(missing, None)
    (account / missing).unlink(missing_ok=True)
    with pytest.raises(Misconfigured) as caught:
        connect_inside(variables, account)
    assert said in str(caught.value)


def test_a_server_that_resets_before_the_handshake_leaves_no_socket_open(
    papers: Papers,
) -> None:
    """The error is still held: an informer holds its last one until it is served again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = f"https://127.0.0.1:{listener.getsockname()[1]}"
        authority = Material("authority", str(papers.path))
        client = wire.client(Access(server=server, authority=authority))

        def reset(event: str, _: object) -> None:
            if event == "connection.connect_tcp.complete":
                met, _ = listener.accept()
                at_once = struct.pack("ii", 1, 0)
                met.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
                met.close()

        with client:
            before = open_descriptors()
            with pytest.raises(httpx2.ConnectError) as error:
                client.get("/", extensions={"trace": reset})
            assert error.value.__traceback__ is not None
            assert open_descriptors() == before
