/*
 * speaker FILE: waits until the file is there, prints its PID, binds port 7171, writes to its standard
 * error and exits with 3.
 */
#include "../../rigs/winhook/loopback.h"

int main(int count, char **words)
{
    for (int i = 0; count > 1 && GetFileAttributesA(words[1]) == INVALID_FILE_ATTRIBUTES; i++) {
        CHECK(i < 600);
        Sleep(50);
    }
    start_winsock();
    CHECK(closesocket(tcp_socket(7171)) == 0);
    printf("%lu\n", GetCurrentProcessId());
    fprintf(stderr, "spoken");
    return 3;
}
