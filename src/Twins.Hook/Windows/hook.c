/*
 * twins-hook.dll: inside the program, put there by twins-exec or by the hook of the program's parent.
 * It tells of socket calls and hands itself on to children; it stays until the process ends.
 */
#include "sockets.h"

#include "patch.h"
#include "processes.h"
#include "report.h"

#define WINSOCK(name) { L"ws2_32.dll", #name, (function)hooked_##name }
/* kernel32's and kernelbase's may be two functions; programs import either. */
#define KERNEL(name) { L"kernel32.dll", #name, (function)hooked_##name }, { L"kernelbase.dll", #name, (function)hooked_##name }

static const struct hook hooks[] = {
    WINSOCK(bind),
    WINSOCK(listen),
    WINSOCK(connect),
    WINSOCK(WSAConnect),
    WINSOCK(accept),
    WINSOCK(WSAAccept),
    WINSOCK(closesocket),
    WINSOCK(setsockopt),
    WINSOCK(WSAIoctl),
    KERNEL(GetProcAddress),
    KERNEL(CreateProcessA),
    KERNEL(CreateProcessW),
};

BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, LPVOID reserved)
{
    (void)reserved;
    if (reason != DLL_PROCESS_ATTACH)
        return TRUE;
    DisableThreadLibraryCalls(self);
    /* Import tables will point into this module for good. */
    HMODULE pinned;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)(void *)self, &pinned);
    report_initialize();
    processes_initialize(self);
    patch_initialize(self, hooks, sizeof hooks / sizeof *hooks);
    return TRUE;
}
