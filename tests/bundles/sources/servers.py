"""Real servers for tests of sources, each a process on loopback: nginx, a registry, S3, a bad one.

A server that is not installed skips the tests that need it, which fails a run in CI.
"""

from __future__ import annotations

import contextlib
import datetime
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.request import Request, urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

START_S_MAX: Final = 60.0
_BINARY: Final = {"Content-Type": "application/octet-stream"}
_NGINX: Final = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; default_type application/octet-stream;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
    server {{ listen 127.0.0.1:{http}; root {folder}/files; }}
    server {{
        listen 127.0.0.1:{https} ssl; root {folder}/files;
        location = /to-http {{ return 302 http://localhost:{http}/bundle; }}
        location /v2/ {{ return 302 http://localhost:{http}/bundle; }}
        location = /secret {{ if ($http_authorization != "Bearer s3cret") {{ return 401; }} }}
    }}
    server {{
        listen 127.0.0.1:{mutual} ssl; root {folder}/files;
        ssl_client_certificate {folder}/ca.pem; ssl_verify_client on;
    }}
}}
"""
_REGISTRY: Final = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/store}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def program(name: str) -> str:
    """The path of an installed server; without it the test is skipped."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        pytest.skip(f"needs {name}: apt-get install {name}")
    return found


@contextlib.contextmanager
def running(command: Sequence[str], *ports: int) -> Iterator[subprocess.Popen[str]]:
    """A process, once it listens on ``ports``; ended afterwards."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for port in ports:
                wait_for(port, process)
            yield process
        finally:
            process.kill()


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, f"ended with {process.returncode}: {process.args!r}"
        time.sleep(0.05)
    pytest.fail(f"does not listen on {port}: {process.args!r}")


@contextlib.contextmanager
def bad_server() -> Iterator[str]:
    """The address of the server that misbehaves: ``127.0.0.1:PORT``."""
    script = str(Path(__file__).with_name("badserver.py"))
    with running([sys.executable, script]) as process:
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"


class Nginx:
    """``files`` is what it serves; three ports: plain, TLS, and TLS with a client certificate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "files"
        self.ca = str(folder / "ca.pem")
        self.http, self.https, self.mutual = free_port(), free_port(), free_port()


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[Nginx]:
    server = Nginx(folder)
    server.files.mkdir()
    # Started as root, it gives its rights up to somebody who must be able to read these.
    folder.chmod(0o755)
    write_certificates(folder)
    settings = folder / "nginx.conf"
    ports = {"http": server.http, "https": server.https, "mutual": server.mutual}
    settings.write_text(_NGINX.format(folder=folder, **ports))
    with running(
        [program("nginx"), "-e", str(folder / "error.log"), "-c", str(settings)], *ports.values()
    ):
        yield server


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """The address of a registry that keeps its blobs below ``folder``: ``127.0.0.1:PORT``."""
    port = free_port()
    settings = folder / "registry.yml"
    settings.write_text(_REGISTRY.format(folder=folder, port=port))
    with running([program("docker-registry"), "serve", str(settings)], port):
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """The URL of an S3-compatible server."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port):
        yield f"http://127.0.0.1:{port}"


def make_bucket(url: str, name: str) -> None:
    _send("PUT", f"{url}/{name}", b"")


def put_object(url: str, bucket: str, key: str, data: bytes) -> None:
    _send("PUT", f"{url}/{bucket}/{key}", data)


def _send(method: str, url: str, data: bytes) -> None:
    request = Request(url, data, _BINARY, method=method)  # noqa: S310 - a server of these tests
    with urlopen(request, timeout=START_S_MAX) as answer:  # noqa: S310 - as above
        assert answer.status == HTTPStatus.OK


def write_certificates(folder: Path) -> None:
    """An authority, a server named `localhost` (and not `127.0.0.1`), a client, and a stranger."""
    authority = _issue(folder, "ca", None)
    _issue(folder, "stranger", None)
    _issue(folder, "server", authority)
    _issue(folder, "client", authority)


def _issue(
    folder: Path, name: str, authority: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None
) -> tuple[x509.Name, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = authority or (subject, key)
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost")]
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority is None,
        crl_sign=authority is None,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(usage, critical=True)
        .sign(signer, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return subject, key
