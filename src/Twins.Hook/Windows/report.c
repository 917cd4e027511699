/*
 * One pipe handle is kept for the life of the process. Writes are overlapped, from a fixed number of
 * places: a write that the receiver doesn't take stays pending in its place, and when all places are
 * taken messages are lost. The lock is only ever tried: senders share it, whoever opens or closes the
 * handle has it alone, and nobody waits for it.
 */
#include "report.h"

#include <string.h>
#include <windows.h>
#include <ws2tcpip.h>

#define PIPE_PREFIX L"\\\\.\\pipe\\"
#define MOST_NAME 256
#define RETRY_MILLISECONDS 1000
#define PLACES 32

static wchar_t pipe_name[MOST_NAME];
static SRWLOCK lock = SRWLOCK_INIT;
static HANDLE volatile pipe = INVALID_HANDLE_VALUE;
static volatile LONG64 next_attempt;

static struct {
    volatile LONG taken;
    OVERLAPPED write;
    struct twins_hook_message message;
} places[PLACES];

void report_initialize(void)
{
    DWORD length = GetEnvironmentVariableW(TWINS_HOOK_PIPE_VARIABLE, pipe_name, MOST_NAME);
    if (length == 0)
        wcscpy(pipe_name, TWINS_HOOK_PIPE_NAME);
    /* Anything but a pipe of this machine could make the program wait: then nothing is told. */
    if (length >= MOST_NAME || _wcsnicmp(pipe_name, PIPE_PREFIX, wcslen(PIPE_PREFIX)) != 0)
        pipe_name[0] = L'\0';
}

static int is_open(void)
{
    LONG64 now = (LONG64)GetTickCount64();
    if (pipe != INVALID_HANDLE_VALUE)
        return 1;
    if (pipe_name[0] == L'\0' || now < next_attempt || !TryAcquireSRWLockExclusive(&lock))
        return 0;
    if (pipe == INVALID_HANDLE_VALUE && now >= next_attempt) {
        next_attempt = now + RETRY_MILLISECONDS;
        /* Whoever made the pipe may learn who the program is, but can't act in its name. */
        HANDLE opened = CreateFileW(pipe_name, FILE_WRITE_DATA, 0, NULL, OPEN_EXISTING,
            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
        /* A program that closes a handle once too often must not close this one and have its next file written to. */
        if (opened != INVALID_HANDLE_VALUE)
            SetHandleInformation(opened, HANDLE_FLAG_PROTECT_FROM_CLOSE, HANDLE_FLAG_PROTECT_FROM_CLOSE);
        pipe = opened;
    }
    int open = pipe != INVALID_HANDLE_VALUE;
    ReleaseSRWLockExclusive(&lock);
    return open;
}

static void close_broken(HANDLE broken)
{
    if (!TryAcquireSRWLockExclusive(&lock))
        return;
    if (pipe == broken) {
        pipe = INVALID_HANDLE_VALUE;
        SetHandleInformation(broken, HANDLE_FLAG_PROTECT_FROM_CLOSE, 0);
        CloseHandle(broken);
    }
    ReleaseSRWLockExclusive(&lock);
}

static void copy_endpoint(const struct sockaddr *from, uint8_t address[16], uint16_t *port)
{
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
        memcpy(address, &v4->sin_addr, 4);
        *port = ntohs(v4->sin_port);
    } else if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
        memcpy(address, &v6->sin6_addr, 16);
        *port = ntohs(v6->sin6_port);
    }
}

int report_describe(struct twins_hook_message *message, SOCKET socket, enum twins_hook_kind kind)
{
    struct sockaddr_storage end;
    int length = sizeof end;
    if (!is_open() || getsockname(socket, (struct sockaddr *)&end, &length) != 0)
        return 0;
    if (end.ss_family != AF_INET && end.ss_family != AF_INET6)
        return 0;

    int type = 0, type_length = sizeof type;
    getsockopt(socket, SOL_SOCKET, SO_TYPE, (char *)&type, &type_length);

    memset(message, 0, sizeof *message); /* every Windows is little-endian */
    message->magic = TWINS_HOOK_MAGIC;
    message->version = TWINS_HOOK_VERSION;
    message->size = sizeof *message;
    message->kind = (uint8_t)kind;
    message->family = end.ss_family == AF_INET ? 4 : 6;
    message->transport = type == SOCK_STREAM ? IPPROTO_TCP : type == SOCK_DGRAM ? IPPROTO_UDP : 0;
    message->descriptor = (int32_t)(uint32_t)socket;
    copy_endpoint((const struct sockaddr *)&end, message->local_address, &message->local_port);
    if (kind == TWINS_HOOK_BIND || kind == TWINS_HOOK_LISTEN)
        return 1;
    length = sizeof end;
    if (getpeername(socket, (struct sockaddr *)&end, &length) == 0)
        copy_endpoint((const struct sockaddr *)&end, message->remote_address, &message->remote_port);
    return 1;
}

void report_in_progress(struct twins_hook_message *message, const struct sockaddr *remote, int length)
{
    message->flags = TWINS_HOOK_IN_PROGRESS;
    if (length >= (int)(message->family == 4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6))
        && remote->sa_family == (message->family == 4 ? AF_INET : AF_INET6))
        copy_endpoint(remote, message->remote_address, &message->remote_port);
}

/* 0 when the pipe is broken. */
static int write_message(const struct twins_hook_message *message)
{
    for (int i = 0; i < PLACES; i++) {
        if (InterlockedCompareExchange(&places[i].taken, 1, 0) != 0)
            continue;
        int written = 0, is_free = HasOverlappedIoCompleted(&places[i].write);
        if (is_free) {
            places[i].message = *message;
            memset(&places[i].write, 0, sizeof places[i].write);
            written = WriteFile(pipe, &places[i].message, sizeof *message, NULL, &places[i].write) || GetLastError() == ERROR_IO_PENDING;
            if (!written)
                places[i].write.Internal = 0; /* a write that was refused at once never completes */
        }
        InterlockedExchange(&places[i].taken, 0);
        if (is_free)
            return written;
    }
    return 1; /* lost */
}

void report_send(const struct twins_hook_message *message)
{
    /* A second time: the receiver may have been restarted since the last message. */
    for (int attempt = 0; attempt < 2 && is_open() && TryAcquireSRWLockShared(&lock); attempt++) {
        HANDLE used = pipe;
        int is_broken = used != INVALID_HANDLE_VALUE && !write_message(message);
        ReleaseSRWLockShared(&lock);
        if (!is_broken)
            return;
        close_broken(used);
    }
}
