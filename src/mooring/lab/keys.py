"""Who is who in a lab's cluster: keys and certificates, made once and kept.

The authorities and the administrator's key are the lab's; whoever else has a key has it in its
machine's directory. A certificate that no longer says what it must is made anew.
"""

from dataclasses import dataclass
from datetime import datetime

from mooring.adapters import clusterkeys
from mooring.adapters.clusterkeys import Pair
from mooring.adapters.labfiles import LabFiles
from mooring.core.linux.kubeconfig import Identity

HOME = "kubernetes"
AUTHORITY, FRONT_AUTHORITY = "authority", "front-authority"
SERVICE_ACCOUNTS = "service-accounts"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one lab, as of this moment."""

    files: LabFiles
    now: datetime

    def authority(self, name: str = AUTHORITY) -> Pair:
        """Give an authority of the cluster; made when there is none."""
        found = self._read(HOME, name)
        if found is None:
            found = clusterkeys.authority(f"mooring-{name}", self.now)
            self._write(HOME, name, found)
        return found

    def pair(self, place: str, identity: Identity, authority: str = AUTHORITY) -> Pair:
        """Give somebody's certificate and key, kept in `place`."""
        giver = self.authority(authority)
        found = self._read(place, identity.name)
        if found is None or not clusterkeys.fits(found, giver, identity, self.now):
            found = clusterkeys.give(giver, identity, self.now)
            self._write(place, identity.name, found)
        return found

    def publish(self, place: str, *names: str) -> None:
        """Put authorities' certificates where a machine finds them."""
        for name in names:
            text = self.authority(name).certificate
            self.files.put(f"{place}/pki/{name}.crt", text.encode())

    def entrust(self, place: str) -> None:
        """Put the keys with which a control plane signs where it finds them."""
        self.files.put(f"{place}/pki/{AUTHORITY}.key", self.authority().key.encode())
        key = self._text(HOME, f"{SERVICE_ACCOUNTS}.key") or clusterkeys.new_key()
        for home in (HOME, place):
            self.files.put(f"{home}/pki/{SERVICE_ACCOUNTS}.key", key.encode())

    def _read(self, place: str, name: str) -> Pair | None:
        certificate = self._text(place, f"{name}.crt")
        key = self._text(place, f"{name}.key")
        return Pair(certificate, key) if certificate and key else None

    def _text(self, place: str, name: str) -> str:
        try:
            return (self.files.path / place / "pki" / name).read_text()
        except FileNotFoundError:
            return ""

    def _write(self, place: str, name: str, pair: Pair) -> None:
        # Of two halves that do not fit a later reader makes a new whole.
        self.files.put(f"{place}/pki/{name}.key", pair.key.encode())
        self.files.put(f"{place}/pki/{name}.crt", pair.certificate.encode())
