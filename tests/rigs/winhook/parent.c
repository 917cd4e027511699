/*
 * parent CHILD: starts the program three ways, each time as `CHILD bind PORT`, and prints the PIDs; as
 * a child that its starter keeps suspended it must still be suspended, once.
 */
#include "loopback.h"

static void finish(PROCESS_INFORMATION *child)
{
    DWORD status = 99;
    printf("%lu\n", child->dwProcessId);
    CHECK(WaitForSingleObject(child->hProcess, 20000) == WAIT_OBJECT_0 && GetExitCodeProcess(child->hProcess, &status) && status == 0);
}

int main(int count, char **words)
{
    char line[512];
    wchar_t wide[512];
    PROCESS_INFORMATION child;
    STARTUPINFOA startup_a = { .cb = sizeof startup_a };
    STARTUPINFOW startup_w = { .cb = sizeof startup_w };
    if (count == 3) {
        start_winsock();
        closesocket(tcp_socket(atoi(words[2])));
        return 0;
    }
    SetLastError(4711);
    sprintf(line, "\"%s\" bind 7151", words[0]);
    CHECK(CreateProcessA(words[0], line, NULL, NULL, FALSE, 0, NULL, NULL, &startup_a, &child));
    finish(&child);
    _snwprintf(wide, 512, L"\"%hs\" bind 7152", words[0]);
    CHECK(CreateProcessW(NULL, wide, NULL, NULL, FALSE, 0, NULL, NULL, &startup_w, &child));
    finish(&child);
    _snwprintf(wide, 512, L"\"%hs\" bind 7153", words[0]);
    CHECK(CreateProcessW(NULL, wide, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &startup_w, &child));
    CHECK(ResumeThread(child.hThread) == 1);
    finish(&child);
    CHECK(!CreateProcessW(L"C:\\no such program.exe", NULL, NULL, NULL, FALSE, 0, NULL, NULL, &startup_w, &child) && GetLastError() == ERROR_FILE_NOT_FOUND);
    return 0;
}
