"""How a user comes to the local VCN: a key pair, a place in the register, a profile.

Each step is kept as soon as it is done and found again by the next run: key file, then
register, then profile. Whoever runs it twice has what the first run made.
"""

from dataclasses import dataclass
from pathlib import Path

from mooring.adapters import credentials, rsa
from mooring.adapters.credentials import (
    CredentialsError,
    Identity,
    IdentityFile,
    Profile,
    ProfileFile,
    User,
)

# By this last line the command line knows that the key was meant for the API; without it, it warns.
LABEL = "OCI_API_KEY\n"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What `init` was asked for."""

    state: Path
    config: Path
    profile: str
    region: str


def enrol(wish: Enrolment) -> Profile:
    """Give the profile that may call the VCN of this state directory."""
    register, profiles = IdentityFile(wish.state), ProfileFile(wish.config)
    with register.change():
        existing = profiles.read(wish.profile)
        identity = register.read()
        if identity is None:
            identity = Identity(credentials.new_ocid("tenancy"), wish.region)
        if existing:
            return _kept(existing, identity, profiles, wish)
        key_file = profiles.key_file(wish.profile)
        key = _key(key_file)
        user = next(
            (u for u in identity.users if u.fingerprint == key.fingerprint),
            User(credentials.new_ocid("user"), key.fingerprint, key.pem),
        )
        register.add(identity, user)
        profile = Profile(
            user=user.user,
            fingerprint=user.fingerprint,
            tenancy=identity.tenancy,
            region=identity.region,
            key_file=str(key_file),
        )
        profiles.append(wish.profile, profile)
        return profile


def _kept(
    existing: Profile, identity: Identity, profiles: ProfileFile, wish: Enrolment
) -> Profile:
    """Take a profile as it is when it is one of this state's, or say whose it is."""
    known = any(
        (user.user, user.fingerprint) == (existing.user, existing.fingerprint)
        for user in identity.users
    )
    if existing.tenancy == identity.tenancy and known:
        if credentials.read_private_key(Path(existing.key_file)) is None:
            raise CredentialsError(
                f"{profiles.path}: profile {wish.profile}: key_file "
                f"{existing.key_file} is gone; bring it back or choose another "
                "--profile"
            )
        return existing
    raise CredentialsError(
        f"{profiles.path}: profile {wish.profile} belongs to tenancy "
        f"{existing.tenancy}, which is not that of {wish.state}; it was left as it is. "
        "Choose another --profile or --config"
    )


def _key(path: Path) -> rsa.PublicKey:
    pem = credentials.read_private_key(path)
    if pem is None:
        pem = rsa.new_private_key()
        credentials.keep_private_key(path, pem + LABEL)
    try:
        return rsa.public_half(pem)
    except rsa.UnreadableKeyError as error:
        raise CredentialsError(f"{path}: {error}; move it away") from error
