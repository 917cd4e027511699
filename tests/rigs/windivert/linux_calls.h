/*
 * Linux's system calls, made from Windows code under Wine: a program there is a Linux process. Faster
 * than Winsock, which asks wineserver each time, and in the process's own network namespace. Wine's
 * own code doesn't notice; its signals interrupt a call, which is repeated.
 */
#ifndef RIG_LINUX_CALLS_H
#define RIG_LINUX_CALLS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* x86-64's numbers; a negative result is an error. */
enum { LINUX_CLOSE = 3, LINUX_SOCKET = 41, LINUX_CONNECT = 42, LINUX_SENDMSG = 46, LINUX_RECVMSG = 47, LINUX_SHUTDOWN = 48 };
enum { LINUX_EINTR = 4, LINUX_EACCES = 13 };
enum { LINUX_AF_UNIX = 1, LINUX_SOCK_STREAM = 1, LINUX_SOCK_CLOEXEC = 02000000, LINUX_MSG_NOSIGNAL = 0x4000, LINUX_SHUT_RDWR = 2 };

struct linux_vector {
    void *base;
    uint64_t length;
};

struct linux_message {
    void *name;
    uint32_t name_length, padding1;
    struct linux_vector *vectors;
    uint64_t vector_count;
    void *control;
    uint64_t control_length;
    int32_t flags, padding2;
};

static inline int64_t linux_call(int64_t number, int64_t first, int64_t second, int64_t third)
{
    int64_t result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
    return result;
}

static inline int64_t linux_call_again(int64_t number, int64_t first, int64_t second, int64_t third)
{
    int64_t result;
    do
        result = linux_call(number, first, second, third);
    while (result == -LINUX_EINTR);
    return result;
}

/* A stream connected to a socket's path, or a negative error. */
static inline int linux_connect(const char *path)
{
    struct {
        uint16_t family;
        char path[108];
    } address = { LINUX_AF_UNIX, "" };
    size_t length = strlen(path);
    if (length >= sizeof address.path)
        return -1;
    memcpy(address.path, path, length);
    int descriptor = (int)linux_call(LINUX_SOCKET, LINUX_AF_UNIX, LINUX_SOCK_STREAM | LINUX_SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return descriptor;
    int64_t result = linux_call_again(LINUX_CONNECT, descriptor, (int64_t)(intptr_t)&address, sizeof address);
    if (result == 0)
        return descriptor;
    linux_call(LINUX_CLOSE, descriptor, 0, 0);
    return (int)result;
}

/* Moves all bytes of the vectors, which are used up. 0: the stream has ended. */
static inline int linux_transfer(int64_t number, int descriptor, struct linux_vector *vectors, unsigned count)
{
    for (;;) {
        while (count > 0 && vectors->length == 0) {
            vectors++;
            count--;
        }
        if (count == 0)
            return 1;
        struct linux_message message = { .vectors = vectors, .vector_count = count };
        int64_t moved = linux_call_again(number, descriptor, (int64_t)(intptr_t)&message, LINUX_MSG_NOSIGNAL);
        if (moved <= 0)
            return 0;
        for (unsigned i = 0; i < count; i++) {
            uint64_t part = (uint64_t)moved < vectors[i].length ? (uint64_t)moved : vectors[i].length;
            vectors[i].base = (char *)vectors[i].base + part;
            vectors[i].length -= part;
            moved -= (int64_t)part;
        }
    }
}

#endif
