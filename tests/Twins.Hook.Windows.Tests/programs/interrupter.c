/* interrupter FILE: waits until the file is there, lets Ctrl-C come to all programs of its console, and exits with 7 once it has got it. */
#include "../../rigs/winhook/loopback.h"

static HANDLE got;

static BOOL WINAPI handle(DWORD event)
{
    return event == CTRL_C_EVENT && SetEvent(got);
}

int main(int count, char **words)
{
    for (int i = 0; count > 1 && GetFileAttributesA(words[1]) == INVALID_FILE_ATTRIBUTES; i++) {
        CHECK(i < 600);
        Sleep(50);
    }
    got = CreateEventW(NULL, FALSE, FALSE, NULL);
    CHECK(SetConsoleCtrlHandler(handle, TRUE) && GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0));
    CHECK(WaitForSingleObject(got, 20000) == WAIT_OBJECT_0);
    return 7;
}
