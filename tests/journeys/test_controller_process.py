"""`mooring controller` as a process, over the SDK, against a local VCN as a process."""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import last_words
import oci
import pytest
from journeys.local_vcn import (
    MOORING,
    PATIENCE,
    SHAPE,
    LocalVcn,
    an_estate,
    eventually,
    local_vcn,
)
from oci.core import models as m
from patience import until

from mooring.adapters.objects import ObjectDirectory
from mooring.core.npn.record import Npn, NpnSpec, NpnStatus


@dataclass
class Desk:
    """A local VCN, a directory of objects, and a controller between them."""

    vcn: LocalVcn
    directory: Path
    subnet: str = ""
    process: subprocess.Popen[bytes] | None = None
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def objects(self) -> ObjectDirectory:
        return ObjectDirectory(self.directory)

    @property
    def log(self) -> str:
        return (self.directory.parent / "controller.log").read_text()

    @property
    def compute(self) -> Any:
        return self._clients.setdefault("compute", self.vcn.compute)

    @property
    def network(self) -> Any:
        return self._clients.setdefault("network", self.vcn.network)

    def command(self, *more: str) -> list[str]:
        return [
            *(MOORING, "controller", "--npn-dir", str(self.directory)),
            *("--config", str(self.vcn.config_file), "--endpoint", self.vcn.endpoint),
            *("--interval", "0.3", *more),
        ]

    def start(self) -> None:
        with (self.directory.parent / "controller.log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stderr=log)

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    def node(self, pods: int = 31) -> str:
        """Launch an instance and ask for its pods' network; its object's name."""
        shape = m.LaunchInstanceShapeConfigDetails(ocpus=4, memory_in_gbs=32)
        instance = self.compute.launch_instance(
            m.LaunchInstanceDetails(
                compartment_id=self.vcn.init()["tenancy"],
                availability_domain="moor:LOCAL-1-AD-1",
                shape=SHAPE,
                shape_config=shape,
                create_vnic_details=m.CreateVnicDetails(subnet_id=self.subnet),
            )
        ).data
        name = instance.id.rsplit(".", 1)[-1]
        self.objects.write(
            Npn(
                name=name,
                spec=NpnSpec(
                    id=instance.id, pod_subnet_ids=(self.subnet,), max_pod_count=pods
                ),
            )
        )
        return name

    def status(self, name: str) -> NpnStatus:
        return self.objects.read_status(name)

    def settles(self, *names: str) -> None:
        for name in names:
            until(
                lambda name=name: self.status(name).state == "SUCCESS",
                lambda: self.log,
            )

    def truth(self, name: str) -> dict[str, list[str]]:
        """What the cloud has for the object: its VNICs and their secondary addresses."""
        everything = oci.pagination.list_call_get_all_results
        instance = self.objects.read(name).spec.id
        attachments = everything(
            self.compute.list_vnic_attachments,
            self.vcn.init()["tenancy"],
            instance_id=instance,
        ).data
        found = {}
        for attachment in attachments:
            if attachment.lifecycle_state != "ATTACHED":
                continue
            vnic = self.network.get_vnic(attachment.vnic_id).data
            if not vnic.is_primary:
                ips = everything(self.network.list_private_ips, vnic_id=vnic.id).data
                found[vnic.id] = [
                    f"{ip.ip_address}/{ip.cidr_prefix_length}"
                    for ip in ips
                    if not ip.is_primary
                ]
        return found


@contextmanager
def a_desk(tmp_path: Path) -> Iterator[Desk]:
    with local_vcn(tmp_path) as vcn:
        directory = tmp_path / "npn"
        directory.mkdir()
        desk = Desk(vcn, directory)
        _, subnet = an_estate(vcn)
        desk.subnet = subnet.id
        try:
            with last_words.logs(lambda: [tmp_path / "controller.log"]):
                yield desk
        finally:
            if desk.process:
                desk.end(signal.SIGKILL)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as ready:
        yield ready


def assert_served(desk: Desk, name: str, pods: int) -> None:
    """Status and cloud agree, and nothing is there twice."""
    status, truth = desk.status(name), desk.truth(name)
    vnics = -(-pods // 31)
    assert len(truth) == vnics
    assert {v.vnic_id for v in status.vnics} == set(truth)
    assert sum(len(v.pod_addresses) for v in status.vnics) == pods
    sizes = [
        2 ** (32 - int(b.split("/")[1])) if "None" not in b else 1
        for blocks in truth.values()
        for b in blocks
    ]
    assert sum(sizes) == pods + vnics


def is_served(desk: Desk, name: str, pods: int) -> bool:
    """Tell whether it has settled, and agrees with the cloud."""
    try:
        assert desk.status(name).state == "SUCCESS"
        assert_served(desk, name, pods)
    except AssertionError:
        return False
    return True


def test_a_node_gets_its_addresses_and_the_program_ends_when_told(desk: Desk) -> None:
    desk.start()
    name = desk.node()
    desk.settles(name)

    assert_served(desk, name, 31)
    assert [len(b) for b in desk.truth(name).values()] == [1]
    assert desk.end() == 0
    assert "stopped objects=1" in desk.log


def test_what_disappears_comes_back(desk: Desk) -> None:
    desk.start()
    name = desk.node(62)
    desk.settles(name)
    first, second = desk.status(name).vnics
    (attachment,) = desk.compute.list_vnic_attachments(
        desk.vcn.init()["tenancy"], vnic_id=second.vnic_id
    ).data
    desk.compute.detach_vnic(attachment.id)
    block = desk.network.list_private_ips(vnic_id=first.vnic_id).data[-1]
    desk.network.delete_private_ip(block.id)
    desk.network.update_vnic(
        first.vnic_id, m.UpdateVnicDetails(skip_source_dest_check=False)
    )

    def restored() -> bool:
        vnics = {v.vnic_id for v in desk.status(name).vnics}
        check = desk.network.get_vnic(first.vnic_id).data.skip_source_dest_check
        return second.vnic_id not in vnics and len(vnics) == 2 and check

    until(restored, lambda: desk.log)
    # It may have settled before it saw the last of the losses.
    until(lambda: is_served(desk, name, 62), lambda: desk.log)


def test_killed_at_random_moments_it_makes_nothing_twice(
    desk: Desk, chance: random.Random
) -> None:
    names = [desk.node(pods) for pods in (31, 62, 40)]
    for _ in range(8):
        desk.start()
        # From before the first call to after the last: starting alone takes a while.
        time.sleep(chance.uniform(0.6, 2.5))
        desk.end(signal.SIGKILL)
    desk.start()
    desk.settles(*names)

    for name, pods in zip(names, (31, 62, 40), strict=True):
        assert_served(desk, name, pods)


def test_a_server_that_comes_later_is_waited_for(desk: Desk) -> None:
    name = desk.node()
    desk.vcn.kill()
    desk.start()
    until(lambda: "unreachable ListVcns" in desk.log)
    until(lambda: desk.status(name).state == "BACKOFF")
    desk.vcn.start()
    desk.settles(name)

    assert_served(desk, name, 31)


def test_a_broken_file_is_told_and_the_others_are_served(desk: Desk) -> None:
    desk.start()
    (desk.directory / "broken.json").write_text("{")
    name = desk.node()
    desk.settles(name)
    until(lambda: desk.status("broken").state == "BACKOFF")

    assert desk.status("broken").message.startswith("broken.json: '{': must be JSON")


def test_an_object_goes_with_its_instance(desk: Desk) -> None:
    desk.start()
    name = desk.node()
    desk.settles(name)
    instance = desk.objects.read(name).spec.id
    desk.compute.terminate_instance(instance)
    until(lambda: desk.objects.names() == [], lambda: desk.log)

    eventually(lambda: desk.compute.get_instance(instance), "TERMINATED")
    until(lambda: not any(desk.directory.iterdir()), lambda: desk.log)


# Starting with something wrong.


def refused(*words: str) -> str:
    made = subprocess.run(
        [MOORING, "controller", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert made.returncode in {1, 2}
    assert "Traceback" not in made.stderr
    return " ".join(made.stderr.split())


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    said = refused("--npn-dir", str(tmp_path / "nowhere"))

    assert "Invalid value for '--npn-dir'" in said
    assert "does not exist" in said


def test_a_missing_configuration_is_told(tmp_path: Path) -> None:
    said = refused("--npn-dir", str(tmp_path), "--config", str(tmp_path / "none"))

    assert f"profile DEFAULT of {tmp_path}/none:" in said


@pytest.mark.parametrize(
    ("text", "profile", "words"),
    [
        ("[DEFAULT]\nuser=x\n", "OTHER", "OTHER"),
        ("[DEFAULT]\nuser=x\n", "DEFAULT", "missing"),
        ("no ini file", "DEFAULT", "no section headers"),
    ],
)
def test_an_unusable_profile_is_told(
    tmp_path: Path, text: str, profile: str, words: str
) -> None:
    config = tmp_path / "config"
    config.write_text(text)

    said = refused(
        *("--npn-dir", str(tmp_path), "--config", str(config), "--profile", profile)
    )

    assert f"profile {profile} of {config}: " in said
    assert words in said


def test_a_key_that_is_gone_is_told(desk: Desk, tmp_path: Path) -> None:
    for key in tmp_path.glob("*.pem"):
        key.unlink()

    said = refused(*desk.command()[2:])

    assert "profile DEFAULT" in said
    assert ".pem" in said


@pytest.mark.parametrize("url", ["iaas.example", "ftp://host", "http://"])
def test_an_endpoint_that_is_no_url_is_told(tmp_path: Path, url: str) -> None:
    said = refused("--npn-dir", str(tmp_path), "--endpoint", url)

    assert f"'{url}' is not http://HOST or https://HOST" in said
