/*
 * The socket calls of a program under Twins. Each does what the C library's does, with the same
 * result and the same errno, and tells the Migration Manager afterwards.
 *
 * Only system calls and atomics after start-up: usable in signal handlers, in every thread and in
 * the child of a multithreaded fork. No lock exists, so none can be held anywhere; fork() alone waits,
 * for a bounded number of rounds, for messages that other threads are sending.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"

#define EXPORTED __attribute__((visibility("default")))

/*
 * The next definition of a function, another preloaded library's or the C library's. Found at
 * start-up; a constructor that runs before ours comes here first and looks it up itself. Where it
 * can't be found (inside dlsym itself) the system call is made directly.
 */
#define NEXT(name) ((__typeof__(&name))next_of(&next_##name, #name))
#define DECLARE_NEXT(name) static _Atomic(void *) next_##name

DECLARE_NEXT(socket);
DECLARE_NEXT(connect);
DECLARE_NEXT(bind);
DECLARE_NEXT(listen);
DECLARE_NEXT(accept);
DECLARE_NEXT(accept4);
DECLARE_NEXT(close);
DECLARE_NEXT(dup);
DECLARE_NEXT(dup2);
DECLARE_NEXT(dup3);

static __thread int looking_up __attribute__((tls_model("initial-exec")));

static void *next_of(_Atomic(void *) *place, const char *name)
{
    void *next = atomic_load_explicit(place, memory_order_acquire);
    if (next == NULL && !looking_up) {
        int error = errno;
        looking_up = 1;
        next = dlsym(RTLD_NEXT, name);
        looking_up = 0;
        atomic_store_explicit(place, next, memory_order_release);
        errno = error;
    }
    return next;
}

/*
 * Descriptors that were seen to be IPv4 or IPv6 sockets, so that closing a file costs nothing. A bit
 * may be stale (closed by means that are not hooked); what is closed is looked at again.
 */
#define FOLLOWED_DESCRIPTORS 65536
static _Atomic(uint64_t) followed[FOLLOWED_DESCRIPTORS / 64];

static int is_followed(int descriptor)
{
    return descriptor >= 0 && descriptor < FOLLOWED_DESCRIPTORS
        && (atomic_load_explicit(&followed[descriptor / 64], memory_order_relaxed) >> (descriptor % 64) & 1);
}

static void follow(int descriptor, int on)
{
    if (descriptor < 0 || descriptor >= FOLLOWED_DESCRIPTORS)
        return;
    uint64_t bit = UINT64_C(1) << (descriptor % 64);
    if (on)
        atomic_fetch_or_explicit(&followed[descriptor / 64], bit, memory_order_relaxed);
    else
        atomic_fetch_and_explicit(&followed[descriptor / 64], ~bit, memory_order_relaxed);
}

/* Tells about a call that succeeded. errno stays. */
static void tell(int descriptor, enum twins_hook_kind kind, uint8_t flags)
{
    int error = errno;
    struct twins_hook_message message;
    if (report_describe(&message, descriptor, kind)) {
        follow(descriptor, 1);
        message.flags = flags;
        report_send(&message);
    }
    errno = error;
}

/* What is to be told once `descriptor` is closed; 0 when nothing. errno stays. */
static int prepare_close(struct twins_hook_message *message, int descriptor)
{
    if (!is_followed(descriptor))
        return 0;
    int error = errno;
    int is_socket = report_describe(message, descriptor, TWINS_HOOK_CLOSE);
    /* Before the close: afterwards another thread may already have the number again. */
    follow(descriptor, 0);
    errno = error;
    return is_socket;
}

static void send_close(const struct twins_hook_message *message)
{
    int error = errno;
    report_send(message);
    errno = error;
}

__attribute__((constructor)) static void initialize(void)
{
    report_initialize();
    (void)NEXT(socket);
    (void)NEXT(connect);
    (void)NEXT(bind);
    (void)NEXT(listen);
    (void)NEXT(accept);
    (void)NEXT(accept4);
    (void)NEXT(close);
    (void)NEXT(dup);
    (void)NEXT(dup2);
    (void)NEXT(dup3);
    pthread_atfork(report_before_fork, report_after_fork_in_parent, report_after_fork_in_child);
}

