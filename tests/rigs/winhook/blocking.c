/* blocking: one connection between two blocking sockets, both ends bound to ports of their own; then the same over IPv6 with WSA functions. */
#include "loopback.h"

static void ipv6(void)
{
    struct sockaddr_in6 address;
    memset(&address, 0, sizeof address);
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    address.sin6_port = htons(7103);
    BOOL on = TRUE;
    SOCKET listener = socket(AF_INET6, SOCK_STREAM, 0), client = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, (const char *)&on, sizeof on) == 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 5) == 0);
    CHECK(WSAConnect(client, (struct sockaddr *)&address, sizeof address, NULL, NULL, NULL, NULL) == 0);
    SOCKET accepted = WSAAccept(listener, NULL, NULL, NULL, 0);
    CHECK(accepted != INVALID_SOCKET);
    CHECK(closesocket(client) == 0 && closesocket(accepted) == 0 && closesocket(listener) == 0);
}

int main(void)
{
    char octet = 'x';
    struct sockaddr_in address = loopback(7101);
    start_winsock();
    SOCKET listener = tcp_socket(7101), client = tcp_socket(7102);
    CHECK(listen(listener, 5) == 0);
    SetLastError(4711);
    CHECK(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
    SOCKET accepted = accept(listener, NULL, NULL);
    CHECK(accepted != INVALID_SOCKET);
    CHECK(send(client, &octet, 1, 0) == 1 && recv(accepted, &octet, 1, 0) == 1);
    /* The end that closes first keeps its port for a while: the other one, which isn't needed again at once. */
    CHECK(closesocket(accepted) == 0 && recv(client, &octet, 1, 0) == 0);
    CHECK(closesocket(client) == 0 && closesocket(listener) == 0);
    ipv6();
    return 0;
}
