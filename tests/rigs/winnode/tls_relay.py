#!/usr/bin/env python3
"""tls_relay.py DIRECTORY LISTEN TO DIAL: the TLS of a node that can't do its own, with the node's certificate from DIRECTORY.

Connections to port LISTEN prove with a certificate that they come from a node of the cluster; they go on to port TO of loopback, after
their certificate (its length in four octets, then DER). Connections to port DIAL of loopback begin with a line "NODE HOST:PORT"; they
go on there, once the one that answers has proved to be that node.
"""
import asyncio
import os
import ssl
import struct
import sys

directory, listen, to, dial = sys.argv[1], *map(int, sys.argv[2:])


def context(side):
    tls = ssl.SSLContext(side)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(os.path.join(directory, "ca.crt"))
    tls.load_cert_chain(os.path.join(directory, "node.crt"), os.path.join(directory, "node.key"))
    tls.set_alpn_protocols(["h2"])
    return tls


server_side, client_side = context(ssl.PROTOCOL_TLS_SERVER), context(ssl.PROTOCOL_TLS_CLIENT)


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def join(one, other):
    await asyncio.gather(copy(one[0], other[1]), copy(other[0], one[1]))


async def come_in(reader, writer):
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    try:
        local = await asyncio.open_connection("127.0.0.1", to)
    except OSError as error:
        print(f"to this node: {error}", file=sys.stderr, flush=True)
        writer.close()
        return
    local[1].write(struct.pack(">I", len(certificate)) + certificate)
    await join((reader, writer), local)


async def go_out(reader, writer):
    node, address = (await reader.readline()).decode().split()
    host, port = address.rsplit(":", 1)
    try:
        remote = await asyncio.open_connection(host, int(port), ssl=client_side, server_hostname=node)
    except OSError as error:
        print(f"to {node} at {address}: {error}", file=sys.stderr, flush=True)
        writer.close()
        return
    await join((reader, writer), remote)


async def main():
    servers = [
        await asyncio.start_server(come_in, "0.0.0.0", listen, ssl=server_side),
        await asyncio.start_server(go_out, "127.0.0.1", dial),
    ]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
