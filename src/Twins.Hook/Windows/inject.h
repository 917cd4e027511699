/* Puts a library into a process that has not begun to run. */
#ifndef TWINS_HOOK_INJECT_H
#define TWINS_HOOK_INJECT_H

#include <windows.h>

/* Whether the process is a 32-bit one, which the 64-bit hook can't follow. */
BOOL is_32_bit(HANDLE process);

/*
 * Lets a thread of its own in `process` load `library`, an absolute path, and waits for it, so long
 * at most. Returns 0 when the library is in; else an error code: ERROR_BAD_EXE_FORMAT for a 32-bit
 * process, ERROR_DLL_INIT_FAILED when the process couldn't load it, WAIT_TIMEOUT.
 */
DWORD inject(HANDLE process, const wchar_t *library, DWORD milliseconds);

#endif
