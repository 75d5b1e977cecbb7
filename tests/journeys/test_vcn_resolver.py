"""A VCN's resolver on real sockets, inside a router's namespace; and the API with TLS in the internet's."""

import asyncio
import os
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from http.client import HTTPSConnection
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from mooring.adapters import netns
from mooring.adapters.credentials import Identity, IdentityFile
from mooring.core.vcn.dns import packed
from mooring.core.vcn.model import Vcn
from mooring.core.vcn.packets.names import internet_space, vcn_space
from mooring.core.vcn.resolver import hosts
from mooring.core.vcn.world import World
from mooring.localvcn.authority import authority
from mooring.localvcn.enforcement import NoFabric
from mooring.localvcn.follow import Following, Guide
from mooring.localvcn.inside import Inside
from mooring.localvcn.resolver import CONNECTIONS, Resolver

FABRIC = f"dns{os.getpid()}"[-12:]
VCN = "ocid1.vcn.oc1.x.aaaaaaa1"
ROUTER, INTERNET = vcn_space(FABRIC, VCN), internet_space(FABRIC)
NAME = "iaas.local-1.oraclecloud.com"
ASKED = (
    struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + packed(NAME) + struct.pack("!2H", 1, 1)
)
ADDRESS = bytes([198, 19, 0, 2])
WORLD = World.empty().put(
    Vcn(
        id=VCN,
        compartment_id="c",
        display_name="n",
        time_created=datetime(2026, 7, 12, tzinfo=UTC),
        cidr_blocks=(IPv4Network("10.0.0.0/16"),),
        default_route_table_id="r",
        default_security_list_id="s",
        default_dhcp_options_id="d",
    )
)


@pytest.fixture(autouse=True)
def spaces() -> Iterator[None]:
    for space, address in ((ROUTER, "169.254.169.254"), (INTERNET, "198.19.0.2")):
        netns.create(space)
        for words in ("link set lo up", f"addr add {address}/32 dev lo"):
            subprocess.run(["ip", "-n", space, *words.split()], check=True)
    yield
    for space in (ROUTER, INTERNET):
        netns.delete(space)


def connected(
    space: str, kind: socket.SocketKind, host: str, port: int
) -> socket.socket:
    """A socket of a program in the namespace."""
    fd = netns.open_fd(space)
    try:
        with netns.inside(fd):
            made = socket.socket(socket.AF_INET, kind)
    finally:
        netns.close(fd)
    made.settimeout(60)
    made.connect((host, port))
    return made


def resolver(kind: socket.SocketKind) -> socket.socket:
    return connected(ROUTER, kind, "169.254.169.254", 53)


def play(guide: Guide, story: Callable[[], None]) -> None:
    async def scene() -> None:
        following = Following(NoFabric(), netns, guide)
        await following.apply(WORLD)
        keeper = asyncio.create_task(following.run())
        try:
            await asyncio.to_thread(story)
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    asyncio.run(scene())


def test_a_question_over_udp_is_answered() -> None:
    def story() -> None:
        with resolver(socket.SOCK_DGRAM) as asking:
            asking.send(b"noise")  # dropped, and nobody is worse for it
            asking.send(ASKED)
            assert asking.recv(512).endswith(ADDRESS)

    play(Resolver(FABRIC), story)


def test_questions_over_tcp_are_answered_in_turn() -> None:
    message = len(ASKED).to_bytes(2) + ASKED

    def story() -> None:
        with resolver(socket.SOCK_STREAM) as asking, asking.makefile("rb") as heard:
            asking.sendall(message[:5])
            asking.sendall(message[5:] + message)
            for _ in range(2):
                length = int.from_bytes(heard.read(2))
                assert heard.read(length).endswith(ADDRESS)

    play(Resolver(FABRIC), story)


def is_ended(connection: socket.socket) -> bool:
    """Tell that the other end has closed, in whatever manner."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_connection_with_nonsense_ends() -> None:
    def story() -> None:
        with resolver(socket.SOCK_STREAM) as asking:
            asking.sendall(b"\0\5noise")
            assert is_ended(asking)

    play(Resolver(FABRIC), story)


def test_a_connection_too_many_ends_and_the_others_are_served() -> None:
    message = len(ASKED).to_bytes(2) + ASKED

    def story() -> None:
        with ExitStack() as open_:
            first, *_ = (
                open_.enter_context(resolver(socket.SOCK_STREAM))
                for _ in range(CONNECTIONS)
            )
            assert is_ended(open_.enter_context(resolver(socket.SOCK_STREAM)))
            first.sendall(message)
            assert first.recv(512).endswith(ADDRESS)

    play(Resolver(FABRIC), story)


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that says what it was called."""
    host = dict(scope["headers"])[b"host"].decode()
    await PlainTextResponse(f"{scope['scheme']} {host}")(scope, receive, send)


def inside(state: Path) -> Inside:
    IdentityFile(state).write(Identity("ocid1.tenancy.oc1..t", "local-1"))
    now = datetime.now(UTC)
    ours = authority(state, lambda: now)
    made = Inside(FABRIC, ours.service(hosts("local-1"), now))
    made.let_in(hello)
    return made


def ask(name: str, context: ssl.SSLContext) -> str:
    """Ask the API by a name, as a program in the internet's namespace does."""
    connection = HTTPSConnection(name, timeout=60)
    plain = connected(INTERNET, socket.SOCK_STREAM, "198.19.0.2", 443)
    connection.sock = context.wrap_socket(plain, server_hostname=name)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_the_api_is_served_with_tls_to_who_trusts_the_authority(tmp_path: Path) -> None:
    made = inside(tmp_path)
    context = ssl.create_default_context(cafile=tmp_path / "authority.pem")

    def story() -> None:
        for name in hosts("local-1"):
            assert ask(name, context) == f"https {name}"

    play(made, story)


def test_nobody_else_and_nothing_else_is_believed(tmp_path: Path) -> None:
    made = inside(tmp_path)
    ours = ssl.create_default_context(cafile=tmp_path / "authority.pem")

    def story() -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(NAME, ssl.create_default_context())
        with pytest.raises(ssl.SSLCertVerificationError):
            ask("www.example.com", ours)

    play(made, story)


def test_without_an_application_there_is_no_door(tmp_path: Path) -> None:
    authority_of_now = authority(tmp_path, lambda: datetime.now(UTC))
    certificate = authority_of_now.service([NAME], datetime.now(UTC))

    assert Inside(FABRIC, certificate)(WORLD) == {}
