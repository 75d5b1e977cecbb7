"""Whose signature it is: the register's users, those of the identity API, sessions.

Each public key is parsed once. A session token is verified once and then known by its text
until it expires or newer ones take its place.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from mooring.adapters.credentials import CredentialsError, IdentityFile
from mooring.adapters.rsa import PublicKey, UnreadableKeyError
from mooring.core.vcn.api import session
from mooring.core.vcn.api.session import Session
from mooring.core.vcn.api.signing import Holder, KeyId, Name, Refused, SessionToken
from mooring.core.vcn.iam.principal import Principal
from mooring.core.vcn.model import ApiKey
from mooring.core.vcn.world import World

log = logging.getLogger(__name__)

REMEMBERED = 4096  # keys and sessions, each
ACTIVE = "ACTIVE"


class Keys:
    """The keys that may sign; follows the register when `init` writes it.

    `world` gives the records of the identity API, `ours` tells whether a session token was
    signed here, `heard` is told who is in the register when that has changed.
    """

    def __init__(
        self,
        register: IdentityFile,
        world: Callable[[], World] = World.empty,
        ours: Callable[[bytes, bytes], bool] = lambda _text, _signature: False,
        heard: Callable[[tuple[str, ...]], None] = lambda _users: None,
    ) -> None:
        self._register = register
        self._world = world
        self._ours = ours
        self._heard = heard
        self._version: tuple[int, int] | None = None
        self._users: dict[KeyId, Holder] = {}
        self._sessions: dict[str, tuple[Session, Holder]] = {}

    def holder(self, name: Name, now: datetime) -> Holder | Refused:
        """Tell who holds a key, and how what it signed is verified."""
        if isinstance(name, SessionToken):
            return self._session(name.text, now)
        self._follow()
        return self._users.get(name) or self._uploaded(name)

    def _uploaded(self, name: KeyId) -> Holder | Refused:
        """Find a key that came by the identity API."""
        found = self._world().find(ApiKey, str(name))
        if found is None or found.lifecycle_state != ACTIVE:
            return Refused(f"key {name} is not known")
        try:
            key = _parsed(found.key_value)
        except UnreadableKeyError as error:
            return Refused(f"key {name} cannot be read: {error}")
        admins = {each.principal.id for each in self._users.values()}
        principal = Principal(
            id=name.user, tenancy=name.tenancy, administrator=name.user in admins
        )
        return Holder(principal, key.verify)

    def _session(self, token: str, now: datetime) -> Holder | Refused:
        known = self._sessions.get(token)
        if known is None:
            read = session.read(token, self._ours)
            if isinstance(read, Refused):
                return read
            key = PublicKey.of_numbers(read.key.modulus, read.key.exponent)
            known = read, Holder(read.principal, key.verify)
            while len(self._sessions) >= REMEMBERED:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[token] = known
        return session.untimely(known[0], now) or known[1]

    def _follow(self) -> None:
        version = self._register.version()
        if version == self._version:
            return
        self._version = version
        try:
            self._users = self._read()
        except (CredentialsError, UnreadableKeyError) as error:
            # those who were known stay known until the file can be read again
            log.error("register unreadable path=%s why=%s", self._register.path, error)  # noqa: TRY400 - the cause is in the line; no traceback for users
        else:
            self._heard(tuple(dict.fromkeys(key.user for key in self._users)))

    def _read(self) -> dict[KeyId, Holder]:
        identity = self._register.read()
        if identity is None:
            return {}
        return {
            KeyId(identity.tenancy, u.user, u.fingerprint): Holder(
                Principal(id=u.user, tenancy=identity.tenancy, administrator=True),
                PublicKey(u.public_key).verify,
            )
            for u in identity.users
        }


@lru_cache(maxsize=REMEMBERED)
def _parsed(pem: str) -> PublicKey:
    return PublicKey(pem)
