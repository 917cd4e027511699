/*
 * The process was started suspended: its first thread to run, ours, makes the loader set the process
 * up, then calls LoadLibraryW, which has the same address in all processes of the same bitness.
 * Code of statically linked modules (DllMain) runs before the hook is in.
 */
#include "inject.h"

#include <psapi.h>
#include <string.h>

#define MOST_MODULES 1024

BOOL is_32_bit(HANDLE process)
{
    BOOL wow64 = FALSE;
    return IsWow64Process(process, &wow64) && wow64;
}

/* A thread's exit code has the low half of the module's address only. */
static BOOL has_module(HANDLE process, DWORD low_address)
{
    HMODULE modules[MOST_MODULES];
    DWORD octets = 0;
    if (low_address == 0 || !K32EnumProcessModules(process, modules, sizeof modules, &octets))
        return FALSE;
    for (DWORD i = 0; i < octets / sizeof *modules && i < MOST_MODULES; i++)
        if ((DWORD)(ULONG_PTR)modules[i] == low_address)
            return TRUE;
    return FALSE;
}

static DWORD load_in(HANDLE process, void *path, DWORD milliseconds)
{
    typedef void (*function)(void);
    function load = (function)GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "LoadLibraryW");
    HANDLE thread = CreateRemoteThread(process, NULL, 0, (LPTHREAD_START_ROUTINE)load, path, 0, NULL);
    if (thread == NULL)
        return GetLastError();
    DWORD error = WaitForSingleObject(thread, milliseconds), loaded = 0;
    if (error == WAIT_OBJECT_0)
        error = GetExitCodeThread(thread, &loaded) && has_module(process, loaded) ? 0 : ERROR_DLL_INIT_FAILED;
    CloseHandle(thread);
    return error;
}

DWORD inject(HANDLE process, const wchar_t *library, DWORD milliseconds)
{
    if (is_32_bit(process))
        return ERROR_BAD_EXE_FORMAT;
    SIZE_T size = (wcslen(library) + 1) * sizeof *library;
    void *path = VirtualAllocEx(process, NULL, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (path == NULL)
        return GetLastError();
    DWORD error = WriteProcessMemory(process, path, library, size, NULL) ? load_in(process, path, milliseconds) : GetLastError();
    /* After a timeout the thread may still read it. */
    if (error != WAIT_TIMEOUT)
        VirtualFreeEx(process, path, 0, MEM_RELEASE);
    return error;
}
