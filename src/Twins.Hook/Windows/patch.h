/* Replaces functions in the import tables of all modules, those loaded later included. */
#ifndef TWINS_HOOK_PATCH_H
#define TWINS_HOOK_PATCH_H

#include <windows.h>

/* Any function, for casting. */
typedef void (*function)(void);

struct hook {
    const wchar_t *module; /* that exports it; loaded already */
    const char *name;
    function replacement;
};

/*
 * From here on a module that imports one of the functions, or asks GetProcAddress for it, gets the
 * replacement; `self` alone keeps the originals. Called once, in DllMain, at most MOST_HOOKS of them.
 */
#define MOST_HOOKS 32
void patch_initialize(HMODULE self, const struct hook *hooks, int count);

FARPROC WINAPI hooked_GetProcAddress(HMODULE module, LPCSTR name);

/*
 * The function itself, where it is implemented: kernel32's are often no more than a jump through its
 * own import table, which is patched like any other and would lead back here. Before patching only.
 */
function patch_find_original(const char *name);

#endif
