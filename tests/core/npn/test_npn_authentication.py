"""Why somebody is not let in: cause and next step of each."""

from datetime import UTC, datetime, timedelta

import pytest

from mooring.core.npn import authentication as why
from mooring.core.npn.authentication import CONFIG, INSTANCE, WORKLOAD, chosen, skew

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("profile", "workload", "auth"),
    [
        (True, True, CONFIG),
        (False, True, WORKLOAD),
        (False, False, INSTANCE),
    ],
)
def test_auto_takes_what_is_there(profile: bool, workload: bool, auth: str) -> None:
    assert chosen(profile=profile, workload=workload) == auth


@pytest.mark.parametrize("seconds", [-4000, 4000])
def test_a_clock_that_is_off_is_the_cause(seconds: float) -> None:
    ahead = skew(NOW - timedelta(seconds=seconds), NOW)
    said = why.not_authenticated(CONFIG, "profile P of F", ahead)

    assert said == (
        f"the clock here is 4000 s {'ahead of' if seconds > 0 else 'behind'} the"
        " cloud's, which bears 300; next step: set it (NTP)"
    )


def test_with_a_right_clock_it_is_the_key_or_the_token() -> None:
    config = why.not_authenticated(CONFIG, "profile P of F", skew(None, NOW))
    token = why.not_authenticated(INSTANCE, "instance", 1.0)

    assert "does not know profile P of F; next step: upload" in config
    assert "the token of the instance was refused" in token


@pytest.mark.parametrize(
    "said",
    [
        why.no_file("f", "P"),
        why.no_profile("f", "P", []),
        why.no_profile("f", "P", ["DEFAULT", "B"]),
        why.unreadable_key("k", "Permission denied"),
        why.wrong_fingerprint("aa", "bb", "k"),
        why.metadata_away("m", "timed out"),
        why.federation_refused("e", 401, "NotAuthenticated"),
        why.federation_away("e", "refused"),
        why.no_service_account("t", "no such file"),
        why.no_cluster_service("h", "refused"),
        why.workload_refused("h", 403, "no"),
        why.workload_refused("h", 401, "no"),
        why.no_region(),
    ],
)
def test_every_cause_has_a_next_step(said: str) -> None:
    cause, _, step = said.partition("; next step: ")

    assert cause
    assert step
