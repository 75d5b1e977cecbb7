"""The local VCN's server with nothing behind its door: every signed request gets an empty reply.

usage: empty.py STATE PORT. What `vcn_create_rate` is held against: the same HTTP, the same check
of the signature, the same faults and budgets, the same line in the log; no decision, no journal.
"""

import asyncio
import logging
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

from mooring.adapters.credentials import IdentityFile
from mooring.core.vcn.api.requests import Reply, Request
from mooring.core.vcn.limits import Settings
from mooring.localvcn.desk import Chance, Desk
from mooring.localvcn.http import HttpServer
from mooring.localvcn.keys import Keys
from mooring.localvcn.run import KEEP_ALIVE, Door, listen, spare_collector
from mooring.localvcn.server import Server


class Nothing:
    """Answers any request with 204."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def answer(self, _: Request) -> Reply:
        return Reply(status=204)


async def serve(state: Path, port: int) -> None:
    """Serve until killed; a line on stdout says when."""
    chance = Chance(lambda: datetime.now(UTC), secrets.token_bytes)
    desk = Desk(Settings(), chance)
    app = Server(Nothing(desk), Keys(IdentityFile(state)), chance)
    server = HttpServer(app, keep_alive=KEEP_ALIVE, most=4096)
    spare_collector()
    await server.start(listen(Door("127.0.0.1", port)))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO
    )
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
