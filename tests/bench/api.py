"""The local VCN's API without packets: how many changes a second, what a page costs, what it holds.

Requests are signed beforehand by the official SDK's signer and sent over kept connections.
"""

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TypeVar, cast

import oci
from oci._vendor import requests
from oci.core import models as m

from mooring.adapters.journal import Entry, Journal
from mooring.core.vcn.model import PrivateIp
from mooring.core.vcn.rows import to_row

T = TypeVar("T")
Config = dict[str, str]
MOORING = str(Path(sys.executable).parent / "mooring")
CONNECTIONS = 32
ROUNDS, CREATES = 6, 1500
PER_VNIC = 64
FEW, MANY = 100, 100_000
PAGES = 400
ATTACHMENTS = 1000
BLOCKS = ("10.0.0.0/16", "10.1.0.0/16")
SHAPE = "BM.Standard.E4.128"  # 256 VNICs


def free_port() -> int:
    """Find a port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Client:
    """Who signs, and where to."""

    config: Config
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def signer(self) -> oci.signer.Signer:
        """What signs requests; reading the key takes longer than signing."""
        c = self.config
        names = ("tenancy", "user", "fingerprint", "key_file")
        return oci.signer.Signer(*(c[name] for name in names))

    def sdk(self, kind: type[T]) -> T:
        """Make a client of the SDK."""
        return kind(
            self.config,
            service_endpoint=self.endpoint,
            retry_strategy=oci.retry.NoneRetryStrategy(),
            circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(),
        )

    def signed(self, method: str, path: str, body: object = None) -> bytes:
        """Write one request down, signed, as it goes over the wire."""
        data = None if body is None else json.dumps(body)
        headers = {"content-type": "application/json"}
        raw = requests.Request(
            method, self.endpoint + path, headers=headers, data=data
        ).prepare()
        ready = self.signer(raw)
        lines = [f"{method} {ready.path_url} HTTP/1.1"]
        ready.headers.setdefault("host", f"127.0.0.1:{self.port}")
        lines += [f"{k}: {v}" for k, v in ready.headers.items()]
        return "\r\n".join([*lines, "", data or ""]).encode()


class _Pipe(asyncio.Protocol):
    """One kept connection that sends its requests one after the other."""

    def __init__(self, messages: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._messages, self._done = messages, done
        self._buffer = b""
        self.statuses: dict[int, int] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._next()

    def _next(self) -> None:
        message = next(self._messages, None)
        if message is None:
            self._done.set_result(None)
            self._transport.close()
        else:
            self._transport.write(message)

    def connection_lost(self, _: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        if len(rest) < length:
            return
        status = int(head[9:12])
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self._buffer = rest[length:]
        self._next()


async def _drive(port: int, batches: Sequence[Sequence[bytes]]) -> dict[int, int]:
    loop = asyncio.get_running_loop()
    pipes = []
    for batch in batches:
        done = loop.create_future()
        pipe = _Pipe(iter(batch), done)
        await loop.create_connection(lambda p=pipe: p, "127.0.0.1", port)
        pipes.append((pipe, done))
    await asyncio.gather(*(done for _, done in pipes))
    total: dict[int, int] = {}
    for pipe, _ in pipes:
        for status, count in pipe.statuses.items():
            total[status] = total.get(status, 0) + count
    return total


def rate(port: int, messages: Sequence[bytes], wanted: int) -> float:
    """Send all over some connections at once; requests per second, all answered `wanted`."""
    batches = [messages[n::CONNECTIONS] for n in range(CONNECTIONS)]
    began = time.perf_counter()
    statuses = asyncio.run(_drive(port, batches))
    seconds = time.perf_counter() - began
    if statuses != {wanted: len(messages)}:
        sys.exit(f"bench: wanted {len(messages)} answers {wanted}, got {statuses}")
    return len(messages) / seconds


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server as a process, until the end of the block."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until_open(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"bench: nobody listens on port {port}")


def initialised(place: Path, name: str) -> tuple[Path, Config]:
    """Make a state directory with one user."""
    state, config = place / name, place / f"{name}-config"
    words = ["vcn", "init", "--state", str(state), "--config", str(config)]
    subprocess.run([MOORING, *words], check=True, stdout=subprocess.DEVNULL)
    return state, oci.config.from_file(str(config))


@contextmanager
def a_server(state: Path, config: Config, log: Path) -> Iterator[tuple[Client, int]]:
    """`mooring vcn serve` without a fabric; its client and its process."""
    port = free_port()
    words = ["vcn", "serve", "--state", str(state), "--listen", f"127.0.0.1:{port}"]
    with running([MOORING, *words], log) as process:
        until_open(port)
        yield Client(config, port), process.pid


@dataclass(frozen=True)
class Estate:
    """Where addresses are made."""

    subnet: str
    vnics: tuple[str, ...]


def an_estate(client: Client, vnics: int) -> Estate:
    """A subnet and VNICs in it, over as many instances as it takes."""
    compartment = client.config["tenancy"]
    subnet, _ = a_wide_subnet(client)
    attach(client, subnet, vnics)
    found = oci.pagination.list_call_get_all_results(
        client.sdk(oci.core.ComputeClient).list_vnic_attachments, compartment
    ).data
    return Estate(subnet, tuple(a.vnic_id for a in found if a.vnic_id))


def launched(client: Client, subnet: str, count: int) -> list[str]:
    """Launch instances with room for many VNICs; wait until they run."""
    compute = client.sdk(oci.core.ComputeClient)
    identity = client.sdk(oci.identity.IdentityClient)
    compartment = client.config["tenancy"]
    domain = identity.list_availability_domains(compartment).data[0].name
    details = m.LaunchInstanceDetails(
        compartment_id=compartment,
        availability_domain=domain,
        shape=SHAPE,
        create_vnic_details=m.CreateVnicDetails(subnet_id=subnet),
    )
    ids = [compute.launch_instance(details).data.id for _ in range(count)]
    for id_ in ids:
        while compute.get_instance(id_).data.lifecycle_state != "RUNNING":
            time.sleep(0.1)
    return ids


def attach(client: Client, subnet: str, count: int) -> None:
    """Attach VNICs and wait until all are ATTACHED."""
    compute = client.sdk(oci.core.ComputeClient)
    instances = launched(client, subnet, -(-count // 255))
    for n in range(count):
        compute.attach_vnic(
            m.AttachVnicDetails(
                instance_id=instances[n // 255],
                create_vnic_details=m.CreateVnicDetails(subnet_id=subnet),
            )
        )
    last = instances[-1]
    compartment = client.config["tenancy"]
    while any(
        a.lifecycle_state != "ATTACHED"
        for a in compute.list_vnic_attachments(compartment, instance_id=last).data
    ):
        time.sleep(0.1)


def create_rate(place: Path) -> tuple[float, float]:
    """CreatePrivateIp per second, and empty replies per second, interleaved."""
    state, config = initialised(place, "rate")
    need = -(-ROUNDS * CREATES // PER_VNIC)
    with a_server(state, config, place / "rate.log") as (client, _):
        estate = an_estate(client, need)
        vnics = [v for v in estate.vnics[-need:] for _ in range(PER_VNIC)]
        port = free_port()
        script = str(Path(__file__).with_name("empty.py"))
        with running(
            [sys.executable, script, str(state), str(port)], place / "empty.log"
        ):
            until_open(port)
            other = Client(config, port)
            path = "/20160918/privateIps"
            ours, theirs = [], []
            for n in range(ROUNDS):
                some = vnics[n * CREATES : (n + 1) * CREATES]
                creates = [client.signed("POST", path, {"vnicId": v}) for v in some]
                empties = [other.signed("POST", path, {"vnicId": v}) for v in some]
                ours.append(rate(client.port, creates, 200))
                theirs.append(rate(port, empties, 204))
    return statistics.median(ours), statistics.median(theirs)


def filled(state: Path, subnet: str, vcn: str, count: int) -> None:
    """Put addresses into a stopped server's journal, as it would have written them."""
    now = datetime.now(UTC) - timedelta(hours=1)
    one = PrivateIp(
        id="ocid1.privateip.oc1.local-1.x",
        compartment_id="c",
        display_name="privateip",
        time_created=now,
        subnet_id=subnet,
        vcn_id=vcn,
        ip_address=IPv4Address("10.0.0.2"),
        lifetime="RESERVED",
    )
    # From the 17th address of each of the two blocks on, half as many as there are.
    spread = [int(IPv4Network(block)[16]) for block in BLOCKS]

    def entries() -> Iterable[Entry]:
        for n in range(count):
            ip = replace(
                one,
                id=f"ocid1.privateip.oc1.local-1.{n:060x}",
                ip_address=IPv4Address(spread[n % 2] + n // 2),
                time_created=now + timedelta(microseconds=n),
            )
            yield Entry(*to_row(ip))

    journal = Journal(state)
    journal.commit(entries())
    journal.close()


def a_wide_subnet(client: Client) -> tuple[str, str]:
    """Make a VCN of two large blocks; give a subnet of 131,072 addresses, as blocks, and its VCN."""
    network = client.sdk(oci.core.VirtualNetworkClient)
    compartment = client.config["tenancy"]
    vcn = network.create_vcn(
        m.CreateVcnDetails(compartment_id=compartment, cidr_blocks=list(BLOCKS))
    ).data
    subnet = network.create_subnet(
        m.CreateSubnetDetails(
            compartment_id=compartment,
            vcn_id=vcn.id,
            ipv4_cidr_blocks=list(BLOCKS),
            prohibit_public_ip_on_vnic=True,
        )
    ).data
    return subnet.id, vcn.id


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


@dataclass(frozen=True)
class Lists:
    """Seconds for a page at many and at few addresses, and the memory at many."""

    many: float
    few: float
    mib: float


def list_scaling(place: Path) -> Lists:
    """Time the same page of a list at 100,000 addresses and at 100, interleaved."""
    made = {}
    for name, count in (("few", FEW), ("many", MANY)):
        state, config = initialised(place, name)
        with a_server(state, config, place / f"{name}.log") as (client, _):
            subnet, vcn = a_wide_subnet(client)
        filled(state, subnet, vcn, count)
        made[name] = state, config, subnet
    times: dict[str, list[float]] = {"few": [], "many": []}
    with (
        a_server(*made["few"][:2], place / "few.log") as (few, _),
        a_server(*made["many"][:2], place / "many.log") as (many, pid),
    ):
        pages = {
            name: [
                client.signed(
                    "GET", f"/20160918/privateIps?subnetId={made[name][2]}&limit=50"
                )
            ]
            * PAGES
            for name, client in (("few", few), ("many", many))
        }
        for _ in range(ROUNDS):
            for name, client in (("few", few), ("many", many)):
                times[name].append(1 / rate(client.port, pages[name], 200))
        memory = resident_mib(pid)
    return Lists(
        statistics.median(times["many"]), statistics.median(times["few"]), memory
    )


def attachments(place: Path) -> float:
    """Seconds for 1,000 VNIC attachments with a /27 object each, one caller after the other."""
    state, config = initialised(place, "attach")
    with a_server(state, config, place / "attach.log") as (client, _):
        began = time.perf_counter()
        estate = an_estate(client, ATTACHMENTS)
        network = client.sdk(oci.core.VirtualNetworkClient)
        for vnic in estate.vnics[-ATTACHMENTS:]:
            network.create_private_ip(
                m.CreatePrivateIpDetails(vnic_id=vnic, cidr_prefix_length=27)
            )
        return time.perf_counter() - began


def main() -> None:
    """Run on its own: print what there is."""
    which: Iterable[str] = sys.argv[1:] or ("rate", "list", "attach")
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        if "rate" in which:
            ours, theirs = create_rate(place)
            print(f"create {ours:.0f}/s, empty {theirs:.0f}/s, {ours / theirs:.3f}")
        if "list" in which:
            found = list_scaling(place)
            print(
                f"page {found.many * 1e6:.0f} us at {MANY}, {found.few * 1e6:.0f} us at "
                f"{FEW}, {found.many / found.few:.3f}; {found.mib:.0f} MiB"
            )
        if "attach" in which:
            print(f"{ATTACHMENTS} attachments with a /27 in {attachments(place):.1f} s")


if __name__ == "__main__":
    main()
