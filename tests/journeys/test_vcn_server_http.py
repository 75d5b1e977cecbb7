"""A guest that opens many connections is held to its share of them."""

import asyncio
import socket

from starlette.responses import PlainTextResponse

from mooring.localvcn.http import HttpServer

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
