"""The calls of the official SDK, read from its source: names, methods and paths."""

import inspect
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from oci.core import (
    BlockstorageClient,
    ComputeClient,
    ComputeManagementClient,
    VirtualNetworkClient,
)
from oci.identity import IdentityClient
from oci.limits import LimitsClient, QuotasClient
from oci.work_requests import WorkRequestClient

CLIENTS: tuple[type, ...] = (
    VirtualNetworkClient,
    ComputeClient,
    IdentityClient,
    WorkRequestClient,
    BlockstorageClient,
    ComputeManagementClient,
    LimitsClient,
    QuotasClient,
)
# Two services have a call of this name.
_RENAMED = {("LimitsClient", "list_services"): "ListLimitServices"}
_METHOD = re.compile(r"^    def ([a-z]\w*)\(self", re.MULTILINE)
_PATH = re.compile(r'resource_path = "([^"]+)"')
_PARAMETER = re.compile(r"\{(\w+)\}")
_VERB = re.compile(r'method = "([^"]+)"')
_BODY = re.compile(r":param oci\.(\w+)\.models\.(\w+) ")
_QUERY = re.compile(r"query_params = \{(.*?)\n        \}", re.DOTALL)
_KEY = re.compile(r'^\s+"(\w+)":', re.MULTILINE)
_RESPONSE = re.compile(r'response_type="([^"]+)"')


class SdkCall(NamedTuple):
    """A client's method, the operation that it is, and the HTTP request that it makes.

    `parameters` stand in the path, those of `query` behind it; `body` is the model of what it sends, `response`
    what the SDK makes of the answer; "" for nothing.
    """

    client: str
    function: str
    method: str
    path: str
    parameters: tuple[str, ...]
    query: tuple[str, ...]
    body: str
    response: str

    @property
    def name(self) -> str:
        """The operation's name as the API's reference spells it, but for acronyms."""
        words = self.function.split("_")
        name = "".join(w[:1].upper() + w[1:] for w in words)
        return _RENAMED.get((self.client, self.function), name)


def bare(path: str) -> str:
    """Give a path whatever its parameters are called."""
    return re.sub(r"\{[^}]+\}", "{id}", path)


@cache
def calls() -> dict[str, SdkCall]:
    """Give all calls by `Client.method`."""
    found = {}
    for client in CLIENTS:
        text = Path(inspect.getfile(client)).read_text()
        heads = list(_METHOD.finditer(text))
        ends = [head.start() for head in heads[1:]] + [len(text)]
        for head, end in zip(heads, ends, strict=True):
            source = text[head.start() : end]
            path, verb = _PATH.search(source), _VERB.search(source)
            if path is not None and verb is not None:
                body, response = _BODY.search(source), _RESPONSE.search(source)
                query = _QUERY.search(source)
                call = SdkCall(
                    client.__name__,
                    head[1],
                    verb[1],
                    bare(path[1]),
                    tuple(_PARAMETER.findall(path[1])),
                    tuple(_KEY.findall(query[1])) if query else (),
                    body[2] if body else "",
                    response[1] if response else "",
                )
                found[f"{call.client}.{call.function}"] = call
    return found
