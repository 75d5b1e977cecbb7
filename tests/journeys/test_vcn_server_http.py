"""A guest that opens many connections is held to its share of them."""

import asyncio
import socket

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from mooring.localvcn.http import LONGEST_HEAD, HttpServer
from mooring.localvcn.internet import TcpEcho

MOST = 3
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


async def status(
    ends: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> bytes:
    """The first line of an answer; "" from a connection that was cut off."""
    try:
        ends[1].write(REQUEST)
        return await ends[0].readline()
    except ConnectionError:
        return b""


async def story() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = HttpServer(PlainTextResponse("hello"), most=MOST)
    await server.start(listener)
    kept = [await opened(port) for _ in range(MOST)]
    served = [await status(each) for each in kept]
    refused = await opened(port)

    assert served == [b"HTTP/1.1 200 OK\r\n"] * MOST
    assert await status(refused) == b""

    kept[0][1].close()
    await kept[0][1].wait_closed()
    again = b""
    later = []
    async with asyncio.timeout(30):
        while not again:
            later.append(await opened(port))
            again = await status(later[-1])

    assert again == served[0]
    for _, writer in [*kept[1:], refused, *later]:
        writer.close()
    await server.stop()


def test_a_connection_too_many_is_cut_off_and_the_others_are_served() -> None:
    asyncio.run(story())


CHUNKED = (
    b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
)
PIECE = b"t: " + b"x" * 8192 + b"\r\n"


async def _taken(piece: bytes) -> bool:
    """Tell whether a server takes trailers without end, of which each piece is one."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(PlainTextResponse("hello"))
    await server.start(listener)
    _, writer = await opened(listener.getsockname()[1])
    writer.write(CHUNKED)
    try:
        for _ in range(64 * LONGEST_HEAD // len(piece)):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        return False
    finally:
        writer.transport.abort()
        await server.stop()
    return True


@pytest.mark.parametrize("piece", [PIECE, b"x" * 8192], ids=["many", "one"])
def test_trailers_that_do_not_end_are_cut_off(piece: bytes) -> None:
    assert asyncio.run(_taken(piece)) is False


async def _names(request: bytes) -> bytes:
    """The headers of a request as its application sees them after its body."""

    async def tell(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        names = b" ".join(name for name, _ in scope["headers"])
        await PlainTextResponse(names)(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(tell)
    await server.start(listener)
    reader, writer = await opened(listener.getsockname()[1])
    writer.write(request)
    *_, length = (await reader.readuntil(b"\r\n\r\n")).split(b"content-length: ")
    answer = await reader.readexactly(int(length.split(b"\r\n")[0]))
    writer.close()
    await server.stop()
    return answer


def test_a_trailer_is_no_header() -> None:
    found = asyncio.run(_names(CHUNKED + b"authorization: x\r\n\r\n"))

    assert found == b"host transfer-encoding"


class _Transport(asyncio.Transport):
    """A connection that remembers what became of it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        self.aborted = True


def test_an_echo_has_no_more_than_its_share_of_connections() -> None:
    kept: set[asyncio.Transport] = set()
    made = [_Transport() for _ in range(MOST + 1)]
    echoes = [TcpEcho(kept, MOST) for _ in made]
    for echo, transport in zip(echoes, made, strict=True):
        echo.connection_made(transport)
    echoes[-1].connection_lost(None)
    echoes[0].data_received(b"hello")

    assert [t.aborted for t in made] == [*[False] * MOST, True]
    assert made[0].written == b"hello"

    echoes[0].connection_lost(None)
    later = _Transport()
    TcpEcho(kept, MOST).connection_made(later)

    assert not later.aborted
