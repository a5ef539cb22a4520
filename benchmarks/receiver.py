"""A loopback receiver that accepts whatever is posted, as OTLP's and Roark's servers would: `receiver.py [PORT]`.

It prints its port. Reading a request and answering it is all it does, so that it takes little of the machine.
"""

from __future__ import annotations

import asyncio
import sys

_BODY = b'{"data":{"id":"01234567-89ab-cdef-0123-456789abcdef","status":"ok"}}'
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"transfer-encoding: chunked" in head:
                await _chunks(reader)
            elif b"content-length:" in head:
                await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
            writer.write(_ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _chunks(reader: asyncio.StreamReader) -> None:
    while (size := int(await reader.readline(), 16)) > 0:
        await reader.readexactly(size + 2)
    await reader.readline()


async def main(port: int) -> None:
    """Serves until it is killed."""
    server = await asyncio.start_server(_serve, "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
