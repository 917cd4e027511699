/* What the test programs share. A program that finds something wrong says so and exits with 1. */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ws2tcpip.h>

#define CHECK(condition) ((condition) ? (void)0 : failed(#condition, __LINE__))

static inline void failed(const char *condition, int line)
{
    printf("line %d: not so: %s (last error %lu)\n", line, condition, GetLastError());
    exit(1);
}

static inline void start_winsock(void)
{
    WSADATA data;
    CHECK(WSAStartup(MAKEWORD(2, 2), &data) == 0);
}

static inline struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((u_short)port);
    return address;
}

/* Bound again at once after the test before. */
static inline SOCKET tcp_socket(int port)
{
    BOOL on = TRUE;
    struct sockaddr_in address = loopback(port);
    SOCKET made = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    CHECK(made != INVALID_SOCKET);
    if (port >= 0) {
        CHECK(setsockopt(made, SOL_SOCKET, SO_REUSEADDR, (const char *)&on, sizeof on) == 0);
        CHECK(bind(made, (const struct sockaddr *)&address, sizeof address) == 0);
    }
    return made;
}
