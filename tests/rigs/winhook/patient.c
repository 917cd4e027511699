/* patient FILE: binds a port, waits until the file is there, binds another and exits with 3. */
#include "loopback.h"

int main(int count, char **words)
{
    start_winsock();
    SOCKET first = tcp_socket(7181);
    for (int i = 0; count > 1 && GetFileAttributesA(words[1]) == INVALID_FILE_ATTRIBUTES; i++) {
        CHECK(i < 600);
        Sleep(50);
    }
    CHECK(closesocket(tcp_socket(7182)) == 0 && closesocket(first) == 0);
    return 3;
}
