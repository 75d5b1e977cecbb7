"""Whose signature it is: the register's users, each public key parsed once."""

import logging

from mooring.adapters.credentials import CredentialsError, IdentityFile
from mooring.adapters.rsa import PublicKey, UnreadableKeyError
from mooring.core.vcn.api.signing import KeyId

log = logging.getLogger(__name__)


class Keys:
    """The keys that may sign; follows the register when `init` writes it."""

    def __init__(self, register: IdentityFile) -> None:
        self._register = register
        self._version: tuple[int, int] | None = None
        self._keys: dict[KeyId, PublicKey] = {}

    def verify(self, key_id: KeyId, text: bytes, signature: bytes) -> bool:
        """Say whether this user's key signed the text; a stranger's did not."""
        self._follow()
        key = self._keys.get(key_id)
        return key is not None and key.verify(text, signature)

    def _follow(self) -> None:
        version = self._register.version()
        if version == self._version:
            return
        self._version = version
        try:
            self._keys = self._read()
        except (CredentialsError, UnreadableKeyError) as error:
            # those who were known stay known until the file can be read again
            log.error("register unreadable path=%s why=%s", self._register.path, error)  # noqa: TRY400 - the cause is in the line; no traceback for users

    def _read(self) -> dict[KeyId, PublicKey]:
        identity = self._register.read()
        if identity is None:
            return {}
        return {
            KeyId(identity.tenancy, u.user, u.fingerprint): PublicKey(u.public_key)
            for u in identity.users
        }
