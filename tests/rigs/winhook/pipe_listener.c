/*
 * pipe_listener PIPE [--deaf]: prints what the hooks of programs send, one line a message, with the
 * PID that the system names, and `PID end` when a connection ends. Deaf: it reads only what is left once that program has ended.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <string.h>
#include <ws2tcpip.h>

#include "../../../src/Twins.Hook/hook_protocol.h"

static BOOL is_deaf;

static void print_endpoint(char *text, const uint8_t address[16], int family, unsigned port)
{
    char digits[64];
    inet_ntop(family == 4 ? AF_INET : AF_INET6, address, digits, sizeof digits);
    sprintf(text, family == 4 ? "%s:%u" : "[%s]:%u", digits, port);
}

static void print(ULONG pid, const uint8_t *octets, DWORD length)
{
    static const char *const kinds[] = { "?", "socket", "bind", "listen", "connect", "accept", "close", "dup" };
    struct twins_hook_message message;
    char local[80], remote[80];
    if (length != 56 || memcmp(octets, "TWHK\1\0\70\0", 8) != 0 || octets[8] == 0 || octets[8] > 7 || memcmp(octets + 52, "\0\0\0\0", 4) != 0) {
        printf("%lu malformed message of %lu octets\n", pid, length);
        return;
    }
    memcpy(&message, octets, sizeof message);
    print_endpoint(local, message.local_address, message.family, message.local_port);
    print_endpoint(remote, message.remote_address, message.family, message.remote_port);
    printf("%lu %s %s %s %s%s\n", pid, kinds[message.kind], message.transport == 6 ? "tcp" : message.transport == 17 ? "udp" : "?",
        local, remote, message.flags == 1 ? " in-progress" : message.flags != 0 ? " unknown-flags" : "");
}

static DWORD WINAPI serve(LPVOID parameter)
{
    HANDLE pipe = parameter;
    uint8_t octets[128];
    DWORD length;
    ULONG pid = 0;
    GetNamedPipeClientProcessId(pipe, &pid);
    if (is_deaf)
        WaitForSingleObject(OpenProcess(SYNCHRONIZE, FALSE, pid), INFINITE);
    while (ReadFile(pipe, octets, sizeof octets, &length, NULL)) {
        print(pid, octets, length);
        fflush(stdout);
    }
    printf("%lu end\n", pid);
    fflush(stdout);
    CloseHandle(pipe);
    return 0;
}

int wmain(int count, wchar_t **words)
{
    is_deaf = count > 2 && wcscmp(words[2], L"--deaf") == 0;
    for (BOOL is_first = TRUE;; is_first = FALSE) {
        HANDLE pipe = CreateNamedPipeW(words[1], PIPE_ACCESS_INBOUND, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_REJECT_REMOTE_CLIENTS,
            PIPE_UNLIMITED_INSTANCES, 0, is_deaf ? 560 : 65536, 0, NULL);
        if (pipe == INVALID_HANDLE_VALUE) {
            fprintf(stderr, "CreateNamedPipe: %lu\n", GetLastError());
            return 1;
        }
        if (is_first) {
            puts("listening");
            fflush(stdout);
        }
        if (ConnectNamedPipe(pipe, NULL) || GetLastError() == ERROR_PIPE_CONNECTED)
            CloseHandle(CreateThread(NULL, 0, serve, pipe, 0, NULL));
        else
            CloseHandle(pipe);
    }
}
