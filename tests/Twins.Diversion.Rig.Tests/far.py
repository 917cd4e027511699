"""The other machine: echoes on port 7001, and does on port 7002 what a line tells it:
`echo ADDRESS PORT OCTETS`: connects there, sends so much, compares what comes back;
`count ADDRESS PORT FIRST COUNT`: sends so many datagrams, numbered from FIRST. Answers `ok`, or the error's name.
"""
import hashlib
import socket
import socketserver
import threading


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Agent(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            verb, address, port, *numbers = line.decode().split()
            answer = {"echo": talk, "count": count}[verb](address, int(port), *map(int, numbers))
            self.wfile.write((answer + "\n").encode())


def talk(address, port, octets):
    data = hashlib.shake_128(b"twins").digest(octets)
    try:
        with socket.create_connection((address, port), timeout=3) as connection:
            connection.settimeout(20)
            sender = threading.Thread(target=connection.sendall, args=(data,))
            sender.start()
            got = bytearray()
            while len(got) < octets and (part := connection.recv(65536)):
                got += part
            sender.join()
            return "ok" if bytes(got) == data else f"other octets: {len(got)} of {octets}"
    except OSError as error:
        return type(error).__name__


def count(address, port, first, many):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(first, first + many):
            sender.sendto(number.to_bytes(4, "big"), (address, port))
    return "ok"


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


for port, handler in ((7001, Echo), (7002, Agent)):
    threading.Thread(target=Server(("10.211.0.2", port), handler).serve_forever).start()
print("ready", flush=True)
