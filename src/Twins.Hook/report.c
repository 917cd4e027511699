/*
 * No socket is kept between events: a checkpoint of the program must not find one that belongs to
 * the hook, and programs that close all descriptors can't break it. Three system calls per event.
 *
 * All calls go through syscall(2): the C library's wrappers are cancellation points, and a thread
 * cancelled after accept() and before the program gets the descriptor would leak it.
 */
#include "report.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_un destination;
static socklen_t destination_length;

/*
 * A child of fork() must not inherit the socket of a message that another thread is sending: nothing
 * would ever close it there. So fork() waits for the sends under way (they never block: microseconds),
 * and messages that come up meanwhile are not sent.
 */
static atomic_int sending;
static atomic_int forking;
static __thread int sending_here __attribute__((tls_model("initial-exec")));

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

void report_send(const struct twins_hook_message *message)
{
    sending_here++;
    atomic_fetch_add(&sending, 1);
    if (atomic_load(&forking) == 0) {
        int sender = (int)syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (sender >= 0) {
            syscall(SYS_sendto, sender, message, sizeof *message, MSG_DONTWAIT | MSG_NOSIGNAL, &destination, destination_length);
            syscall(SYS_close, sender);
        }
    }
    atomic_fetch_sub(&sending, 1);
    sending_here--;
}

/*
 * Rounds of waiting: a sender that was preempted may need a time slice. They end so that a thread that
 * left report_send by longjmp() out of a signal handler can't stop forks.
 */
#define YIELDING_ROUNDS 100
#define MOST_ROUNDS 600

void report_before_fork(void)
{
    int error = errno;
    atomic_fetch_add(&forking, 1);
    for (int round = 0; round < MOST_ROUNDS && atomic_load(&sending) > sending_here; round++) {
        struct timespec pause = { .tv_nsec = 50000 };
        if (round < YIELDING_ROUNDS)
            sched_yield();
        else
            syscall(SYS_nanosleep, &pause, NULL);
    }
    errno = error;
}

void report_after_fork_in_parent(void)
{
    atomic_fetch_sub(&forking, 1);
}

void report_after_fork_in_child(void)
{
    /* The other threads, and what they counted, are not here. */
    atomic_store(&sending, sending_here);
    atomic_store(&forking, 0);
}
