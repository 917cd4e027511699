/* eventdriven: a listener told by WSAEventSelect, a non-blocking client that waits in select. */
#include "loopback.h"

int main(void)
{
    u_long on = 1;
    struct sockaddr_in address = loopback(7121);
    start_winsock();
    SOCKET listener = tcp_socket(7121), client = tcp_socket(7122);
    WSAEVENT event = WSACreateEvent();
    WSANETWORKEVENTS events;
    CHECK(WSAEventSelect(listener, event, FD_ACCEPT) == 0 && listen(listener, 5) == 0);
    CHECK(ioctlsocket(client, FIONBIO, &on) == 0);
    CHECK(connect(client, (struct sockaddr *)&address, sizeof address) == SOCKET_ERROR && WSAGetLastError() == WSAEWOULDBLOCK);
    fd_set writable;
    FD_ZERO(&writable);
    FD_SET(client, &writable);
    CHECK(select(0, NULL, &writable, NULL, &(struct timeval){ 20, 0 }) == 1);
    CHECK(WSAWaitForMultipleEvents(1, &event, FALSE, 20000, FALSE) == WSA_WAIT_EVENT_0);
    CHECK(WSAEnumNetworkEvents(listener, event, &events) == 0 && events.lNetworkEvents == FD_ACCEPT);
    SOCKET accepted = accept(listener, NULL, NULL);
    CHECK(accepted != INVALID_SOCKET);
    CHECK(closesocket(accepted) == 0 && closesocket(client) == 0 && closesocket(listener) == 0);
    return 0;
}
