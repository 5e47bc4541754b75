"""Keys for DKIM: made, kept in a file that only its owner reads, and published as a DNS record (RFC 6376 §3.6.1).

What is not here: signing (dkim).
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from digest.errors import UsageError

BITS = 2048
"""Of a new key. RFC 8301 §3.2: at least 1024, should be 2048; longer ones do not fit into every DNS answer."""
_MOST_BITS = 4096  # what every verifier must manage (RFC 8301 §3.2)
_TXT_MAX = 255  # octets of one string of a TXT record (RFC 1035 §3.3)


def read_key(file: Path) -> RSAPrivateKey:
    """The private key in `file` (PEM). Raises UsageError in words that end "must be ..."."""
    try:
        pem = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}); `digest dkim-key` makes one") from None
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise UsageError(f"{file} is protected by a password; it must be a key without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"{file} holds no private key; it must be a PEM file as `digest dkim-key` makes it") from None
    if not isinstance(key, RSAPrivateKey):
        raise UsageError(f"{file} holds a key of another kind; it must be an RSA key, which every receiver can read")
    if not BITS <= key.key_size <= _MOST_BITS:
        raise UsageError(
            f"{file} holds an RSA key of {key.key_size} bits; it must have {BITS} to {_MOST_BITS}: receivers distrust "
            "shorter ones and need not read longer ones"
        )
    return key


def make_key(file: Path) -> RSAPrivateKey:
    """Make an RSA key and keep it in `file`, which only its owner may read.

    Raises UsageError if there is such a file, or no folder for it: a mistyped path must not hide a key.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        # O_EXCL: a key that signs today's mail must never be lost to a second call.
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(pem)
    except FileExistsError:
        raise UsageError(_in_the_way(file)) from None
    except FileNotFoundError:
        raise UsageError(f"there is no folder {file.parent}: make it first, or name another file with --out") from None
    except OSError as error:
        raise UsageError(f"the key cannot be written to {file}: {error.strerror}") from None
    return key


def _in_the_way(file: Path) -> str:
    if file.is_dir():
        return f"{file} is a folder: name a file in it with --out"
    return f"{file} exists already and is left as it is; name another file with --out"


def record(key: RSAPrivateKey) -> str:
    """The value of the TXT record at SELECTOR._domainkey.DOMAIN."""
    raw = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(raw).decode('ascii')}"


def txt_strings(value: str) -> list[str]:
    """A TXT record's value in strings of at most 255 octets; receivers join them without a blank."""
    return [value[at : at + _TXT_MAX] for at in range(0, len(value), _TXT_MAX)]
