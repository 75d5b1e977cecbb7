"""What stands below `identity/` in an instance's metadata: a certificate and its key.

Each instance gets a pair when it first asks, and another one after half of the certificate's life.
The certificate comes first of what clients ask, so only it brings a new pair: the key that is
asked next is the one that goes with it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from mooring.adapters.credentials import IdentityFile
from mooring.core.vcn.api.federation import subject
from mooring.core.vcn.model import Instance
from mooring.localvcn.authority import INSTANCE_LIFE, Authority

REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class _Given:
    """An instance's texts, whom they speak of, and when a next pair is due."""

    units: tuple[str, ...]
    renew: datetime
    ends: datetime
    texts: Mapping[str, str]


class Identities:
    """The pairs that were given, in memory: whoever comes after a restart gets a new one."""

    def __init__(
        self, authority: Authority, register: IdentityFile, wall: Callable[[], datetime]
    ) -> None:
        self._authority = authority
        self._register = register
        self._wall = wall
        self._given: dict[str, _Given] = {}
        self._one = asyncio.Lock()

    async def of(self, instance: Instance, *, first: bool) -> Mapping[str, str] | None:
        """Give an instance's texts, a new pair if it is `first` and time for one."""
        identity = self._register.read()
        if identity is None:
            return None
        units = subject(identity.tenancy, instance)
        async with self._one:
            given = self._given.pop(instance.id, None)
            now = self._wall()
            due = given is None or (given.renew if first else given.ends) <= now
            if given is None or due or given.units != units:
                given = await asyncio.to_thread(
                    self._make, identity.tenancy, instance.id, units, now
                )
            self._given[instance.id] = given
            while len(self._given) > REMEMBERED:
                del self._given[next(iter(self._given))]
            return given.texts

    def _make(
        self, tenancy: str, id_: str, units: tuple[str, ...], now: datetime
    ) -> _Given:
        pair = self._authority.instance(id_.rpartition(".")[2], units, now)
        texts = {
            "cert.pem": pair.certificate.pem,
            "fingerprint": pair.certificate.fingerprint("sha1"),
            "intermediate.pem": self._authority.instances.certificate.pem,
            "key.pem": pair.key,
            "tenancyId": tenancy,
        }
        return _Given(units, now + INSTANCE_LIFE / 2, pair.certificate.ends, texts)
