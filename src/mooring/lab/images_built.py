"""The images of a cluster in the lab, made of what is on this machine, kept beside its programs.

A layer is made once for the files that it consists of, as they stand: their names, sizes
and times. So a change of our own code makes one small layer anew.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mooring.adapters import rsa, x509
from mooring.adapters.buildcache import BuildCache
from mooring.adapters.host import Host
from mooring.adapters.process import Processes
from mooring.core.linux import image, imageset
from mooring.core.linux.image import Entry, Image
from mooring.core.linux.imageset import PLACE, STAGES, Stage
from mooring.lab import gathered
from mooring.lab.errors import LabError
from mooring.lab.gathered import Sources
from mooring.lab.programs_built import cache_root

KEPT = 2
IN_USE = 600.0
"""Of each image the newest are kept, and for so many seconds what a lab may be importing."""
SHELL = ("bash", "curl", "dig", "getent", "ip", "nc", "ss")
"""What upstream's specs call in agnhost; busybox answers to everything else."""
SOURCES = (gathered.__file__, image.__file__, imageset.__file__, __file__)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Layer:
    """Files of this machine, and some that are made up; `name` is for people."""

    name: str
    files: Sources = field(default_factory=dict)
    made: Mapping[str, Entry] = field(default_factory=dict)

    def key(self) -> str:
        """Name it by its files, without reading them."""
        stats = {place: path.stat() for place, path in self.files.items()}
        seen = [(p, s.st_mode, s.st_size, s.st_mtime_ns) for p, s in stats.items()]
        digest = hashlib.sha256(json.dumps([sorted(seen), sys.version]).encode())
        for entry in self.made.values():
            digest.update(repr(entry).encode())
        for path in SOURCES:
            digest.update(Path(path).read_bytes())
        return digest.hexdigest()[:16]

    def tar(self) -> bytes:
        """Read the files and write the layer."""
        everything = {**gathered.read(self.files), **self.made}
        return image.tar(imageset.tree(everything))


