"""Instance metadata, as an instance asks for it: who it is."""

import http.client
from urllib.parse import urlsplit

BASE = "http://169.254.169.254"
SECONDS = 5.0
MOST = 4096
HEADERS = {"Authorization": "Bearer Oracle"}
"""Without it the cloud's second version of the service says nothing."""


def instance(base: str = BASE) -> str:
    """Give this instance's OCID; OSError when nobody answers it, naming what was asked."""
    return _get(base, "/opc/v2/instance/id").strip()


def _get(base: str, path: str) -> str:
    place = urlsplit(base)
    asked = f"GET {base}{path}"
    connection = http.client.HTTPConnection(
        place.hostname or "", place.port or 80, timeout=SECONDS
    )
    try:
        connection.request("GET", path, headers=HEADERS)
        answer = connection.getresponse()
        text = answer.read(MOST).decode(errors="replace")
    except (OSError, http.client.HTTPException) as why:
        raise OSError(f"{asked}: {why}") from why
    finally:
        connection.close()
    if answer.status != 200:
        raise OSError(f"{asked}: HTTP {answer.status}: {text[:100]}")
    return text
