"""The connection itself: lightkube makes it from an Access, with its trust and credential."""

import base64
import os
import ssl
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
    made = client_adapter.Client(_config(access), parameters)
    if access.user.program:
        made.auth = ProgramAuth(access.user.program, access)
    return made


def trust(access: Access) -> ssl.SSLContext:
    """Make the TLS settings alone, to see whether they can be made."""
    config = _config(access)
    assert config.user is not None  # noqa: S101 - _config always gives one
    return client_adapter.verify_cluster(
        config.cluster, config.user, config.abs_file, trust_env=False
    )


def _config(access: Access) -> SingleConfig:
    authority, user = access.authority, access.user
    path, data = _halves(authority)
    certificate, certificate_data = _halves(user.certificate)
    key, key_data = _halves(user.key)
    return SingleConfig(
        context_name="mooring",
        context=models.Context(cluster="mooring", namespace=access.namespace),
        cluster=models.Cluster(
            server=access.server,
            certificate_auth=path,
            certificate_auth_data=data,
            insecure=access.insecure,
        ),
        user=models.User(
            token=user.token or None,
            token_file=user.token_file.path if user.token_file else None,
            username=user.name or None,
            password=user.password or None,
            client_cert=certificate,
            client_cert_data=certificate_data,
            client_key=key,
            client_key_data=key_data,
        ),
        fname=Path(os.devnull),
    )


def _halves(material: Material | None) -> tuple[str | None, str | None]:
    if material is None:
        return None, None
    if material.path:
        return material.path, None
    return None, base64.b64encode(material.data).decode()
