/* late.dll: loaded by lateload when that runs already. */
#include "loopback.h"

__declspec(dllexport) void talk(void)
{
    start_winsock();
    SOCKET listener = tcp_socket(7141);
    CHECK(listen(listener, 5) == 0 && closesocket(listener) == 0);
}
