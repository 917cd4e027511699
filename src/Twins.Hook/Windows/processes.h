/* The children of a program under Twins: they get the hook too. A child that can't have it runs without. */
#ifndef TWINS_HOOK_PROCESSES_H
#define TWINS_HOOK_PROCESSES_H

#include <windows.h>

/* Remembers where this library is. Called once, in DllMain, before anything is patched. */
void processes_initialize(HMODULE self);

BOOL WINAPI hooked_CreateProcessA(LPCSTR application, LPSTR command, LPSECURITY_ATTRIBUTES process, LPSECURITY_ATTRIBUTES thread, BOOL inherit, DWORD flags, LPVOID environment, LPCSTR directory, LPSTARTUPINFOA startup, LPPROCESS_INFORMATION information);
BOOL WINAPI hooked_CreateProcessW(LPCWSTR application, LPWSTR command, LPSECURITY_ATTRIBUTES process, LPSECURITY_ATTRIBUTES thread, BOOL inherit, DWORD flags, LPVOID environment, LPCWSTR directory, LPSTARTUPINFOW startup, LPPROCESS_INFORMATION information);

#endif
