/* storm: eight threads, fifty connections each, to a listener of its own. */
#include "loopback.h"

#define THREADS 8
#define CONNECTIONS 50

static volatile LONG connections;

static DWORD WINAPI connect_often(LPVOID parameter)
{
    struct sockaddr_in address = loopback(7161);
    (void)parameter;
    for (int i = 0; i < CONNECTIONS; i++) {
        SOCKET client = tcp_socket(-1);
        CHECK(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
        InterlockedIncrement(&connections);
        CHECK(closesocket(client) == 0);
    }
    return 0;
}

static DWORD WINAPI accept_all(LPVOID parameter)
{
    SOCKET listener = *(SOCKET *)parameter;
    for (int i = 0; i < THREADS * CONNECTIONS; i++) {
        SOCKET accepted = accept(listener, NULL, NULL);
        CHECK(accepted != INVALID_SOCKET && closesocket(accepted) == 0);
    }
    return 0;
}

int main(void)
{
    HANDLE threads[THREADS + 1];
    start_winsock();
    SOCKET listener = tcp_socket(7161);
    CHECK(listen(listener, SOMAXCONN) == 0);
    threads[THREADS] = CreateThread(NULL, 0, accept_all, &listener, 0, NULL);
    for (int i = 0; i < THREADS; i++)
        threads[i] = CreateThread(NULL, 0, connect_often, NULL, 0, NULL);
    CHECK(WaitForMultipleObjects(THREADS + 1, threads, TRUE, 60000) == WAIT_OBJECT_0);
    printf("%ld connections\n", connections);
    return 0;
}
