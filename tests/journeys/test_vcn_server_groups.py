"""`kill -9` while changes of many connections share transactions: each is there whole, or not at all."""

import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import oci
from journeys.local_vcn import LocalVcn, an_estate, local_vcn
from oci._vendor import requests

CONNECTIONS = 16
KILLS = 4
PATH = "/20160918/privateIps"


def signed(server: LocalVcn, subnet_id: str) -> Iterator[bytes]:
    """Reserved addresses in a subnet, asked for one after the other; as the SDK signs it."""
    c = oci.config.from_file(str(server.config_file))
    signer = oci.signer.Signer(c["tenancy"], c["user"], c["fingerprint"], c["key_file"])
    while True:
        data = json.dumps({"subnetId": subnet_id})
        raw = requests.Request(
            "POST",
            server.endpoint + PATH,
            headers={"content-type": "application/json"},
            data=data,
        ).prepare()
        headers = {"host": server.address, **signer(raw).headers}
        lines = [f"POST {PATH} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        yield "\r\n".join([*lines, "", data]).encode()


@dataclass
class Crowd:
    """Many connections at once, and what was answered on them."""

    server: LocalVcn
    subnet_id: str
    told: dict[str, str] = field(default_factory=dict)  # address by id
    sent: int = 0

    async def press(self, answers: int) -> None:
        """Ask on all connections until so many more are answered; then kill the server."""
        goal, enough = len(self.told) + answers, asyncio.Event()
        host, _, port = self.server.address.rpartition(":")
        messages = signed(self.server, self.subnet_id)

        async def one() -> None:
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                while True:
                    writer.write(next(messages))
                    self.sent += 1
                    self._note(await _body(reader))
                    if len(self.told) >= goal:
                        enough.set()
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(one())
            await enough.wait()
            assert self.server.kill() < 0

    def _note(self, body: bytes) -> None:
        made = json.loads(body)
        self.told[made["id"]] = made["ipAddress"]


async def _body(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = head.lower().partition(b"content-length:")[2].split()[0]
    return await reader.readexactly(int(length))


def test_a_kill_among_shared_transactions_loses_nothing_that_was_answered(
    tmp_path: Path, chance: random.Random
) -> None:
    with local_vcn(tmp_path) as server:
        _, subnet = an_estate(server)
        crowd = Crowd(server, subnet.id)
        for _ in range(KILLS):
            asyncio.run(crowd.press(chance.randrange(10, 45)))
            server.start()

        kept = {
            ip.id: ip.ip_address
            for ip in oci.pagination.list_call_get_all_results(
                server.network.list_private_ips, subnet_id=subnet.id
            ).data
        }

        assert crowd.told.items() <= kept.items()
        assert len(crowd.told) <= len(kept) <= crowd.sent
        assert len(set(kept.values())) == len(kept)
