"""`mooring vcn init`: a profile that the official SDK reads as it is; twice is once."""

from dataclasses import replace
from pathlib import Path

import oci
import pytest

from mooring.adapters.credentials import CredentialsError, IdentityFile
from mooring.localvcn.enrol import Enrolment, enrol


def a_wish(tmp_path: Path, profile: str = "DEFAULT") -> Enrolment:
    return Enrolment(tmp_path / "state", tmp_path / "config", profile, "us-ashburn-1")


def test_the_sdk_accepts_the_profile(tmp_path: Path) -> None:
    made = enrol(a_wish(tmp_path))

    config = oci.config.from_file(str(tmp_path / "config"))
    oci.config.validate_config(config)
    oci.signer.Signer.from_config(config)
    assert (config["user"], config["tenancy"]) == (made.user, made.tenancy)
    assert config["region"] == "us-ashburn-1"


def test_the_state_knows_the_user_by_the_public_key_only(tmp_path: Path) -> None:
    made = enrol(a_wish(tmp_path))

    identity = IdentityFile(tmp_path / "state").read()
    assert identity is not None
    assert identity.tenancy == made.tenancy
    assert [(u.user, u.fingerprint) for u in identity.users] == [
        (made.user, made.fingerprint)
    ]
    for file in (tmp_path / "state").iterdir():
        assert "PRIVATE" not in file.read_text()


def test_init_again_keeps_what_is_there(tmp_path: Path) -> None:
    first = enrol(a_wish(tmp_path))
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    second = enrol(replace(a_wish(tmp_path), region="eu-frankfurt-1"))

    assert second == first
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_second_profile_is_a_second_user_of_the_tenancy(tmp_path: Path) -> None:
    first, second = enrol(a_wish(tmp_path)), enrol(a_wish(tmp_path, "OTHER"))

    assert first.tenancy == second.tenancy
    assert first.user != second.user
    assert enrol(a_wish(tmp_path)) == first


def test_a_run_cut_short_is_finished_by_the_next(tmp_path: Path) -> None:
    made = enrol(a_wish(tmp_path))
    (tmp_path / "config").unlink()

    assert enrol(a_wish(tmp_path)) == made


def test_a_profile_of_the_real_cloud_is_left_alone(tmp_path: Path) -> None:
    theirs = (
        "[DEFAULT]\nuser=ocid1.user.oc1..me\nfingerprint=aa\nregion=eu-zurich-1\n"
        "tenancy=ocid1.tenancy.oc1..mine\nkey_file=~/.oci/key.pem\n"
    )
    (tmp_path / "config").write_text(theirs)

    with pytest.raises(CredentialsError, match=r"belongs to tenancy .*mine"):
        enrol(a_wish(tmp_path))

    assert (tmp_path / "config").read_text() == theirs
    assert enrol(a_wish(tmp_path, "LOCAL")).user != "ocid1.user.oc1..me"
    assert (tmp_path / "config").read_text().startswith(theirs)


def test_a_profile_whose_key_is_gone_is_named(tmp_path: Path) -> None:
    made = enrol(a_wish(tmp_path))
    Path(made.key_file).unlink()

    with pytest.raises(CredentialsError, match="is gone"):
        enrol(a_wish(tmp_path))


def test_a_key_file_that_is_no_key_is_named_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mooring-DEFAULT.pem").write_text("my notes")

    with pytest.raises(CredentialsError, match=r"mooring-DEFAULT\.pem: no private key"):
        enrol(a_wish(tmp_path))

    assert (tmp_path / "mooring-DEFAULT.pem").read_text() == "my notes"
