/*
 * Not followed: children started for another user (CreateProcessAsUser and its kin) and 32-bit ones.
 * A child that its parent debugs isn't touched: only the parent, which is here, could let it load.
 */
#include "processes.h"

#include "inject.h"
#include "patch.h"

#define MOST_PATH 1024
#define DEADLINE_MILLISECONDS 5000
#define DEBUGGED (DEBUG_PROCESS | DEBUG_ONLY_THIS_PROCESS)

static wchar_t own_path[MOST_PATH];
typedef BOOL(WINAPI *create_a)(LPCSTR, LPSTR, LPSECURITY_ATTRIBUTES, LPSECURITY_ATTRIBUTES, BOOL, DWORD, LPVOID, LPCSTR, LPSTARTUPINFOA, LPPROCESS_INFORMATION);
typedef BOOL(WINAPI *create_w)(LPCWSTR, LPWSTR, LPSECURITY_ATTRIBUTES, LPSECURITY_ATTRIBUTES, BOOL, DWORD, LPVOID, LPCWSTR, LPSTARTUPINFOW, LPPROCESS_INFORMATION);
static create_a create_process_a;
static create_w create_process_w;

void processes_initialize(HMODULE self)
{
    DWORD length = GetModuleFileNameW(self, own_path, MOST_PATH);
    if (length >= MOST_PATH)
        own_path[0] = L'\0'; /* cut off: LoadLibraryW would look for something else */
    create_process_a = (create_a)patch_find_original("CreateProcessA");
    create_process_w = (create_w)patch_find_original("CreateProcessW");
}

static DWORD started_with(DWORD flags)
{
    return flags & DEBUGGED ? flags : flags | CREATE_SUSPENDED;
}

/* The last error stays, whatever becomes of the hook. */
static BOOL follow(BOOL is_started, DWORD flags, const PROCESS_INFORMATION *child)
{
    if (!is_started || flags & DEBUGGED)
        return is_started;
    DWORD error = GetLastError();
    if (own_path[0] != L'\0')
        inject(child->hProcess, own_path, DEADLINE_MILLISECONDS);
    if (!(flags & CREATE_SUSPENDED))
        ResumeThread(child->hThread);
    SetLastError(error);
    return TRUE;
}

BOOL WINAPI hooked_CreateProcessA(LPCSTR application, LPSTR command, LPSECURITY_ATTRIBUTES process, LPSECURITY_ATTRIBUTES thread, BOOL inherit, DWORD flags, LPVOID environment, LPCSTR directory, LPSTARTUPINFOA startup, LPPROCESS_INFORMATION information)
{
    return follow(create_process_a(application, command, process, thread, inherit, started_with(flags), environment, directory, startup, information), flags, information);
}

BOOL WINAPI hooked_CreateProcessW(LPCWSTR application, LPWSTR command, LPSECURITY_ATTRIBUTES process, LPSECURITY_ATTRIBUTES thread, BOOL inherit, DWORD flags, LPVOID environment, LPCWSTR directory, LPSTARTUPINFOW startup, LPPROCESS_INFORMATION information)
{
    return follow(create_process_w(application, command, process, thread, inherit, started_with(flags), environment, directory, startup, information), flags, information);
}
