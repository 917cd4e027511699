/* echo_server PORT...: echoes whatever it is sent, on any number of connections and listeners. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENERS = 64, CHUNK = 65536 };

static int open_listener(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1024)) {
        perror("listen");
        exit(1);
    }
    return fd;
}

static void watch(int poller, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) {
        perror("epoll_ctl");
        exit(1);
    }
}

/* Blocking writes: the peer of a test reads what it is sent. */
static int echo(int fd) {
    static char data[CHUNK];
    ssize_t got = read(fd, data, sizeof data), put = 0;
    if (got <= 0)
        return -1;
    while (put < got) {
        ssize_t n = write(fd, data + put, got - put);
        if (n < 0 && errno != EINTR) {
            perror("write");
            return -1;
        }
        put += n > 0 ? n : 0;
    }
    return 0;
}

int main(int count, char **ports) {
    int poller = epoll_create1(EPOLL_CLOEXEC), listeners[LISTENERS], listening = 0;
    for (int i = 1; i < count && listening < LISTENERS; i++) {
        listeners[listening] = open_listener(atoi(ports[i]));
        watch(poller, listeners[listening++]);
    }
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd, is_listener = 0, on = 1;
            for (int l = 0; l < listening; l++)
                is_listener |= listeners[l] == fd;
            if (is_listener) {
                int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
                if (connection < 0)
                    continue;
                setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                watch(poller, connection);
            } else if (echo(fd)) {
                close(fd);
            }
        }
    }
}
