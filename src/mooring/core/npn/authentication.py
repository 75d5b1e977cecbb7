"""Why somebody is not let in, and what to do next: one sentence each, for the log and the status.

`AUTHS` are the ways to be somebody for the cloud. Which right is missing once one is let in is
`permissions`'.
"""

from collections.abc import Sequence
from datetime import datetime

CONFIG, INSTANCE, WORKLOAD, AUTO = (
    "config",
    "instance_principal",
    "workload_identity",
    "auto",
)
AUTHS = (CONFIG, INSTANCE, WORKLOAD, AUTO)
SKEW = 300.0
"""Seconds by which the cloud lets a clock be wrong."""
METADATA = "169.254.169.254"


def chosen(*, profile: bool, workload: bool) -> str:
    """Choose for `auto`: a profile that is there, else the pod's identity, else the instance's.

    `workload` tells that the pod's environment speaks of workload identity.
    """
    if profile:
        return CONFIG
    return WORKLOAD if workload else INSTANCE


def no_file(path: str, profile: str) -> str:
    """Say that there is no configuration file."""
    return (
        f"profile {profile} of {path}: no such file; next step: name yours with --config, or use"
        " --auth instance_principal on an instance of the cloud"
    )


def no_profile(path: str, profile: str, known: Sequence[str]) -> str:
    """Say that the file has no such profile."""
    have = ", ".join(known) or "none"
    return (
        f"profile {profile} of {path}: no such profile, there is {have}; next step:"
        " choose one with --profile"
    )


def unreadable_key(key: str, why: str) -> str:
    """Say that the private key cannot be used."""
    return (
        f"key_file {key}: {why}; next step: name the private key that belongs to the"
        " user's API key, readable for this program"
    )


def wrong_fingerprint(stated: str, real: str, key: str) -> str:
    """Say that the key is another one than the profile says."""
    return (
        f"fingerprint {stated}: {key} has {real}; next step: correct fingerprint or"
        " key_file of the profile"
    )


def skew(stated: datetime | None, now: datetime) -> float:
    """Tell by how many seconds the clock here is ahead of the cloud's."""
    return 0.0 if stated is None else (now - stated).total_seconds()


def not_authenticated(auth: str, who: str, ahead: float) -> str:
    """Say why a call was answered with 401."""
    if abs(ahead) > SKEW:
        word = "ahead of" if ahead > 0 else "behind"
        return (
            f"the clock here is {abs(ahead):.0f} s {word} the cloud's, which bears"
            f" {SKEW:.0f}; next step: set it (NTP)"
        )
    if auth == CONFIG:
        return (
            f"the cloud does not know {who}; next step: upload its public key as API"
            " key of the user, or correct user and tenancy of the profile"
        )
    return (
        f"the token of the {who} was refused, a new one as well; next step: see"
        " whether the instance or the cluster still exists in that tenancy"
    )


def metadata_away(base: str, why: str) -> str:
    """Say that the instance's metadata cannot be had."""
    return (
        f"the instance metadata at {base} cannot be had: {why}; next step: run on an"
        " instance of the cloud, a pod on the host's network, or use --auth config"
    )


def federation_refused(endpoint: str, status: int, why: str) -> str:
    """Say that the identity service gives no token for the instance's certificate."""
    return (
        f"{endpoint} gives this instance no token: {status} {why}; next step: see that"
        " the instance is running in its compartment and its clock is right"
    )


def federation_away(endpoint: str, why: str) -> str:
    """Say that the identity service does not answer."""
    return (
        f"{endpoint} does not answer: {why}; next step: let the node reach it (service"
        " gateway or NAT, security rules, DNS), and believe its certificate"
    )


def no_service_account(path: str, why: str) -> str:
    """Say that a pod has no token of its service account."""
    return (
        f"{path}: {why}; next step: run as a pod with its service account's token"
        " mounted (automountServiceAccountToken)"
    )


def no_cluster_service(host: str, why: str) -> str:
    """Say that the cluster's token service cannot be reached."""
    return (
        f"the cluster's token service at {host} does not answer: {why}; next step:"
        " workload identity needs an enhanced OKE cluster; elsewhere use"
        " --auth instance_principal"
    )


def workload_refused(host: str, status: int, why: str) -> str:
    """Say that the cluster's token service gives no token."""
    if status == 403:
        return (
            f"{host} gives this pod no token: 403 {why}; next step: workload identity"
            " needs an enhanced OKE cluster"
        )
    return (
        f"{host} gives this pod no token: {status} {why}; next step: see that the"
        " service account's token is of this cluster and not expired"
    )


def no_region() -> str:
    """Say that nobody tells where the cloud is."""
    return (
        "workload identity does not tell the region; next step: set"
        " OCI_RESOURCE_PRINCIPAL_REGION, or name --endpoint"
    )
