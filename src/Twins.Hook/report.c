/*
 * No socket is kept between events: a checkpoint of the program must not find one that belongs to
 * the hook, and programs that close all descriptors can't break it. Three system calls per event.
 *
 * All calls go through syscall(2): the C library's wrappers are cancellation points, and a thread
 * cancelled after accept() and before the program gets the descriptor would leak it.
 */
#include "report.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un destination;
static socklen_t destination_length;

/* Descriptors open at this moment, plus one; 0 is a free place. More at once are merely not listed. */
#define OPEN_PLACES 64
static atomic_int open_now[OPEN_PLACES];

void report_initialize(void)
{
    /* Not for set-user-id programs: there the variable is the caller's wish, not the owner's. */
    const char *path = secure_getenv(TWINS_HOOK_SOCKET_VARIABLE);
    if (path == NULL || *path == '\0')
        path = TWINS_HOOK_SOCKET_PATH;
    size_t length = strlen(path);
    if (length >= sizeof destination.sun_path)
        return;
    destination.sun_family = AF_UNIX;
    memcpy(destination.sun_path, path, length + 1);
    destination_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
}

static void copy_endpoint(const struct sockaddr_storage *from, uint8_t address[16], uint16_t *port)
{
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
        memcpy(address, &v4->sin_addr, 4);
        *port = htole16(ntohs(v4->sin_port));
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
        memcpy(address, &v6->sin6_addr, 16);
        *port = htole16(ntohs(v6->sin6_port));
    }
}

int report_describe(struct twins_hook_message *message, int descriptor, enum twins_hook_kind kind)
{
    struct sockaddr_storage end;
    socklen_t length = sizeof end;
    if (destination_length == 0 || syscall(SYS_getsockname, descriptor, &end, &length) != 0)
        return 0;
    if (end.ss_family != AF_INET && end.ss_family != AF_INET6)
        return 0;

    memset(message, 0, sizeof *message);
    message->magic = htole32(TWINS_HOOK_MAGIC);
    message->version = htole16(TWINS_HOOK_VERSION);
    message->size = htole16(sizeof *message);
    message->kind = (uint8_t)kind;
    message->family = end.ss_family == AF_INET ? 4 : 6;
    message->descriptor = (int32_t)htole32((uint32_t)descriptor);

    int transport = 0;
    length = sizeof transport;
    syscall(SYS_getsockopt, descriptor, SOL_SOCKET, SO_PROTOCOL, &transport, &length);
    message->transport = (uint8_t)transport;

    if (kind == TWINS_HOOK_SOCKET)
        return 1;
    copy_endpoint(&end, message->local_address, &message->local_port);
    if (kind == TWINS_HOOK_BIND || kind == TWINS_HOOK_LISTEN)
        return 1;
    length = sizeof end;
    if (syscall(SYS_getpeername, descriptor, &end, &length) == 0)
        copy_endpoint(&end, message->remote_address, &message->remote_port);
    return 1;
}

static int remember(int descriptor)
{
    for (int place = 0; place < OPEN_PLACES; place++) {
        int expected = 0;
        if (atomic_load_explicit(&open_now[place], memory_order_relaxed) == 0
            && atomic_compare_exchange_strong(&open_now[place], &expected, descriptor + 1))
            return place;
    }
    return -1;
}

void report_send(const struct twins_hook_message *message)
{
    int sender = (int)syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (sender < 0)
        return;
    int place = remember(sender);
    syscall(SYS_sendto, sender, message, sizeof *message, MSG_DONTWAIT | MSG_NOSIGNAL, &destination, destination_length);
    if (place >= 0)
        atomic_store(&open_now[place], 0);
    syscall(SYS_close, sender);
}

void report_after_fork(void)
{
    for (int place = 0; place < OPEN_PLACES; place++) {
        int descriptor = atomic_exchange(&open_now[place], 0) - 1;
        if (descriptor >= 0)
            syscall(SYS_close, descriptor);
    }
}
