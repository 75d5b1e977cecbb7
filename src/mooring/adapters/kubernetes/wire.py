"""The connection itself: lightkube makes it from an Access, with its trust and credential.

What stands in a kubeconfig as data is handed on as a file in memory: lightkube would write it,
private keys too, to the disk.
"""

import contextlib
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx2
from lightkube.config import client_adapter, models
from lightkube.config.kubeconfig import SingleConfig

from mooring.adapters.kubernetes.program import ProgramAuth
from mooring.core.kube.kubeconfig import Access, Material

CONNECT, ANSWER = 5.0, 30.0
"""Seconds for a connection to be made, and for an answer to begin or go on."""


def client(access: Access, answer: float = ANSWER) -> httpx2.Client:
    """Make a client with connections of its own; nothing is sent yet."""
    parameters = client_adapter.ConnectionParams(
        timeout=httpx2.Timeout(answer, connect=CONNECT),
        trust_env=False,
        proxy=access.proxy or None,
    )
    with _config(access) as config:
        settings = parameters.httpx_params(config)
    settings["verify"].sslsocket_class = _Socket
    made = httpx2.Client(**settings)
    if access.user.program:
        made.auth = ProgramAuth(access.user.program, access)
    return made


def trust(access: Access) -> ssl.SSLContext:
    """Make the TLS settings alone, to see whether they can be made."""
    with _config(access) as config:
        assert config.user is not None  # noqa: S101 - _config always gives one
        return client_adapter.verify_cluster(
            config.cluster, config.user, config.abs_file, trust_env=False
        )


class _Socket(ssl.SSLSocket):
    """A TLS socket that is closed when its peer reset it before the handshake.

    The standard library forgets it then: it would stay open as long as the error is held.
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Read as every socket does; close it when the peer reset it."""
        try:
            return super().recv(buflen, flags)
        except ConnectionResetError:
            self.close()
            raise


@contextlib.contextmanager
def _config(access: Access) -> Iterator[SingleConfig]:
    """Say it in lightkube's words; what is read of files has to be read inside the block."""
    user = access.user
    with contextlib.ExitStack() as stack:

        def path(material: Material | None) -> str | None:
            return None if material is None else stack.enter_context(_file(material))

        yield SingleConfig(
            context_name="mooring",
            context=models.Context(cluster="mooring", namespace=access.namespace),
            cluster=models.Cluster(
                server=access.server,
                certificate_auth=path(access.authority),
                insecure=access.insecure,
            ),
            user=models.User(
                token=user.token or None,
                token_file=user.token_file.path if user.token_file else None,
                username=user.name or None,
                password=user.password or None,
                client_cert=path(user.certificate),
                client_key=path(user.key),
            ),
            fname=Path(os.devnull),
        )


@contextlib.contextmanager
def _file(material: Material) -> Iterator[str]:
    if material.path:
        yield material.path
        return
    descriptor = os.memfd_create("material")
    try:
        os.write(descriptor, material.data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
