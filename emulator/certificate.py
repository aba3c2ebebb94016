"""The box's throw-away certificate: one self-signed pair that serves ARM, Azurite and is its own trust root.

It knows how to make a certificate that Python's strict verification (3.13 sets VERIFY_X509_STRICT), aiohttp, requests
and node all accept, and where the pair lies. It refuses to know who serves with it: the emulator and Azurite share one
pair.
"""

import datetime as dt
import os
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = dt.timedelta(days=365)
MARGIN = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where the certificate and its private key lie, both PEM."""

    cert: Path
    key: Path


def ensure(directory: Path) -> Certificate:
    """The pair in `directory`, made anew where it is missing, unreadable or close to its end."""
    pair = Certificate(cert=directory / "cert.pem", key=directory / "key.pem")
    if not _usable(pair, dt.datetime.now(dt.UTC)):
        directory.mkdir(parents=True, exist_ok=True)
        _write(pair, dt.datetime.now(dt.UTC))
    return pair


def _usable(pair: Certificate, now: dt.datetime) -> bool:
    if not (pair.cert.exists() and pair.key.exists()):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(pair.cert.read_bytes())
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair.cert, pair.key)
    except (ValueError, ssl.SSLError):
        return False
    return certificate.not_valid_after_utc - MARGIN > now


def _write(pair: Certificate, now: dt.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(key, now)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # The two files replace the old ones whole, so that a process that starts at the same time never reads half a key.
    _replace(pair.key, pem, mode=0o600)
    _replace(pair.cert, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _replace(path: Path, content: bytes, *, mode: int) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=mode)
    draft.write_bytes(content)
    draft.replace(path)


def _sign(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Postern's box")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, hashes.SHA256())


def _usage() -> x509.KeyUsage:
    """A trust root may sign certificates, a server handshakes; strict verification asks for both."""
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
