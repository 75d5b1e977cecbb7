"""Who may call: the tenancy's file in a state directory, and OCI's profile files.

`identity.json` has the tenancy, the region and the users' public keys. A profile file
is the one that the SDK and the CLI read; it is extended, never rewritten.
"""

import configparser
import fcntl
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mooring.core.net.ocid import mint

IDENTITY = "identity.json"
PROFILE_KEYS = ("user", "fingerprint", "tenancy", "region", "key_file")
PROFILE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class CredentialsError(Exception):
    """A file of credentials cannot be used; the message names file, field and rule."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may call, known by one public key."""

    user: str
    fingerprint: str
    public_key: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A tenancy, which is its own root compartment, where it lives and who may call."""

    tenancy: str
    region: str
    users: tuple[User, ...] = ()


class IdentityFile:
    """The tenancy's file in one state directory."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / IDENTITY

    def read(self) -> Identity | None:
        """Read who is known; None when nobody ever was."""
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialsError(f"{self.path}: {error}") from error
        try:
            return _identity(json.loads(text))
        except json.JSONDecodeError as error:
            raise CredentialsError(f"{self.path}: no JSON: {error}") from error
        except CredentialsError as error:
            raise CredentialsError(f"{self.path}: {error}") from error

    def version(self) -> tuple[int, int]:
        """Tell whether the file was written since: differs when it was."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return (0, 0)
        return (stat.st_ino, stat.st_mtime_ns)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Keep others from changing the file meanwhile."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def write(self, identity: Identity) -> None:
        """Put this in the file's place, whole."""
        users = [
            {"user": u.user, "fingerprint": u.fingerprint, "publicKey": u.public_key}
            for u in identity.users
        ]
        body = {"tenancy": identity.tenancy, "region": identity.region, "users": users}
        _write_whole(self.path, json.dumps(body, indent=2) + "\n")

    def add(self, identity: Identity, user: User) -> None:
        """Register the user, in place of what the same key had before."""
        others = (u for u in identity.users if u.fingerprint != user.fingerprint)
        self.write(replace(identity, users=(*others, user)))


@dataclass(frozen=True, slots=True)
class Profile:
    """What the SDK reads; `key_file` is the private key's absolute path."""

    user: str
    fingerprint: str
    tenancy: str
    region: str
    key_file: str


class ProfileFile:
    """One file of profiles, as `~/.oci/config`."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()

    def key_file(self, profile: str) -> Path:
        """Say where the profile's private key belongs: beside the file."""
        return self.path.parent / f"mooring-{profile}.pem"

    def read(self, profile: str) -> Profile | None:
        """Read one profile; None when the file has no such section."""
        if not PROFILE_NAME.fullmatch(profile):
            raise CredentialsError(
                f"profile: {profile!r} must match {PROFILE_NAME.pattern}"
            )
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(self.path)
        except (configparser.Error, OSError, UnicodeDecodeError) as error:
            raise CredentialsError(f"{self.path}: {error}") from error
        if not parser.has_section(profile) and (
            profile != parser.default_section or not parser.defaults()
        ):
            return None
        section = parser[profile]
        missing = [key for key in PROFILE_KEYS if not section.get(key)]
        if missing:
            raise CredentialsError(
                f"{self.path}: profile {profile} has no {', '.join(missing)}; "
                "complete it or choose another --profile"
            )
        return Profile(**{key: section[key] for key in PROFILE_KEYS})

    def append(self, name: str, profile: Profile) -> None:
        """Add the profile at the file's end; what stands there stays as it is."""
        try:
            before = self.path.read_text()
        except FileNotFoundError:
            before = ""
        gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
        lines = [f"[{name}]", *(f"{k}={getattr(profile, k)}" for k in PROFILE_KEYS)]
        _write_whole(self.path, before + gap + "\n".join(lines) + "\n")


def keep_private_key(path: Path, pem: str) -> None:
    """Write a private key that only its owner can read."""
    _write_whole(path, pem)


def read_private_key(path: Path) -> str | None:
    """Read a private key; None when there is none."""
    try:
        return path.expanduser().read_text()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(f"{path}: {error}") from error


def new_ocid(kind: str) -> str:
    """Draw a name for a tenancy or a user; neither lives in a region."""
    return mint(kind, "", secrets.token_bytes(32))


def _write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes it readable for the owner alone, before there is anything to read
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _identity(body: Any) -> Identity:
    tenancy, region = _text(body, "tenancy"), _text(body, "region")
    users = body.get("users")
    if not isinstance(users, list):
        raise CredentialsError("users: must be a list")
    return Identity(
        tenancy,
        region,
        tuple(
            User(_text(u, "user"), _text(u, "fingerprint"), _text(u, "publicKey"))
            for u in users
        ),
    )


def _text(body: Mapping[str, Any], field: str) -> str:
    if not isinstance(body, dict):
        raise CredentialsError("must be an object")
    value = body.get(field)
    if not isinstance(value, str) or not value:
        raise CredentialsError(f"{field}: must be a text that is not empty")
    return value
