"""A credential that a program prints, as a kubeconfig's `exec` says.

lightkube knows the older versions of this protocol only, without an end of the credential.
"""

import json
import os
import subprocess  # noqa: TID251 - the kubeconfig's own program, which nothing else starts
import threading
import time
from collections.abc import Generator
from datetime import UTC, datetime

import httpx2

from mooring.core.kube.errors import Unauthorized
from mooring.core.kube.kubeconfig import Access, Program
from mooring.core.net.fields import Field, Unreadable

PATIENCE = 60.0
EARLY = 10.0
"""Seconds before a credential's end from which a new one is asked for."""


class ProgramAuth(httpx2.Auth):
    """Asks the program when there is no token, when it ends, and when it is refused."""

    def __init__(self, program: Program, access: Access) -> None:
        self._program, self._access = program, access
        self._lock = threading.Lock()
        self._token, self._end = "", float("inf")

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response]:
        """Send with the token that is held; once more with a new one when it is refused."""
        token = self._held("")
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == httpx2.codes.UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {self._held(token)}"
            yield request

    def _held(self, refused: str) -> str:
        with self._lock:
            if self._token in ("", refused) or time.time() > self._end - EARLY:
                self._token, self._end = self._ask()
            return self._token

    def _ask(self) -> tuple[str, float]:
        printed = self._run()
        field = Field(f"{self._program.origin}.command's output", printed)
        try:
            status = field.at("status")
            return status.at("token").text(1 << 20), _end(status)
        except Unreadable as error:
            raise self._trouble(f"{error.field}: {error.rule}") from None

    def _run(self) -> object:
        program = self._program
        try:
            done = subprocess.run(
                [program.command, *program.arguments],
                env={**os.environ, **program.environment, **self._information()},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            hint = f"; {program.hint}" if program.hint else ""
            raise self._trouble(f"{error}{hint}") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()[-1000:]
            raise self._trouble(f"ended with {done.returncode}: {said}")
        try:
            return json.loads(done.stdout)
        except (ValueError, RecursionError):
            raise self._trouble("printed no JSON") from None

    def _information(self) -> dict[str, str]:
        spec: dict[str, object] = {"interactive": False}
        if self._program.wants_cluster:
            spec["cluster"] = {"server": self._access.server}
        document = {
            "apiVersion": self._program.version,
            "kind": "ExecCredential",
            "spec": spec,
        }
        return {"KUBERNETES_EXEC_INFO": json.dumps(document)}

    def _trouble(self, said: str) -> Unauthorized:
        return Unauthorized(f"{self._program.origin}: {self._program.command}", said)


def _end(status: Field) -> float:
    stamp = status.at("expirationTimestamp")
    if stamp.absent:
        return float("inf")
    try:
        told = datetime.fromisoformat(stamp.text())
    except ValueError:
        raise stamp.wrong("must be a time as 2026-11-21T10:00:00Z") from None
    return told.replace(tzinfo=told.tzinfo or UTC).timestamp()
