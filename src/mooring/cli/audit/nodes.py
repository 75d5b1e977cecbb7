"""From options to lookers: the node that we are on, or the nodes of a lab."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TypedDict

from mooring.adapters import netns, proc
from mooring.adapters.clock import Clock
from mooring.adapters.cri import Cri, CriError
from mooring.adapters.netlink import Kernel
from mooring.adapters.nft import Nft
from mooring.adapters.objects import ObjectDirectory
from mooring.core.npn.metadata import name_of
from mooring.core.npn.port import Cloud
from mooring.core.wiring.audit.sides import PodTold
from mooring.inspect.look import Looker
from mooring.inspect.place import Eyes, Place, Unseen, Witnesses

RUNTIMES = ("/run/containerd/containerd.sock", "/run/crio/crio.sock")
CRI_SECONDS = 20.0


class Given(TypedDict):
    """The options that say what to look at."""

    lab: str | None
    node: str | None
    npn_dir: Path | None
    instance: str | None
    state: Path
    socket: Path
    spool: Path
    cri: str | None
    cloud: bool | None
    config: Path
    profile: str
    endpoint: str | None
    grace: float


class Unlookable(Exception):
    """There is nothing to look at; the text names cause and next step."""


@contextmanager
def lookers(given: Given) -> Iterator[list[Looker]]:
    """Give a looker per node; what they opened is closed after the block."""
    with ExitStack() as stack:
        kernel, nft = stack.enter_context(Kernel()), stack.enter_context(Nft())
        eyes = Eyes(kernel=kernel, nft=nft, namespaces=netns, proc=proc, clock=Clock())
        if given["lab"] is None:
            yield [_here(given, eyes, stack)]
            return
        # The lab's libraries are not on every node.
        from mooring.cli.audit.labs import nodes  # noqa: PLC0415 - not on every node

        yield nodes(given, eyes, stack)


def the_cloud(
    stack: ExitStack, config: Path, profile: str, endpoint: str | None
) -> Callable[[], Cloud]:
    """Give what gives the cloud, one for all nodes; it raises Unseen when it cannot."""
    made: list[Cloud] = []

    def cloud() -> Cloud:
        if not made:
            made.append(_opened(stack, config, profile, endpoint))
        return made[0]

    return cloud


def sandboxes(socket: str) -> tuple[PodTold, ...]:
    """Ask a runtime for its pods; raise Unseen when it does not say."""
    try:
        runtime = Cri(socket, CRI_SECONDS)  # which loads gRPC
    except ImportError as why:
        raise _missing(why, "asks the runtime", "--cri none") from why
    try:
        return tuple(
            PodTold(
                name=each.name,
                container=each.id,
                addresses=tuple(map(ip_address, each.addresses)),
                running=each.ready,
            )
            for each in runtime.sandboxes()
        )
    except CriError as why:
        text = f"{socket}: {why}; is the runtime up? (--cri none leaves it out)"
        raise Unseen(text) from why
    finally:
        runtime.close()


def _missing(why: ImportError, what: str, without: str) -> Unseen:
    package = f"Python package {(why.name or '').partition('.')[0]}, which {what}"
    return Unseen(
        f"{package}, is not installed: pip install 'mooring[lab]', or {without}"
    )


def _here(given: Given, eyes: Eyes, stack: ExitStack) -> Looker:
    npn_dir, instance = given["npn_dir"], given["instance"]
    if npn_dir is None or instance is None:
        raise Unlookable(
            "say which node this is by --npn-dir and --instance, as its agent has them,"
            " or name a lab by --lab"
        )
    if given["node"] is not None:
        raise Unlookable("--node names a node of a lab: give --lab as well")
    place = Place(
        name=name_of(instance),
        instance=instance,
        root=Path("/"),
        space=None,
        state=given["state"],
        socket=given["socket"],
        spool=given["spool"],
    )
    access = given["config"].expanduser(), given["profile"], given["endpoint"]
    witnesses = Witnesses(
        objects=ObjectDirectory(npn_dir),
        pods=_runtime(given["cri"]),
        cloud=the_cloud(stack, *access) if given["cloud"] else None,
    )
    return Looker(place, eyes, witnesses, given["grace"])


def _runtime(given: str | None) -> Callable[[], tuple[PodTold, ...]] | None:
    if given == "none":
        return None
    found = given or next((x for x in RUNTIMES if Path(x).exists()), None)
    return None if found is None else lambda: sandboxes(found)


def _opened(
    stack: ExitStack, config: Path, profile: str, endpoint: str | None
) -> Cloud:
    try:
        from mooring.adapters.oci import (  # noqa: PLC0415 - the SDK is slow to load
            Access,
            MisconfiguredError,
            OciCloud,
        )
    except ImportError as why:
        raise _missing(why, "asks the cloud", "--no-cloud") from why
    from mooring.controller.gate import PacedGate  # noqa: PLC0415 - with the SDK

    access = Access(config=str(config), profile=profile, endpoint=endpoint)
    try:
        cloud = OciCloud(access, PacedGate(time.monotonic, threading.Event().wait))
    except MisconfiguredError as why:
        raise Unseen(f"{why}; see --config and --profile") from why
    stack.callback(cloud.close)
    return cloud
