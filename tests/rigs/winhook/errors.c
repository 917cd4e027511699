/* errors: what the calls return and leave as last error, 4711 before each. */
#include "loopback.h"

#include <mswsock.h>

#define SHOW(call) (SetLastError(4711), result = (long long)(call), error = GetLastError(), printf("%-12.12s %lld %lu\n", #call, result, error))

int main(void)
{
    long long result;
    DWORD error, octets;
    u_long on = 1;
    GUID id = WSAID_CONNECTEX;
    LPFN_CONNECTEX ConnectEx = NULL;
    OVERLAPPED overlapped;
    struct sockaddr_in nobody = loopback(7172), here = loopback(7171);
    start_winsock();
    memset(&overlapped, 0, sizeof overlapped);
    SOCKET s = tcp_socket(-1), other = tcp_socket(-1), listener = tcp_socket(-1);
    SHOW(connect(s, (struct sockaddr *)&nobody, sizeof nobody));
    SHOW(WSAConnect(other, (struct sockaddr *)&nobody, sizeof nobody, NULL, NULL, NULL, NULL));
    SHOW(bind(listener, (struct sockaddr *)&here, sizeof here));
    SHOW(bind(listener, (struct sockaddr *)&here, sizeof here));
    SHOW(listen(listener, 5));
    SHOW(listen(INVALID_SOCKET, 5));
    SHOW(ioctlsocket(listener, FIONBIO, &on));
    SHOW(accept(listener, NULL, NULL));
    SHOW(WSAAccept(listener, NULL, NULL, NULL, 0));
    SHOW(WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &ConnectEx, sizeof ConnectEx, &octets, NULL, NULL));
    SHOW(ConnectEx(tcp_socket(-1), (struct sockaddr *)&here, sizeof here, NULL, 0, NULL, &overlapped));
    SHOW(ConnectEx(INVALID_SOCKET, (struct sockaddr *)&here, sizeof here, NULL, 0, NULL, &overlapped));
    SHOW(closesocket(s));
    SHOW(closesocket(s));
    s = tcp_socket(-1);
    SHOW(connect(s, (struct sockaddr *)&here, sizeof here));
    SHOW(connect(s, (struct sockaddr *)&here, sizeof here));
    SHOW(closesocket(s));
    SHOW(setsockopt(listener, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0));
    SHOW(GetProcAddress(GetModuleHandleA("ws2_32.dll"), "no such function") != NULL);
    return 0;
}
