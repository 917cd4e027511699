/* echo PORT: a Windows server that echoes whatever it is sent, on any number of connections. Says "ready" when it listens. */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 256, CHUNK = 65536 };

static void stop(const char *what) {
    fprintf(stderr, "%s: error %d\n", what, WSAGetLastError());
    exit(1);
}

/*
 * Wine finds whose a socket is by the descriptors of its process, and gives none that stays for an accepted socket. This one stays until
 * the program ends. On Windows there is no such function, and nothing to do.
 */
static void claim(SOCKET socket) {
    typedef int wine_handle_to_fd(HANDLE handle, unsigned access, int *descriptor, unsigned *options);
    wine_handle_to_fd *to_descriptor = (wine_handle_to_fd *)(void *)GetProcAddress(GetModuleHandleA("ntdll"), "wine_server_handle_to_fd");
    int descriptor;
    if (to_descriptor && to_descriptor((HANDLE)socket, GENERIC_READ, &descriptor, NULL))
        stop("wine_server_handle_to_fd");
}

/* The socket blocks: the peer of a test reads what it is sent. */
static int echo(SOCKET client) {
    static char data[CHUNK];
    int got = recv(client, data, sizeof data, 0), put = 0;
    while (put < got) {
        int sent = send(client, data + put, got - put, 0);
        if (sent <= 0)
            return -1;
        put += sent;
    }
    return got;
}

int main(int count, char **arguments) {
    WSADATA data;
    WSAPOLLFD sockets[MOST];
    ULONG used = 1;
    if (count != 2 || WSAStartup(MAKEWORD(2, 2), &data))
        stop("usage: echo PORT");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((u_short)atoi(arguments[1]))};
    sockets[0] = (WSAPOLLFD){.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLRDNORM};
    if (bind(sockets[0].fd, (struct sockaddr *)&address, sizeof address) || listen(sockets[0].fd, 100))
        stop("listen");
    claim(sockets[0].fd);
    puts("ready");
    fflush(stdout);
    for (;;) {
        if (WSAPoll(sockets, used, -1) < 0)
            stop("WSAPoll");
        for (ULONG i = used - 1; i > 0; i--) {
            if (sockets[i].revents && echo(sockets[i].fd) <= 0) {
                shutdown(sockets[i].fd, SD_BOTH); // says what closing says, see claim()
                closesocket(sockets[i].fd);
                sockets[i] = sockets[--used];
            }
        }
        if (sockets[0].revents && used < MOST) {
            SOCKET client = accept(sockets[0].fd, NULL, NULL);
            if (client == INVALID_SOCKET)
                stop("accept");
            BOOL on = TRUE;
            setsockopt(client, IPPROTO_TCP, TCP_NODELAY, (char *)&on, sizeof on);
            claim(client);
            sockets[used++] = (WSAPOLLFD){.fd = client, .events = POLLRDNORM};
        }
    }
}
