"""The local VCN's life: read the state, open the door, serve until told to stop.

Stopping ends the program and nothing else: the fabric's namespaces, links and rules stay
in the kernel, so that traffic goes on, and the next start finds them as they should be.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace

from mooring.adapters import adminsocket
from mooring.adapters.credentials import IdentityFile
from mooring.adapters.journal import Journal, JournalError
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.rows import Row
from mooring.core.vcn.world import World
from mooring.localvcn.admin import Admin
from mooring.localvcn.authority import Authority
from mooring.localvcn.cloud import Cloud
from mooring.localvcn.desk import Chance, Desk
from mooring.localvcn.enforcement import Enforcement, Fabric
from mooring.localvcn.federation import Federation
from mooring.localvcn.http import HttpServer
from mooring.localvcn.inside import Inside
from mooring.localvcn.keys import Keys
from mooring.localvcn.server import Server

log = logging.getLogger(__name__)

BACKLOG = 1024
CONNECTIONS = 4096
# longer than any client keeps an idle connection, or it would send into a closing one
KEEP_ALIVE = 900
ADMINS = 16
ADMIN_PATIENCE = 10.0
RETRY = 1.0
# New objects until the collector looks, and how often it looks further.
COLLECT = (10_000, 20, 100)


@dataclass(frozen=True, slots=True)
class Within:
    """What a server has more when there are instances that could call it."""

    authority: Authority
    inside: Inside


@dataclass(frozen=True, slots=True)
class Parts:
    """What a server is made of, beside its journal.

    `within` is there with a fabric: who its instances are, and the API inside of it.
    """

    register: IdentityFile
    fabric: Fabric
    chance: Chance
    settings: Settings
    desk: Desk
    within: Within | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """Where clients come in, and who wants to know when they can."""

    host: str
    port: int
    ready_fd: int | None = None


def load(journal: Journal, settings: Settings) -> World:
    """Build the world of the journal, or name the entry that is none of ours."""
    which = ""

    def rows() -> Iterator[Row]:
        nonlocal which
        for entry in journal.walk():
            which = f"entry {entry.kind} {entry.key}"
            yield entry.kind, entry.key, entry.body or ""
        which = "entries that do not fit together"

    try:
        return World.load(rows(), settings)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JournalError(
            f"{journal.path}: {which}: {error!r}; it was left as it is. "
            "Move the file away to start anew, or bring back a copy"
        ) from error


def settings_of(register: IdentityFile, wished: Settings) -> Settings:
    """Take the region from the register, whose profiles name it too, and the administrators."""
    identity = register.read()
    if identity is None:
        return wished
    name = identity.region.upper()
    return replace(
        wished,
        region=identity.region,
        availability_domains=(f"moor:{name}-AD-1", f"moor:{name}-AD-2"),
        administrators=tuple({user.user: None for user in identity.users}),
    )


def listen(door: Door) -> socket.socket:
    """Take the address; OSError that names it when it is not ours to take."""
    family = socket.AF_INET6 if ":" in door.host else socket.AF_INET
    try:
        listener = socket.create_server(
            (door.host, door.port), family=family, backlog=BACKLOG
        )
    except OSError as error:
        words = (error.strerror or str(error)).partition(" (")[0]
        where = f"{door.host}:{door.port}"
        raise OSError(error.errno, words, where) from error
    # Clients come before anybody serves, and what they get is settled by then (see `http`).
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def serve(
    journal: Journal, parts: Parts, door: Door, listener: socket.socket
) -> None:
    """Serve until SIGTERM or SIGINT; raises what ended it otherwise."""
    world = load(journal, settings_of(parts.register, parts.settings))
    spare_collector()
    enforcement = Enforcement(parts.fabric)
    cloud = Cloud(world, journal, enforcement, parts.desk)
    app = _application(parts, cloud)
    http = HttpServer(app, keep_alive=KEEP_ALIVE, most=CONNECTIONS)
    admin = HttpServer(Admin(cloud), most=ADMINS, patience=ADMIN_PATIENCE)
    stop = _stop_signal()
    async with asyncio.TaskGroup() as group:
        loops = (parts.fabric.run, enforcement.run, cloud.run)
        tasks = [group.create_task(_for_ever(loop)) for loop in loops]
        await admin.start(adminsocket.listen(journal.path.parent))
        await http.start(listener)
        if parts.register.read() is None:
            state = journal.path.parent
            log.warning("nobody may call yet: mooring vcn init --state %s", state)
        _announce(door, listener, world)
        try:
            await stop.wait()
        finally:
            adminsocket.remove(journal.path.parent)
            await admin.stop()
            await http.stop()
            for task in tasks:
                task.cancel()
    log.info("stopped")


def _application(parts: Parts, cloud: Cloud) -> Server:
    """Make what answers on the host, and with a fabric inside of it too."""

    def world() -> World:
        return cloud.world

    if parts.within is None:
        keys = Keys(parts.register, world, heard=cloud.learn)
        return Server(cloud, keys, parts.chance)
    authority = parts.within.authority
    keys = Keys(parts.register, world, authority.tokens.public.verify, cloud.learn)
    federation = Federation(authority, parts.register, world)
    app = Server(cloud, keys, parts.chance, federation)
    parts.within.inside.let_in(app)
    return app


def spare_collector() -> None:
    """Keep the collector from looking again and again at a world that is not garbage.

    Worlds have no cycles: what is replaced goes away by itself, whenever the collector runs.
    """
    gc.freeze()
    gc.set_threshold(*COLLECT)


async def _for_ever(loop: Callable[[], Awaitable[None]]) -> None:
    """Begin a loop again that something unforeseen has ended."""
    while True:
        try:
            await loop()
        except Exception:
            log.exception("loop failed, begun again")
            await asyncio.sleep(RETRY)


def _stop_signal() -> asyncio.Event:
    """Give the event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _announce(door: Door, listener: socket.socket, world: World) -> None:
    host, port = listener.getsockname()[:2]
    where = f"[{host}]" if ":" in host else host
    log.info("listening at http://%s:%d records=%d", where, port, len(world.records))
    if door.ready_fd is not None:
        os.write(door.ready_fd, b"\n")
        os.close(door.ready_fd)
