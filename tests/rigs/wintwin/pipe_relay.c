/*
 * Passes octets between a Unix socket, which it listens on once the pipe is there, and a named pipe:
 * each connection to the socket becomes one to the pipe. Runs under Wine.
 *
 * pipe_relay PATH PIPE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "../windivert/linux_calls.h"

enum { LINUX_READ = 0, LINUX_BIND = 49, LINUX_LISTEN = 50, LINUX_ACCEPT = 43 };

#define PIPE_MILLISECONDS 10000

struct connection {
    int descriptor;
    HANDLE pipe;
    LONG ends;
};

static int fail(const char *what)
{
    fprintf(stderr, "pipe_relay: %s\n", what);
    return 1;
}

/* The handle is overlapped, because a pipe's other handles let nobody write while somebody reads. */
static int transfer(HANDLE pipe, int reads, void *data, DWORD length, DWORD *moved)
{
    OVERLAPPED call = { .hEvent = CreateEventW(NULL, TRUE, FALSE, NULL) };
    BOOL done = reads ? ReadFile(pipe, data, length, NULL, &call) : WriteFile(pipe, data, length, NULL, &call);
    if (done || GetLastError() == ERROR_IO_PENDING)
        done = GetOverlappedResult(pipe, &call, moved, TRUE);
    CloseHandle(call.hEvent);
    return done && *moved > 0;
}

static void end(struct connection *connection)
{
    CancelIoEx(connection->pipe, NULL);
    linux_call(LINUX_SHUTDOWN, connection->descriptor, LINUX_SHUT_RDWR, 0);
    if (InterlockedIncrement(&connection->ends) < 2)
        return;
    CloseHandle(connection->pipe);
    linux_call(LINUX_CLOSE, connection->descriptor, 0, 0);
    free(connection);
}

static DWORD WINAPI to_pipe(void *argument)
{
    struct connection *connection = argument;
    char data[64 * 1024];
    for (;;) {
        int64_t got = linux_call_again(LINUX_READ, connection->descriptor, (int64_t)(intptr_t)data, sizeof data);
        if (got <= 0)
            break;
        DWORD sent = 0;
        for (int64_t at = 0; at < got; at += sent) {
            if (!transfer(connection->pipe, 0, data + at, (DWORD)(got - at), &sent))
                goto out;
        }
    }
out:
    end(connection);
    return 0;
}

static DWORD WINAPI from_pipe(void *argument)
{
    struct connection *connection = argument;
    char data[64 * 1024];
    DWORD got;
    while (transfer(connection->pipe, 1, data, sizeof data, &got)) {
        struct linux_vector vector = { data, got };
        if (!linux_transfer(LINUX_SENDMSG, connection->descriptor, &vector, 1))
            break;
    }
    end(connection);
    return 0;
}

static HANDLE open_pipe(const char *name)
{
    for (DWORD since = GetTickCount(); GetTickCount() - since < PIPE_MILLISECONDS; Sleep(10)) {
        HANDLE pipe = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);
        if (pipe != INVALID_HANDLE_VALUE)
            return pipe;
    }
    return INVALID_HANDLE_VALUE;
}

int main(int count, char **arguments)
{
    struct {
        uint16_t family;
        char path[108];
    } address = { LINUX_AF_UNIX, "" };
    if (count != 3 || strlen(arguments[1]) >= sizeof address.path)
        return fail("usage: pipe_relay PATH PIPE");
    strcpy(address.path, arguments[1]);
    if (!WaitNamedPipeA(arguments[2], NMPWAIT_USE_DEFAULT_WAIT)) {
        HANDLE probe = open_pipe(arguments[2]);
        if (probe == INVALID_HANDLE_VALUE)
            return fail("there is no such pipe");
        CloseHandle(probe);
    }
    int listener = (int)linux_call(LINUX_SOCKET, LINUX_AF_UNIX, LINUX_SOCK_STREAM | LINUX_SOCK_CLOEXEC, 0);
    if (listener < 0 || linux_call(LINUX_BIND, listener, (int64_t)(intptr_t)&address, sizeof address) != 0 || linux_call(LINUX_LISTEN, listener, 16, 0) != 0)
        return fail("the socket's path can't be bound");
    for (;;) {
        int descriptor = (int)linux_call_again(LINUX_ACCEPT, listener, 0, 0);
        if (descriptor < 0)
            return fail("accept");
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection == NULL)
            return fail("memory");
        connection->descriptor = descriptor;
        connection->pipe = open_pipe(arguments[2]);
        if (connection->pipe == INVALID_HANDLE_VALUE)
            return fail("the pipe is gone");
        CloseHandle(CreateThread(NULL, 0, to_pipe, connection, 0, NULL));
        CloseHandle(CreateThread(NULL, 0, from_pipe, connection, 0, NULL));
    }
}
