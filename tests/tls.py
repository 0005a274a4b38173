"""What stands before a Jupyter server on a hub: a proxy that speaks TLS to browsers.

It passes bytes on as they are, so that the server sees the Host and the Origin that the
browser wrote. Its certificate is its own word.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CHUNK = 65536


def make_context(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context, and the file of the certificate that clients may trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    trusted, private = directory / "certificate.pem", directory / "key.pem"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted


@contextlib.contextmanager
def proxy(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """Stand before a port of this machine, on a thread; yields the port with TLS."""
    with ThreadPoolExecutor(1) as thread:
        started: Future[tuple[int, Callable[[], object]]] = Future()
        serving = thread.submit(asyncio.run, _serve(port, context, started))
        outer, stop = started.result(10)
        yield outer
        stop()
        serving.result(10)


async def _serve(
    port: int,
    context: ssl.SSLContext,
    started: Future[tuple[int, Callable[[], object]]],
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    writers: set[asyncio.StreamWriter] = set()
    handling: set[asyncio.Future[tuple[None, None]]] = set()

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        writers.update((writer, inner_writer))
        both = asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        handling.add(both)
        await both

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    outer = server.sockets[0].getsockname()[1]
    started.set_result((outer, partial(loop.call_soon_threadsafe, stop.set)))
    await stop.wait()
    server.close()
    for writer in writers:
        writer.transport.abort()
    await asyncio.gather(*handling)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One way, until there is no more; then the other end is told."""
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
