"""A stream that says whether it arrived: `echo.py server ADDRESS PORT` sends back what comes, for one
connection after the other; `echo.py client ADDRESS PORT MEGABYTES [PID]` compares, and kills PID half-way."""
import hashlib, os, signal, socket, sys, threading


def serve(address, port):
    listener = socket.create_server((address, port))
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def echo(connection):
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)


def send(connection, block, count):
    for _ in range(count):
        connection.sendall(block)
    connection.shutdown(socket.SHUT_WR)


def compare(address, port, megabytes, victim):
    block = hashlib.shake_256(b"twins").digest(1 << 20)
    connection = socket.create_connection((address, port), timeout=20)
    threading.Thread(target=send, args=(connection, block, megabytes), daemon=True).start()
    expected, received, length = hashlib.sha256(block * megabytes), hashlib.sha256(), 0
    while data := connection.recv(65536):
        received.update(data)
        length += len(data)
        if victim and length > megabytes << 19:
            os.kill(victim, signal.SIGKILL)
            victim = 0
    same = length == megabytes << 20 and received.digest() == expected.digest()
    print("same" if same else f"{length} bytes came back, and they differ")
    return 0 if same else 1


if sys.argv[1] == "server":
    serve(sys.argv[2], int(sys.argv[3]))
sys.exit(compare(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]) if len(sys.argv) > 5 else 0))