@dataclass(frozen=True, slots=True)
class Images:
    """Makes images; `say` is told what takes a while."""

    processes: Processes
    host: Host
    cache: BuildCache
    say: Callable[[str], None]

    @classmethod
    def usual(
        cls,
        processes: Processes,
        host: Host,
        environment: Mapping[str, str],
        say: Callable[[str], None],
    ) -> "Images":
        """Give what makes images in the user's cache."""
        return cls(processes, host, BuildCache(cache_root(environment) / "images"), say)

    def cluster(self, programs: Path) -> list[Path]:
        """Have the images that every cluster runs; give their files."""
        system = self._system()
        below = [system, *self._common(system)]
        return [
            self._pause(),
            self._stage("agent", [*below, self._agent(below, programs)]),
            self._stage("controller", [*below, self._controller(below)]),
        ]

    def suite(self, programs: Path) -> list[Path]:
        """Have the images that upstream's own tests ask for; give their files."""
        return [self._agnhost(programs), self._busybox()]

    # -- one by one

    def _pause(self) -> Path:
        built = gathered.PACKAGE / f"_native/pause-{self._machine()}"
        if not built.exists():
            raise LabError(f"there is no {built}", "make setup builds it")
        wish = Image(
            names=(imageset.PAUSE,), machine=self._machine(), entrypoint=("/pause",)
        )
        return self._made("pause", wish, [Layer("pause", {"pause": built})])

    def _agnhost(self, programs: Path) -> Path:
        shell = gathered.programs(self.host, self.processes, SHELL)
        tools = self._applets({Path(place).name for place in shell})
        tools["usr/bin/sh"] = Entry("usr/bin/sh", mode=0o777, link="bash")
        own = {
            "agnhost-2": Entry("agnhost-2", mode=0o777, link="agnhost"),
            "uploads": Entry("uploads"),
            **self._certificate(),
        }
        wish = Image(
            names=imageset.AGNHOST_NAMES,
            machine=self._machine(),
            entrypoint=("/agnhost",),
            command=("pause",),
        )
        layers = [
            Layer("shell", shell, {**imageset.skeleton(), **tools}),
            Layer("agnhost", {"agnhost": programs / "agnhost"}, own),
        ]
        return self._made("agnhost", wish, layers)

    def _busybox(self) -> Path:
        wish = Image(
            names=(imageset.BUSYBOX,), machine=self._machine(), command=("sh",)
        )
        tools = {**imageset.skeleton(), **self._applets(set())}
        return self._made("busybox", wish, [Layer("busybox", {}, tools)])

    def _applets(self, without: set[str]) -> dict[str, Entry]:
        (program,) = gathered.programs(self.host, self.processes, ["busybox"]).values()
        listed = self.processes.run([str(program), "--list"]).text.split()
        found = {"usr/bin/busybox": Entry("usr/bin/busybox", program.read_bytes())}
        for applet in sorted(set(listed) - without - {"busybox"}):
            place = f"usr/bin/{applet}"
            found[place] = Entry(place, mode=0o777, link="busybox")
        return found

    def _certificate(self) -> dict[str, Entry]:
        """Give agnhost's TLS servers what they look for at their root."""
        with self.cache.locked("localhost", _patient) as place:
            kept = place / "both.json"
            if not kept.exists():
                self.cache.write(kept, [json.dumps(_self_signed()).encode()])
            found = json.loads(kept.read_bytes())
        return {name: Entry(name, text.encode(), 0o644) for name, text in found.items()}

    # -- the stages of agent and controller

    def _system(self) -> Layer:
        bundle = gathered.CERTIFICATES
        if not bundle.exists():
            raise LabError(f"there is no {bundle}", "apt-get install ca-certificates")
        files = gathered.python(self.processes)
        files[imageset.inside(str(bundle))] = bundle
        main = imageset.MAIN[0].lstrip("/")
        program = imageset.inside(str(Path(sys.executable).resolve()))
        made = imageset.skeleton()
        if program != main:
            made[main] = Entry(main, mode=0o777, link=f"/{program}")
        return Layer("system", files, made)

    def _common(self, system: Layer) -> list[Layer]:
        lib = Layer("lib", _above(self._packages("common"), system))
        return [lib, Layer("app", gathered.ourselves(f"{PLACE.lstrip('/')}/app"))]

    def _agent(self, below: Sequence[Layer], programs: Path) -> Layer:
        stage = STAGES["agent"]
        files = gathered.programs(self.host, self.processes, stage.programs)
        files |= {
            f"{PLACE.lstrip('/')}/cni/{name}": programs / name for name in stage.chained
        }
        return Layer("agent", _above(files, *below))

    def _controller(self, below: Sequence[Layer]) -> Layer:
        return Layer("controller", _above(self._packages("controller"), *below))

    def _packages(self, name: str) -> Sources:
        """Find a stage's Python packages, and the libraries that compiled ones load."""
        stage = STAGES[name]
        files = gathered.packages(stage.lock, f"{PLACE.lstrip('/')}/{stage.folder}")
        own = frozenset(files.values())
        compiled = [path for path in files.values() if ".so" in path.suffixes]
        loaded = gathered.loaded(self.processes, compiled)
        return {**files, **{to: path for to, path in loaded.items() if path not in own}}

    def _stage(self, name: str, layers: Sequence[Layer]) -> Path:
        stage: Stage = STAGES[name]
        wish = Image(
            names=({"agent": imageset.AGENT, "controller": imageset.CONTROLLER}[name],),
            machine=self._machine(),
            entrypoint=imageset.MAIN,
            command=stage.command,
            environment=imageset.environment(name),
            user=stage.user,
        )
        return self._made(name, wish, layers)

    # -- keeping

    def _made(self, name: str, wish: Image, layers: Sequence[Layer]) -> Path:
        keys = [layer.key() for layer in layers]
        text = json.dumps([keys, asdict(wish)])
        key = hashlib.sha256(text.encode()).hexdigest()[:12]
        with self.cache.locked(name, self._waits) as place:
            target = place / f"{key}.tar"
            if target.exists():
                target.touch()
            else:
                self.say(f"making the image {wish.names[0]}")
                parts = [self._layer(*each) for each in zip(layers, keys, strict=True)]
                self.cache.write(target, image.layout(wish, parts))
                _prune(place)
        return target

    def _layer(self, layer: Layer, key: str) -> bytes:
        with self.cache.locked(f"layer-{layer.name}", self._waits) as place:
            target = place / f"{key}.tar"
            if target.exists():
                target.touch()
                return target.read_bytes()
            content = layer.tar()
            self.cache.write(target, [content])
            _prune(place)
            return content

    def _waits(self) -> None:
        self.say("somebody else is making the same image; waiting")

    def _machine(self) -> str:
        return self.host.system().machine


def _patient() -> None:
    """Wait without a word: what is waited for takes a moment."""


def _above(files: Sources, *lower: Layer) -> Sources:
    there = {place for layer in lower for place in layer.files}
    return {place: path for place, path in files.items() if place not in there}


def _prune(place: Path) -> None:
    times = {each: each.stat().st_mtime for each in place.glob("*.tar")}
    newest_first = sorted(times, key=lambda each: times[each], reverse=True)
    for old in newest_first[KEPT:]:
        if times[old] < time.time() - IN_USE:
            old.unlink()


def _self_signed() -> dict[str, str]:
    key = rsa.new_private_key()
    wish = x509.Wish(
        name="localhost",
        key=key,
        begins=NOW,
        ends=NOW + timedelta(days=36500),
        hosts=("localhost",),
    )
    return {"localhost.crt": x509.root(wish).pem, "localhost.key": key}
