"""A cloud to drive in tests: pure `apply` and `settle` behind a clock that one turns.

cloud = Cloud()
vcn = cloud.post("/vcns", {"compartmentId": cloud.compartment, ...})
cloud.refused("/vcns", {}, 400, "MissingParameter")
"""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mooring.core.vcn.api.apply import apply, settle
from mooring.core.vcn.api.requests import Change, Outcome, Request
from mooring.core.vcn.iam.principal import Principal
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.world import World

START = datetime(2026, 7, 12, 10, 0, 0, tzinfo=UTC)
VERSION = "/20160918"
COMPARTMENT = "ocid1.compartment.oc1..aaaaaaaatest"
Json = Any


def placed(path: str) -> str:
    """Give a path with its version: that of core services, unless it begins with another."""
    return path if path[1:9].isdigit() else VERSION + path


class Cloud:
    """The world, its clock and its dice; remembers all changes like a journal."""

    def __init__(self, settings: Settings | None = None, seed: int = 1) -> None:
        self.world = World.empty(settings)
        self.now = START
        self.compartment = COMPARTMENT
        self.chance = random.Random(seed)
        self.changes: list[Change] = []
        self.principal = "ocid1.user.oc1..aaaaaaaatester"
        self.caller: Principal | None = None

    @property
    def domain(self) -> str:
        """The first availability domain."""
        return self.world.settings.availability_domains[0]

    def wait(self, seconds: float = 10) -> None:
        """Turn the clock on and let settle what then settles."""
        self.now += timedelta(seconds=seconds)
        self._keep(settle(self.world, self.now))

    def send(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Make a call a millisecond later; bytes go as they are, else as JSON."""
        self.now += timedelta(milliseconds=1)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(
            method=method,
            path=placed(path),
            query=query or {},
            headers=headers or {},
            body=b"" if body is None else raw,
            principal=self.caller.id if self.caller else self.principal,
            caller=self.caller,
            now=self.now,
            entropy=self.chance.randbytes(32),
        )
        outcome = apply(self.world, request)
        self._keep(outcome)
        return outcome

    def _keep(self, outcome: Outcome) -> None:
        self.world = outcome.world
        self.changes += outcome.changes

    # -- calls that must go well

    def ok(self, method: str, path: str, body: Json = None, **more: object) -> Json:
        """Make a call that is granted and give its JSON."""
        reply = self.send(method, path, body, **more).reply
        assert reply.status in (200, 202, 204), reply
        return json.loads(reply.body) if reply.body else None

    def post(self, path: str, body: Json = None, **more: object) -> Json:
        return self.ok("POST", path, body, **more)

    def get(self, path: str, **query: str) -> Json:
        return self.ok("GET", path, query=query)

    def put(self, path: str, body: Json, **more: object) -> Json:
        return self.ok("PUT", path, body, **more)

    def delete(self, path: str, **more: object) -> None:
        self.ok("DELETE", path, **more)

    def refused(
        self, method: str, path: str, body: Json = None, **more: object
    ) -> Json:
        """Make a call that is refused: give code and message; nothing has changed."""
        before = self.world
        outcome = self.send(method, path, body, **more)
        assert outcome.reply.status >= 400, outcome.reply
        assert outcome.world is before
        assert outcome.changes == ()
        error = json.loads(outcome.reply.body)
        assert set(error) == {"code", "message"}
        return outcome.reply.status, error["code"], error["message"]

    # -- what most tests begin with

    def vcn(self, cidr: str = "10.0.0.0/16", **more: object) -> Json:
        body = {"compartmentId": self.compartment, "cidrBlock": cidr, **more}
        return self.post("/vcns", body)

    def subnet(self, vcn: Json, *cidrs: str, **more: object) -> Json:
        body = {
            "compartmentId": self.compartment,
            "vcnId": vcn["id"],
            "ipv4CidrBlocks": list(cidrs or ("10.0.1.0/24",)),
            "prohibitPublicIpOnVnic": True,
            **more,
        }
        return self.post("/subnets", body)

    def nsg(self, vcn: Json, **more: object) -> Json:
        body = {"compartmentId": self.compartment, "vcnId": vcn["id"], **more}
        return self.post("/networkSecurityGroups", body)

    def launch_body(self, subnet: Json, **more: object) -> Json:
        return {
            "compartmentId": self.compartment,
            "availabilityDomain": self.domain,
            "shape": "VM.Standard.E4.Flex",
            "shapeConfig": {"ocpus": 4},
            "createVnicDetails": {"subnetId": subnet["id"]},
            **more,
        }

    def instance(self, subnet: Json, **more: object) -> Json:
        """Launch an instance and wait until it runs."""
        made = self.post("/instances", self.launch_body(subnet, **more))
        self.wait()
        return self.get(f"/instances/{made['id']}")

    def attach(self, instance: Json, subnet: Json, **details: object) -> Json:
        """Attach a VNIC, wait, and give the VNIC."""
        made = self.post(
            "/vnicAttachments",
            {
                "instanceId": instance["id"],
                "createVnicDetails": {"subnetId": subnet["id"], **details},
            },
        )
        self.wait()
        attachment = self.get(f"/vnicAttachments/{made['id']}")
        return self.get(f"/vnics/{attachment['vnicId']}")

    def primary(self, instance: Json) -> Json:
        """Give an instance's primary VNIC."""
        for attachment in self.world.attachments_of(instance["id"]):
            if attachment.slot == 0:
                return self.get(f"/vnics/{attachment.vnic_id}")
        raise AssertionError("no primary VNIC")

    def ip(self, vnic: Json, **more: object) -> Json:
        return self.post("/privateIps", {"vnicId": vnic["id"], **more})
