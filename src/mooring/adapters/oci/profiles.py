"""A profile of an OCI configuration file, looked at closely before it is used."""

import configparser
import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import oci
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from oci.exceptions import ClientError, ProfileNotFound
from oci.signer import load_private_key

from mooring.adapters.oci.words import MisconfiguredError, short
from mooring.core.npn import authentication as why


def exists(config: str, profile: str) -> bool:
    """Tell whether there is such a profile."""
    return profile in _profiles(config)


def settings(config: str, profile: str) -> dict[str, Any]:
    """Read the profile; raise MisconfiguredError when it cannot be used."""
    if not Path(config).is_file():
        raise MisconfiguredError(why.no_file(config, profile))
    where = f"profile {profile} of {config}"
    try:
        found: dict[str, Any] = oci.config.from_file(config, profile)
    except ProfileNotFound as error:
        words = why.no_profile(config, profile, _profiles(config))
        raise MisconfiguredError(words) from error
    except (ClientError, configparser.Error, OSError, ValueError) as error:
        words = _no_key(config, profile) or short(error)
        raise MisconfiguredError(f"{where}: {words}") from error
    if "key_file" in found:
        _check_key(where, found)
    return found


def _no_key(config: str, profile: str) -> str:
    """Say it shorter than the SDK when the key's file is not there."""
    key = _read(config).get(profile, "key_file", fallback="")
    if not key or Path(key).expanduser().exists():
        return ""
    return why.unreadable_key(key, "no such file")


def _read(config: str) -> configparser.ConfigParser:
    """Read what can be read; the SDK tells what is wrong with the rest."""
    parser = configparser.ConfigParser(interpolation=None)
    with suppress(configparser.Error, OSError, UnicodeDecodeError):
        parser.read(config)
    return parser


def _profiles(config: str) -> list[str]:
    parser = _read(config)
    return [*(["DEFAULT"] if parser.defaults() else []), *parser.sections()]


def _check_key(where: str, found: dict[str, Any]) -> None:
    """Find out now what the cloud would only call "not authenticated"."""
    path = Path(found["key_file"]).expanduser()
    try:
        key = load_private_key(path.read_bytes().strip(), found.get("pass_phrase"))
        public = key.public_key()
    except OSError as error:
        words = error.strerror or short(error)
        raise MisconfiguredError(
            f"{where}: {why.unreadable_key(str(path), words)}"
        ) from error
    except Exception as error:
        # The SDK's own errors, and those of the library that reads keys.
        words = why.unreadable_key(str(path), short(error))
        raise MisconfiguredError(f"{where}: {words}") from error
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    real = hashlib.md5(der, usedforsecurity=False).digest().hex(":")
    stated = str(found.get("fingerprint", ""))
    if stated.lower() != real:
        words = why.wrong_fingerprint(stated, real, str(path))
        raise MisconfiguredError(f"{where}: {words}")
