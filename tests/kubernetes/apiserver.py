"""etcd and kube-apiserver alone, on loopback: for tests of what only the API is needed for."""

import contextlib
import json
import secrets
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PATIENCE = 300.0
CRD = Path(__file__).parents[2] / "deploy/manifests/crd.yaml"


@dataclass
class ApiServer:
    """A running API server; `kubeconfig` is an administrator's."""

    programs: Path
    home: Path
    port: int
    store: str
    token: str
    more: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        return self.home / "kubeconfig"

    def start(self) -> None:
        words = (
            f"--etcd-servers={self.store}",
            f"--cert-dir={self.home}/certificates",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--token-auth-file={self.home}/tokens.csv",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={self.home}/accounts.key",
            f"--service-account-key-file={self.home}/accounts.key",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
            "--endpoint-reconciler-type=none",
            *self.more,
        )
        with (self.home / "apiserver.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "kube-apiserver", *words], stdout=log, stderr=log
            )
        self._await()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        """Ask as the administrator, by other means than the adapter's."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
            },
        )
        trust = ssl.create_default_context(
            cafile=str(self.home / "certificates/apiserver.crt")
        )
        with urllib.request.urlopen(request, context=trust, timeout=PATIENCE) as answer:
            return bytes(answer.read())

    def _await(self) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            assert self.process is not None
            assert self.process.poll() is None, self._log()
            assert time.monotonic() < end, self._log()
            with contextlib.suppress(OSError, ValueError):
                if self.ask("GET", "/readyz") == b"ok":
                    return
            time.sleep(0.2)

    def _log(self) -> str:
        return (self.home / "apiserver.log").read_text()[-3000:]


@contextlib.contextmanager
def an_api_server(programs: Path, home: Path, *more: str) -> Iterator[ApiServer]:
    """Run both until the block ends, with the definition of our resource in force.

    `more` are flags of the API server.
    """
    token = secrets.token_hex(16)
    (home / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (home / "accounts.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    client, peer, port = free_ports(3)
    store = f"http://127.0.0.1:{client}"
    etcd = (
        f"--data-dir={home}/etcd",
        "--unsafe-no-fsync",
        f"--listen-client-urls={store}",
        f"--advertise-client-urls={store}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
        "--log-level=warn",
    )
    with (home / "etcd.log").open("ab") as log:
        keeping = subprocess.Popen([programs / "etcd", *etcd], stdout=log, stderr=log)
    server = ApiServer(programs, home, port, store, token, more)
    try:
        server.start()
        write_kubeconfig(server)
        define(server)
        yield server
    finally:
        server.stop()
        keeping.kill()
        keeping.wait()


def define(server: ApiServer) -> None:
    """Put our resource's definition in force, and wait until it is."""
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    document = yaml.safe_load(CRD.read_text())
    server.ask("POST", definitions, document)
    path = "/apis/oci.oraclecloud.com/v1beta1/nativepodnetworks"
    end = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(urllib.error.HTTPError):
            server.ask("GET", path)
            return
        assert time.monotonic() < end
        time.sleep(0.1)


def write_kubeconfig(server: ApiServer) -> None:
    cluster = {
        "server": server.url,
        "certificate-authority": "certificates/apiserver.crt",
    }
    server.kubeconfig.write_text(
        json.dumps(
            {
                "current-context": "test",
                "contexts": [
                    {"name": "test", "context": {"cluster": "test", "user": "admin"}}
                ],
                "clusters": [{"name": "test", "cluster": cluster}],
                "users": [{"name": "admin", "user": {"token": server.token}}],
            }
        )
    )


def free_ports(count: int) -> list[int]:
    """Find ports that nobody uses: the programs cannot choose one by themselves."""
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in taken]
