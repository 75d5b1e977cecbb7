"""nft as a library, kept open in one namespace.

The nft program is this library and a `main`. Kept open, a script needs no process, and does not
wait at the end for the garbage of its transaction, which closing the library's socket does.
The library ends the whole program when memory is out or no socket is to be had; it is asked to
open one only after we could.
"""

import ctypes
from functools import cache
from threading import Lock

from mooring import setns

NAME = "libnftables.so.1"


class Library:
    """nft in one namespace; for any thread, one after another."""

    def __init__(self, library: ctypes.CDLL, fd: int) -> None:
        self._library = library
        self._one = Lock()
        with setns.inside(fd):
            self._context: int | None = library.nft_ctx_new(0)
        if not self._context:
            raise OSError(f"{NAME} gives no context")
        library.nft_ctx_buffer_output(self._context)
        library.nft_ctx_buffer_error(self._context)

    def close(self) -> None:
        """Let the namespace go; waits for the garbage of past transactions."""
        with self._one:
            context, self._context = self._context, None
            if context:
                self._library.nft_ctx_free(context)

    def run(self, script: str) -> str:
        """Carry out a script; give the words of its refusal, "" when it was carried out."""
        with self._one:
            code = self._library.nft_run_cmd_from_buffer(self._context, script.encode())
            self._library.nft_ctx_get_output_buffer(self._context)
            said: bytes = self._library.nft_ctx_get_error_buffer(self._context)
        if code == 0:
            return ""
        return said.decode(errors="replace").strip() or f"nft ended with {code}"


def opened(fd: int) -> Library | None:
    """Open the library in a namespace; None on a machine that has only the program."""
    library = _loaded()
    return None if library is None else Library(library, fd)


@cache
def _loaded() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(NAME)
    except OSError:
        return None
    context, text = ctypes.c_void_p, ctypes.c_char_p
    library.nft_ctx_new.argtypes = [ctypes.c_uint32]
    library.nft_ctx_new.restype = context
    library.nft_ctx_free.argtypes = [context]
    library.nft_ctx_free.restype = None
    for name in ("output", "error"):
        getattr(library, f"nft_ctx_buffer_{name}").argtypes = [context]
        shown = getattr(library, f"nft_ctx_get_{name}_buffer")
        shown.argtypes, shown.restype = [context], text
    library.nft_run_cmd_from_buffer.argtypes = [context, text]
    return library
