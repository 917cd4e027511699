/* overlapped: one connection by AcceptEx and ConnectEx, got through WSAIoctl, with a completion port. */
#include "loopback.h"

#include <mswsock.h>

static void *extension(SOCKET socket, GUID id)
{
    void *function = NULL;
    DWORD octets;
    CHECK(WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &function, sizeof function, &octets, NULL, NULL) == 0);
    return function;
}

int main(void)
{
    char buffer[2 * (sizeof(struct sockaddr_in) + 16)];
    struct sockaddr_in address = loopback(7111);
    OVERLAPPED accepting, connecting, *done;
    DWORD octets;
    ULONG_PTR key;
    start_winsock();
    SOCKET listener = tcp_socket(7111), accepted = tcp_socket(-1), client = tcp_socket(7112);
    HANDLE port = CreateIoCompletionPort((HANDLE)listener, NULL, 1, 1);
    CHECK(CreateIoCompletionPort((HANDLE)client, port, 2, 0) == port && listen(listener, 5) == 0);
    LPFN_ACCEPTEX accept_ex = (LPFN_ACCEPTEX)extension(listener, (GUID)WSAID_ACCEPTEX);
    LPFN_CONNECTEX connect_ex = (LPFN_CONNECTEX)extension(client, (GUID)WSAID_CONNECTEX);
    memset(&accepting, 0, sizeof accepting);
    memset(&connecting, 0, sizeof connecting);
    CHECK(!accept_ex(listener, accepted, buffer, 0, sizeof buffer / 2, sizeof buffer / 2, &octets, &accepting) && WSAGetLastError() == ERROR_IO_PENDING);
    CHECK(connect_ex(client, (struct sockaddr *)&address, sizeof address, NULL, 0, NULL, &connecting) || WSAGetLastError() == ERROR_IO_PENDING);
    for (int i = 0; i < 2; i++)
        CHECK(GetQueuedCompletionStatus(port, &octets, &key, &done, 20000));
    CHECK(setsockopt(client, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0) == 0);
    CHECK(setsockopt(accepted, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&listener, sizeof listener) == 0);
    CHECK(closesocket(accepted) == 0 && closesocket(client) == 0 && closesocket(listener) == 0);
    return 0;
}
