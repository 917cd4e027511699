/* silence serve PORT MIB: a server with so many MiB of memory that it has written. It echoes; a connection whose first
 * octet is 'b' is a bulk flow, of which each 64 KiB is answered with one octet.
 * silence talk HOST PORT paced|single|bulk|redis: one connection. At each line on standard input it prints the longest
 * time since the last line in which nothing came, in microseconds. It ends with an error at the first wrong octet.
 *   paced   a message of 8 octets every 5 ms       single   one message, the next when it has been answered
 *   bulk    64 KiB every 2 ms (32 MB/s)            redis    PING to redis-server every 5 ms */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BULK_BYTES = 64 * 1024, MOST_CONNECTIONS = 16 };

static char buffer[BULK_BYTES];

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n < 0)
            err(1, "send");
        bytes += n;
        length -= (size_t)n;
    }
}

static void serve(int port, size_t mib)
{
    /* Octets that don't compress and no two pages alike. */
    uint64_t *memory = malloc((mib << 20) + 8), x = 88172645463325252ULL;
    for (size_t i = 0; i < (mib << 20) / 8; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        memory[i] = x;
    }

    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int one = 1;
    struct pollfd fds[MOST_CONNECTIONS + 1] = { { .fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN } };
    size_t bulk[MOST_CONNECTIONS + 1], count = 1;
    setsockopt(fds[0].fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fds[0].fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fds[0].fd, MOST_CONNECTIONS) != 0)
        err(1, "port %d", port);
    for (;;) {
        if (poll(fds, count, -1) < 0 && errno != EINTR)
            err(1, "poll");
        for (size_t i = count; i-- > 1;) {
            if (!(fds[i].revents & (POLLIN | POLLHUP | POLLERR)))
                continue;
            ssize_t n = recv(fds[i].fd, buffer, sizeof buffer, 0);
            if (n <= 0) {
                close(fds[i].fd);
                count--;
                fds[i] = fds[count];
                bulk[i] = bulk[count];
                continue;
            }
            if (bulk[i] == 0)
                bulk[i] = buffer[0] == 'b' ? 1 : SIZE_MAX;
            if (bulk[i] == SIZE_MAX) {
                write_all(fds[i].fd, buffer, (size_t)n);
                continue;
            }
            /* Starts at 1, which tells it from a connection that has said nothing. */
            size_t before = (bulk[i] - 1) / BULK_BYTES, after = (bulk[i] - 1 + (size_t)n) / BULK_BYTES;
            bulk[i] += (size_t)n;
            for (; before < after; before++)
                write_all(fds[i].fd, "a", 1);
        }
        if (fds[0].revents & POLLIN && count <= MOST_CONNECTIONS) {
            fds[count] = (struct pollfd){ .fd = accept(fds[0].fd, NULL, NULL), .events = POLLIN };
            setsockopt(fds[count].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            bulk[count] = 0;
            count++;
        }
    }
}

static void talk(const char *host, int port, const char *mode)
{
    const int is_bulk = strcmp(mode, "bulk") == 0, is_redis = strcmp(mode, "redis") == 0, is_single = strcmp(mode, "single") == 0;
    const int64_t interval = is_bulk ? 2000 : 5000;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, host, &address.sin_addr);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        err(1, "%s:%d", host, port);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    memset(buffer, 'b', sizeof buffer);

    const char *reply = is_redis ? "+PONG\r\n" : is_bulk ? "a" : NULL;
    const size_t reply_bytes = is_redis ? 7 : is_bulk ? 1 : 8;
    uint64_t sent = 0, received = 0;
    size_t rest = 0;
    int64_t next = now_us(), last = next, longest = 0;
    puts("ready");
    fflush(stdout);
    for (;;) {
        int64_t now = now_us();
        const int may_send = is_single ? received == sent * 8 : now >= next;
        if (may_send || rest > 0) {
            const uint64_t number = htobe64(sent);
            const char *bytes = is_bulk ? buffer : is_redis ? "PING\r\n" : (const char *)&number;
            const size_t length = is_bulk ? sizeof buffer : is_redis ? 6 : sizeof number;
            ssize_t n = send(fd, bytes + (rest > 0 ? length - rest : 0), rest > 0 ? rest : length, MSG_NOSIGNAL);
            if (n < 0 && errno != EAGAIN)
                err(1, "send");
            if (n > 0) {
                if (rest == 0)
                    rest = length;
                rest -= (size_t)n;
                if (rest == 0) {
                    sent++;
                    next += interval;
                }
            }
            if (now - next > 100 * interval)
                next = now;
        }

        struct pollfd fds[2] = { { .fd = fd, .events = (short)(POLLIN | (rest > 0 ? POLLOUT : 0)) }, { .fd = 0, .events = POLLIN } };
        const int64_t wait = is_single ? 1000000 : rest > 0 ? 1000 : next - now_us();
        struct timespec timeout = { .tv_nsec = wait > 0 ? wait % 1000000 * 1000 : 0 };
        ppoll(fds, 2, &timeout, NULL);
        if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) {
            char got[4096];
            ssize_t n = recv(fd, got, sizeof got, 0);
            if (n < 0 && errno != EAGAIN)
                err(1, "recv");
            if (n == 0)
                errx(1, "the connection was closed");
            now = now_us();
            for (ssize_t i = 0; i < n; i++, received++) {
                const uint64_t number = htobe64(received / 8);
                if (got[i] != (reply ? reply[received % reply_bytes] : ((const char *)&number)[received % 8]))
                    errx(1, "octet %llu is wrong", (unsigned long long)received);
            }
            if (n > 0) {
                if (now - last > longest)
                    longest = now - last;
                last = now;
            }
        }
        if (fds[1].revents & (POLLIN | POLLHUP)) {
            char line[16];
            if (read(0, line, sizeof line) <= 0)
                return;
            now = now_us();
            printf("%lld\n", (long long)(now - last > longest ? now - last : longest));
            fflush(stdout);
            longest = 0;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "serve") == 0)
        serve(atoi(argv[2]), (size_t)atol(argv[3]));
    else if (argc == 5 && strcmp(argv[1], "talk") == 0)
        talk(argv[2], atoi(argv[3]), argv[4]);
    else
        errx(2, "usage: silence serve PORT MIB | silence talk HOST PORT paced|single|bulk|redis");
    return 0;
}
