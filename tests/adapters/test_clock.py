"""The contract of clocks: the machine's and the fake one."""

import asyncio

import pytest
from fakes.clock import FakeClock

from mooring.adapters.clock import Clock

AnyClock = Clock | FakeClock


@pytest.fixture(params=[Clock, FakeClock])
def clock(request: pytest.FixtureRequest) -> AnyClock:
    made: AnyClock = request.param()
    return made


def test_time_never_goes_back(clock: AnyClock) -> None:
    readings = [clock.now() for _ in range(100)]

    assert readings == sorted(readings)


def test_sleep_passes_the_time(clock: AnyClock) -> None:
    before = clock.now()
    asyncio.run(clock.sleep(0.01))

    assert clock.now() >= before + 0.01


def test_the_calendar_knows_its_zone(clock: AnyClock) -> None:
    assert clock.wall().utcoffset() is not None


def test_a_boot_has_one_name(clock: AnyClock) -> None:
    assert clock.boot()
    assert clock.boot() == clock.boot()
