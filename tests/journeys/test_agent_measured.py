"""What the agent tells of its own work: lines of the log, and metrics."""

import asyncio
import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from journeys.agent_fakes import NAME, Fuse, Machine, play

from mooring.agent.meter import Meter
from mooring.agent.run import Settings
from mooring.cli.agent.log import Log

TAKES = {"disk append": 0.001, "kernel make": 0.002, "nft elements": 0.004}
FACTS = 8
STEPS = {"look": 0.0, "save": 0.001, "cables": 0.002 * FACTS, "send": 0.004}
STEPS["done"] = 0.001
WHOLE = sum(STEPS.values())


class Slow(Fuse):
    """Lets every step that changes something take its time."""

    machine: Machine | None = None

    def burn(self, what: str = "", _about: object = None) -> None:
        if self.machine is not None:
            self.machine.clock.forward(TAKES.get(what, 0.0))


@dataclass
class Measured(Machine):
    """A machine whose agent speaks to the program's own log, which its metrics hear."""

    log: Log = field(default_factory=Log)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.meter = Meter(self.agent, self.clock, lambda: "")
        self.log.hear = self.meter.hear

    def say(self, verb: str, /, **keys: object) -> None:
        super().say(verb, **keys)
        self.log(verb, **keys)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.meter.registry.get_sample_value(f"mooring_agent_{name}", labels)


def told(capsys: pytest.CaptureFixture[str], verb: str) -> list[dict[str, str]]:
    lines = [shlex.split(line) for line in capsys.readouterr().err.splitlines()]
    return [
        dict(word.split("=", 1) for word in words)
        for _, said, *words in lines
        if said == verb
    ]


def test_each_step_of_an_add_is_in_one_line_and_in_the_histogram(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        fuse = Slow()
        machine = Measured(Settings(npn=NAME), fuse=fuse)
        await machine.start()
        fuse.machine = machine
        for number in range(3):
            await machine.run_pod(f"c{number}")
        machine.log.flush()

        lines = told(capsys, "added")
        assert len(lines) == 3
        for line in lines:
            times = {key: float(line[key]) / 1000 for key in ("ms", *STEPS)}
            assert times == pytest.approx({"ms": WHOLE, **STEPS}, abs=1e-5)
        for step, took in {"whole": WHOLE, **STEPS}.items():
            assert machine.sample("add_seconds_count", step=step) == 3
            total = machine.sample("add_seconds_sum", step=step)
            assert total == pytest.approx(3 * took, abs=1e-5)
        (family,) = (
            each
            for each in machine.meter.registry.collect()
            if each.name == "mooring_agent_add_seconds"
        )
        steps = {sample.labels["step"] for sample in family.samples}
        assert steps == {"whole", *STEPS}

    play(story())


def test_dels_refusals_and_events_are_counted() -> None:
    async def story() -> None:
        machine = Measured(Settings(npn=NAME))
        await machine.start()
        pods = [await machine.run_pod(f"c{number}") for number in range(4)]
        await machine.refused("ADD", machine.a_pod("more"))
        for pod in pods:
            await machine.delete(pod)
        machine.log.flush()

        assert machine.sample("del_seconds_count") == 4
        assert machine.sample("refused_total", command="ADD", code="11") == 1
        for event, times in (("added", 4), ("deleted", 4), ("refused", 1)):
            assert machine.sample("events_total", event=event) == times

    play(story())


def test_a_full_node_under_churn_has_a_line_a_minute_and_counts_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        clock = Measured(Settings(npn=NAME)).clock
        machine = Measured(Settings(npn=NAME), log=Log(clock.wall))
        await machine.start()
        for number in range(64):
            pod = await machine.run_pod(f"c{number}")
            await machine.delete(pod)
            machine.end(pod)
            await machine.agent.reaper.reap()
            clock.forward(3)  # the log's; for the agent time stands still
            if number == 40:
                clock.step_wall(-3600)
        machine.log.end()

        # The first four had addresses that never rested. A step back is no reason to be silent.
        lines = told(capsys, "reused-early")
        assert [line.get("times") for line in lines] == [None, "20", "17", "20", "2"]
        assert machine.sample("events_total", event="reused-early") == 60
        assert machine.agent.book.early == 60

    play(story())


def test_what_got_no_line_has_one_when_the_while_is_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    heard: list[dict[str, str]] = []

    async def story() -> None:
        log = Log(lambda: datetime(2026, 11, 21, tzinfo=UTC), timedelta(seconds=0.01))
        for pod in ("one", "two", "three"):
            log("reused-early", pod=pod)
        while len(heard) < 2:
            await asyncio.sleep(0.005)
            heard.extend(told(capsys, "reused-early"))
        log.end()
        heard.extend(told(capsys, "reused-early"))

    play(story())
    assert heard == [{"pod": "one"}, {"pod": "three", "times": "2"}]


def test_what_is_held_back_is_written_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        log = Log()
        for pod in ("one", "two"):
            log("reused-early", pod=pod)
        log.end()

    play(story())
    assert told(capsys, "reused-early") == [{"pod": "one"}, {"pod": "two"}]


def test_the_line_of_another_verb_is_never_held_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story() -> None:
        log = Log()
        for _ in range(3):
            log("refused", code=11)
        await asyncio.sleep(0)
        log.flush()

    play(story())
    assert len(told(capsys, "refused")) == 3
