"""A `mooring vcn serve` as a process of its own, and the official SDK in front of it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import last_words
import oci
from oci.circuit_breaker import NoCircuitBreakerStrategy
from oci.core import ComputeClient, VirtualNetworkClient
from oci.core import models as m
from oci.response import Response
from oci.retry import NoneRetryStrategy
from ports import a_port

MOORING = str(Path(sys.executable).parent / "mooring")
SHAPE = "VM.Standard.E4.Flex"
PATIENCE = 300.0
T = TypeVar("T")


def mooring(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ours to its end."""
    return subprocess.run(
        [MOORING, *words], check=False, capture_output=True, text=True, timeout=PATIENCE
    )


@dataclass
class LocalVcn:
    """One state directory and the server that runs on it."""

    directory: Path
    fabric: str = "none"
    flags: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    address: str = ""
    clients: list[Any] = field(default_factory=list)
    held: ExitStack = field(default_factory=ExitStack)

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def config_file(self) -> Path:
        return self.directory / "oci-config"

    @property
    def log(self) -> str:
        return (self.directory / "server.log").read_text()

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}"

    def init(self, profile: str = "DEFAULT") -> dict[str, Any]:
        made = mooring(
            *("vcn", "init", "--state", str(self.state)),
            *("--config", str(self.config_file), "--profile", profile),
        )
        assert made.returncode == 0, made.stderr
        config: dict[str, Any] = oci.config.from_file(str(self.config_file), profile)
        return config

    def start(self) -> None:
        """Start the server and wait for its word that clients can connect.

        Where no address was given it is the same each time: clients outlive a restart.
        """
        if not self.address:
            self.address = f"127.0.0.1:{self.held.enter_context(a_port())}"
        hear, say = os.pipe()
        with (self.directory / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(MOORING, "vcn", "serve", "--state", str(self.state)),
                    *("--listen", self.address, "--fabric", self.fabric),
                    *("--ready-fd", str(say)),
                    *self.flags,
                ],
                stderr=log,
                pass_fds=[say],
            )
        os.close(say)
        with open(hear, "rb") as ready:  # noqa: PTH123 - a descriptor
            assert ready.read(1), self.log
        self.address = re.findall(r"listening at http://(\S+)", self.log)[-1]

    def stop(self) -> int:
        """End the server as an operator does; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End the server as a power cut does."""
        return self._end(signal.SIGKILL)

    def close(self) -> None:
        for client in self.clients:
            client.base_client.session.close()
        if self.process is not None:
            self.kill()
        self.held.close()

    def _end(self, number: int) -> int:
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    def client(self, kind: type[T], config: dict[str, Any] | None = None) -> T:
        """Make a client of the SDK; nothing in it is changed."""
        made = kind(
            config or oci.config.from_file(str(self.config_file)),
            service_endpoint=self.endpoint,
            retry_strategy=NoneRetryStrategy(),
            circuit_breaker_strategy=NoCircuitBreakerStrategy(),
        )
        self.clients.append(made)
        return made

    @property
    def network(self) -> VirtualNetworkClient:
        return self.client(VirtualNetworkClient)

    @property
    def compute(self) -> ComputeClient:
        return self.client(ComputeClient)


@contextmanager
def local_vcn(
    directory: Path, fabric: str = "none", flags: tuple[str, ...] = ()
) -> Iterator[LocalVcn]:
    """A server with one user; killed at the end whatever happens."""
    vcn = LocalVcn(directory, fabric, flags)
    try:
        with last_words.logs(lambda: [directory / "server.log"]):
            vcn.init()
            vcn.start()
            yield vcn
    finally:
        vcn.close()


def eventually(get: Callable[[], Response], state: str) -> Response:
    """Look until the resource is in the state; the deadline is generous."""
    deadline = time.monotonic() + PATIENCE
    while (response := get()).data.lifecycle_state != state:
        assert time.monotonic() < deadline, f"{response.data}\nis not {state}"
        time.sleep(0.05)
    return response


def an_instance(vcn: LocalVcn, subnet_id: str, **vnic: object) -> m.Instance:
    """Launch an instance that can have eight VNICs, and wait until it runs."""
    details = m.LaunchInstanceDetails(
        compartment_id=vcn.init()["tenancy"],
        availability_domain="moor:LOCAL-1-AD-1",
        shape=SHAPE,
        shape_config=m.LaunchInstanceShapeConfigDetails(ocpus=8),
        create_vnic_details=m.CreateVnicDetails(subnet_id=subnet_id, **vnic),
    )
    made = vcn.compute.launch_instance(details).data
    return eventually(lambda: vcn.compute.get_instance(made.id), "RUNNING").data


def an_estate(vcn: LocalVcn, cidr: str = "10.0.0.0/16") -> tuple[m.Vcn, m.Subnet]:
    """Make a VCN with one private subnet."""
    network, compartment = vcn.network, vcn.init()["tenancy"]
    made = network.create_vcn(
        m.CreateVcnDetails(compartment_id=compartment, cidr_blocks=[cidr])
    ).data
    subnet = network.create_subnet(
        m.CreateSubnetDetails(
            compartment_id=compartment,
            vcn_id=made.id,
            cidr_block=cidr.replace("/16", "/24"),
            prohibit_public_ip_on_vnic=True,
        )
    ).data
    return made, subnet