EXPORTED int socket(int domain, int type, int protocol)
{
    __typeof__(&socket) next = NEXT(socket);
    int descriptor = next ? next(domain, type, protocol) : (int)syscall(SYS_socket, domain, type, protocol);
    if (descriptor >= 0 && (domain == AF_INET || domain == AF_INET6))
        tell(descriptor, TWINS_HOOK_SOCKET, 0);
    return descriptor;
}

EXPORTED int connect(int descriptor, const struct sockaddr *address, socklen_t length)
{
    __typeof__(&connect) next = NEXT(connect);
    int result = next ? next(descriptor, address, length) : (int)syscall(SYS_connect, descriptor, address, length);
    if (result == 0)
        tell(descriptor, TWINS_HOOK_CONNECT, 0);
    else if (errno == EINPROGRESS || errno == EINTR)
        tell(descriptor, TWINS_HOOK_CONNECT, TWINS_HOOK_IN_PROGRESS);
    return result;
}

EXPORTED int bind(int descriptor, const struct sockaddr *address, socklen_t length)
{
    __typeof__(&bind) next = NEXT(bind);
    int result = next ? next(descriptor, address, length) : (int)syscall(SYS_bind, descriptor, address, length);
    if (result == 0)
        tell(descriptor, TWINS_HOOK_BIND, 0);
    return result;
}

EXPORTED int listen(int descriptor, int backlog)
{
    __typeof__(&listen) next = NEXT(listen);
    int result = next ? next(descriptor, backlog) : (int)syscall(SYS_listen, descriptor, backlog);
    if (result == 0)
        tell(descriptor, TWINS_HOOK_LISTEN, 0);
    return result;
}

EXPORTED int accept(int descriptor, struct sockaddr *address, socklen_t *length)
{
    __typeof__(&accept) next = NEXT(accept);
    int accepted = next ? next(descriptor, address, length) : (int)syscall(SYS_accept4, descriptor, address, length, 0);
    if (accepted >= 0)
        tell(accepted, TWINS_HOOK_ACCEPT, 0);
    return accepted;
}

EXPORTED int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags)
{
    __typeof__(&accept4) next = NEXT(accept4);
    int accepted = next ? next(descriptor, address, length, flags) : (int)syscall(SYS_accept4, descriptor, address, length, flags);
    if (accepted >= 0)
        tell(accepted, TWINS_HOOK_ACCEPT, 0);
    return accepted;
}

EXPORTED int close(int descriptor)
{
    struct twins_hook_message message;
    int is_socket = prepare_close(&message, descriptor);
    __typeof__(&close) next = NEXT(close);
    int result = next ? next(descriptor) : (int)syscall(SYS_close, descriptor);
    if (is_socket)
        send_close(&message);
    return result;
}

EXPORTED int dup(int descriptor)
{
    __typeof__(&dup) next = NEXT(dup);
    int copy = next ? next(descriptor) : (int)syscall(SYS_dup, descriptor);
    if (copy >= 0 && is_followed(descriptor))
        tell(copy, TWINS_HOOK_DUP, 0);
    return copy;
}

/* dup2 and dup3: the target, if it was a socket of interest, is closed by the kernel on the way. */
static void tell_replaced(int from, int to, int result, int was_socket, const struct twins_hook_message *closed)
{
    if (result < 0) {
        if (was_socket)
            follow(to, 1);
        return;
    }
    if (was_socket)
        send_close(closed);
    if (is_followed(from))
        tell(to, TWINS_HOOK_DUP, 0);
}

EXPORTED int dup2(int from, int to)
{
    struct twins_hook_message closed;
    int was_socket = from != to && prepare_close(&closed, to);
    __typeof__(&dup2) next = NEXT(dup2);
    int result = next ? next(from, to) : from == to ? (int)syscall(SYS_fcntl, from, 1 /* F_GETFD */) : (int)syscall(SYS_dup3, from, to, 0);
    if (next == NULL && from == to && result >= 0)
        result = to;
    if (from != to)
        tell_replaced(from, to, result, was_socket, &closed);
    return result;
}

EXPORTED int dup3(int from, int to, int flags)
{
    struct twins_hook_message closed;
    int was_socket = from != to && prepare_close(&closed, to);
    __typeof__(&dup3) next = NEXT(dup3);
    int result = next ? next(from, to, flags) : (int)syscall(SYS_dup3, from, to, flags);
    tell_replaced(from, to, result, was_socket, &closed);
    return result;
}
