"""Whom to believe in TLS besides those whom the system believes: a cloud of one's own, the lab's.

The cloud's SDK and its HTTP library take one file, named by environment variables, in place of
their own; so one is made of the system's certificates and ours.
"""

import atexit
import os
import shutil
import ssl
import tempfile
from pathlib import Path

VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
SYSTEM = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
)


def believe(file: Path) -> Path | None:
    """Believe the certificates of a file too, from now on, in this process and what it starts.

    None when there is no such file; raise ValueError when it holds no certificates.
    """
    try:
        text = file.read_text()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: {error}") from None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"{file}: must be certificates as PEM ({error})") from None
    place = Path(tempfile.mkdtemp(prefix="mooring-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    bundle = place / "authorities.pem"
    bundle.write_text(_system() + "\n" + text)
    for name in VARIABLES:
        os.environ[name] = str(bundle)
    return bundle


def _system() -> str:
    named = [Path(os.environ[name]) for name in VARIABLES if os.environ.get(name)]
    return next((f.read_text() for f in (*named, *SYSTEM) if f.is_file()), "")
