"""The lab's control side: the local VCN's server and the controller, real processes."""

from collections.abc import Sequence

from mooring.adapters.labfiles import LabFiles
from mooring.adapters.process import CommandError
from mooring.core.linux.node import Program
from mooring.core.vcn.estateport import Door
from mooring.core.vcn.limits import Settings
from mooring.lab.errors import LabError
from mooring.lab.programs import Programs
from mooring.lab.record import PROFILE, Standing, config_file, npn_directory
from mooring.lab.tools import Tools, mooring

GROUP = "_control"  # what no node is called
PORT_TRIES = 5


def programs(tools: Tools, files: LabFiles) -> Programs:
    """Give the lab's supervision."""
    return Programs(tools, files)


def groups_of(standing: Standing, *names: str) -> tuple[str, ...]:
    """Give the control groups of a part of the lab."""
    return tuple("/".join((base, *names)) for base in standing.groups)


def program(
    files: LabFiles, standing: Standing, name: str, argv: Sequence[str]
) -> Program:
    """Describe a program of the control side."""
    return Program(
        name=name,
        argv=tuple(argv),
        record=str(files.path / "run" / name),
        log=str(files.path / "log" / f"{name}.log"),
        groups=groups_of(standing, GROUP),
    )


def vcn(files: LabFiles, standing: Standing) -> Program:
    """Describe the local VCN's server."""
    words = ("--state", str(files.path / "vcn"), "--fabric", standing.name)
    listen = ("--listen", f"127.0.0.1:{standing.port}")
    return program(files, standing, "vcn", mooring("vcn", "serve", *words, *listen))


def controller(files: LabFiles, standing: Standing) -> Program:
    """Describe the controller."""
    words = (
        *("--npn-dir", str(npn_directory(files.path))),
        *("--config", str(config_file(files.path)), "--profile", PROFILE),
        *("--endpoint", standing.endpoint),
    )
    return program(files, standing, "controller", mooring("controller", *words))


def enrol(tools: Tools, files: LabFiles, standing: Standing) -> None:
    """Have a profile by which the lab calls its cloud."""
    words = mooring(
        *("vcn", "init", "--state", str(files.directory("vcn"))),
        *("--config", str(files.directory("oci") / "config")),
        *("--profile", PROFILE, "--endpoint", standing.endpoint),
    )
    try:
        done = tools.processes.run(words)
    except CommandError as error:
        raise LabError(f"mooring vcn init: {error}") from None
    if done.code:
        raise LabError("mooring vcn init failed", log=done.complaint.splitlines())


def door(files: LabFiles, standing: Standing) -> Door:
    """Give the way into the lab's cloud."""
    return Door(
        config=str(config_file(files.path)),
        profile=PROFILE,
        endpoint=standing.endpoint,
        domain=Settings().availability_domains[0],
        token=standing.token,
    )


def serve(tools: Tools, files: LabFiles, standing: Standing) -> None:
    """Have the server listen at the port of the record, whatever listened there."""
    supervised = programs(tools, files)
    wanted = vcn(files, standing)
    if supervised.find(wanted) is None and tools.host.answers(standing.port):
        raise PortTakenError(standing.port)
    supervised.ensure(wanted)
    supervised.await_ready(wanted, lambda: tools.host.answers(standing.port))


class PortTakenError(Exception):
    """Somebody else listens where the lab's cloud did."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is taken")


def stop(tools: Tools, files: LabFiles, standing: Standing) -> None:
    """End both programs, the controller first."""
    supervised = programs(tools, files)
    supervised.stop(controller(files, standing))
    supervised.stop(vcn(files, standing))


def remove_fabric(tools: Tools, name: str) -> None:
    """Take away every namespace, link and rule of the lab's fabric."""
    try:
        done = tools.processes.run(mooring("vcn", "down", "--fabric", name))
    except CommandError as error:
        raise LabError(f"mooring vcn down: {error}") from None
    if done.code:
        raise LabError(
            "mooring vcn down failed",
            "mooring lab down again",
            done.complaint.splitlines(),
        )
