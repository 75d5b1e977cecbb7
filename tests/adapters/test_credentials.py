"""Files of credentials: what is written is read again, by us and by the SDK."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.adapters.credentials import (
    IDENTITY,
    CredentialsError,
    Identity,
    IdentityFile,
    Profile,
    ProfileFile,
    User,
    keep_private_key,
    new_ocid,
    read_private_key,
)

ANN = User("ocid1.user.oc1..ann", "aa:bb", "-----BEGIN PUBLIC KEY-----\n")
BOB = User("ocid1.user.oc1..bob", "cc:dd", "-----BEGIN PUBLIC KEY-----\n")
HOME = Identity("ocid1.tenancy.oc1..t", "us-ashburn-1", (ANN,))


def a_profile(**changed: str) -> Profile:
    fields = {
        "user": ANN.user,
        "fingerprint": ANN.fingerprint,
        "tenancy": HOME.tenancy,
        "region": HOME.region,
        "key_file": "/keys/mine.pem",
    }
    return Profile(**(fields | changed))


def test_nobody_is_known_at_first(tmp_path: Path) -> None:
    file = IdentityFile(tmp_path)

    assert file.read() is None
    assert file.version() == (0, 0)


def test_an_identity_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = IdentityFile(tmp_path / "state")
    with file.change():
        file.write(HOME)

    assert file.read() == HOME
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_user_with_a_known_key_takes_the_place_of_the_first(tmp_path: Path) -> None:
    file = IdentityFile(tmp_path)
    file.add(HOME, BOB)
    again = User("ocid1.user.oc1..again", ANN.fingerprint, ANN.public_key)
    before = file.version()
    file.add(file.read() or HOME, again)

    identity = file.read()

    assert identity is not None
    assert identity.users == (BOB, again)
    assert file.version() != before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[]", "must be an object"),
        ("{}", "tenancy: must be a text that is not empty"),
        ('{"tenancy": 1}', "tenancy: must be a text"),
        ('{"tenancy": "t", "region": ""}', "region: must be a text"),
        ('{"tenancy": "t", "region": "r"}', "users: must be a list"),
        ('{"tenancy": "t", "region": "r", "users": [1]}', "must be an object"),
        ('{"tenancy": "t", "region": "r", "users": [{}]}', "user: must be a text"),
    ],
)
def test_a_broken_identity_is_named_with_field_and_rule(
    text: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / IDENTITY).write_text(text)

    with pytest.raises(CredentialsError, match=re.escape(words)) as refusal:
        IdentityFile(tmp_path).read()

    assert str(tmp_path / IDENTITY) in str(refusal.value)


@pytest.mark.parametrize(
    "spoil", [lambda p: p.mkdir(), lambda p: p.write_bytes(b"\xff")]
)
def test_an_identity_that_cannot_be_read_is_named(
    spoil: Callable[[Path], object], tmp_path: Path
) -> None:
    spoil(tmp_path / IDENTITY)

    with pytest.raises(CredentialsError, match=IDENTITY):
        IdentityFile(tmp_path).read()


@pytest.mark.parametrize(
    "before", ["", "[OTHER]\nuser=x\n", "# mine\n[OTHER]\nuser = x", "[DEFAULT]\n"]
)
def test_a_profile_is_added_and_the_rest_stays(before: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(before)
    file = ProfileFile(path)

    file.append("LOCAL", a_profile())

    assert path.read_text().startswith(before)
    assert file.read("LOCAL") == a_profile()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_profile_file_is_made_where_there_was_none(tmp_path: Path) -> None:
    file = ProfileFile(tmp_path / "deep" / "config")

    assert file.read("DEFAULT") is None
    file.append("DEFAULT", a_profile())

    assert file.read("DEFAULT") == a_profile()
    assert file.read("OTHER") is None


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "config"
    real.touch()
    link.symlink_to(real)

    ProfileFile(link).append("LOCAL", a_profile())

    assert link.is_symlink()
    assert "LOCAL" in real.read_text()


@pytest.mark.parametrize(
    ("text", "profile", "words"),
    [
        (
            "[A]\nuser=x\n",
            "A",
            "profile A has no fingerprint, tenancy, region, key_file",
        ),
        ("[A]\n", "A", "profile A has no user"),
        ("no section", "A", "no section headers"),
        ("", "a]b", "profile: 'a]b' must match"),
        ("", "", "profile: '' must match"),
    ],
)
def test_a_profile_that_cannot_be_used_is_named(
    text: str, profile: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(text)

    with pytest.raises(CredentialsError, match=re.escape(words)):
        ProfileFile(tmp_path / "config").read(profile)


def test_a_private_key_is_for_its_owner(tmp_path: Path) -> None:
    path = ProfileFile(tmp_path / "config").key_file("LOCAL")
    keep_private_key(path, "secret")

    assert path == tmp_path / "mooring-LOCAL.pem"
    assert read_private_key(path) == "secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_key_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_private_key(tmp_path / "none") is None
    with pytest.raises(CredentialsError, match="directory"):
        read_private_key(tmp_path)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(OSError, match="taken"):
        keep_private_key(tmp_path / "taken", "secret")

    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


def test_ocids_are_drawn_in_the_clouds_form() -> None:
    first, second = new_ocid("user"), new_ocid("user")

    assert first != second
    assert re.fullmatch(r"ocid1\.user\.oc1\.\.[a-z2-7]+", first)


def read_or_refused(read: Callable[[], object]) -> None:
    """Any content is either understood or refused in words; nothing else may happen."""
    with suppress(CredentialsError):
        read()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["tenancy", "region", "users", "user", "fingerprint"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_an_identity_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: object
) -> None:
    directory = tmp_path_factory.getbasetemp()
    (directory / IDENTITY).write_text(json.dumps(content))

    read_or_refused(IdentityFile(directory).read)


@given(st.binary(max_size=80))
def test_any_bytes_are_an_identity_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    directory = tmp_path_factory.getbasetemp()
    (directory / IDENTITY).write_bytes(content)

    read_or_refused(IdentityFile(directory).read)


lines = st.sampled_from(["[A]", "[DEFAULT]", "user=x", " user", "=", "[", "#", "%(x)s"])


@given(st.lists(lines | st.text(max_size=8)).map("\n".join))
def test_any_text_is_a_file_of_profiles_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "config"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))

    read_or_refused(lambda: ProfileFile(path).read("A"))
