/*
 * A slot of an import table is known by the address in it: that covers imports by name, by ordinal,
 * through API sets and through forwarders alike. Not covered: addresses that the program got before
 * the hook came, LdrGetProcedureAddress, and the delay-load of system modules (they resolve in ntdll).
 */
#include "patch.h"

#include <psapi.h>
#include <winternl.h>

#define MOST_MODULES 1024

static HMODULE own_module;
static const struct hook *all_hooks;
static int hook_count;
static function originals[MOST_HOOKS];
static FARPROC(WINAPI *get_proc_address)(HMODULE, LPCSTR);

static function replacement_of(function found)
{
    for (int i = 0; i < hook_count; i++)
        if (found != NULL && found == originals[i])
            return all_hooks[i].replacement;
    return found;
}

/* Aligned, so that threads that run meanwhile call the one function or the other. */
static void write_slot(ULONG_PTR *slot, function value)
{
    MEMORY_BASIC_INFORMATION page;
    DWORD before;
    if (VirtualQuery(slot, &page, sizeof page) == 0)
        return;
    /* A page that is run must stay so while it is written. */
    int runs = (page.Protect & (PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY)) != 0;
    if (!VirtualProtect(slot, sizeof *slot, runs ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE, &before))
        return;
    *(volatile ULONG_PTR *)slot = (ULONG_PTR)value;
    VirtualProtect(slot, sizeof *slot, before, &before);
}

/* The loader has walked the same tables and found them sound. */
static void patch_module(HMODULE module)
{
    BYTE *base = (BYTE *)module;
    const IMAGE_NT_HEADERS *headers = (const IMAGE_NT_HEADERS *)(base + ((const IMAGE_DOS_HEADER *)base)->e_lfanew);
    if (module == own_module || headers->OptionalHeader.Magic != IMAGE_NT_OPTIONAL_HDR_MAGIC
        || headers->OptionalHeader.NumberOfRvaAndSizes <= IMAGE_DIRECTORY_ENTRY_IMPORT)
        return;
    DWORD imports = headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress;
    if (imports == 0)
        return;
    for (const IMAGE_IMPORT_DESCRIPTOR *from = (const IMAGE_IMPORT_DESCRIPTOR *)(base + imports); from->Name != 0 && from->FirstThunk != 0; from++) {
        for (ULONG_PTR *slot = (ULONG_PTR *)(base + from->FirstThunk); *slot != 0; slot++) {
            function value = replacement_of((function)*slot);
            if ((ULONG_PTR)value != *slot)
                write_slot(slot, value);
        }
    }
}

FARPROC WINAPI hooked_GetProcAddress(HMODULE module, LPCSTR name)
{
    return (FARPROC)replacement_of((function)get_proc_address(module, name));
}

function patch_find_original(const char *name)
{
    function original = (function)GetProcAddress(GetModuleHandleW(L"kernelbase.dll"), name);
    return original != NULL ? original : (function)GetProcAddress(GetModuleHandleW(L"kernel32.dll"), name);
}

/* Names as in the documentation of LdrRegisterDllNotification, which has no header. */
struct dll_notification {
    ULONG Flags;
    const UNICODE_STRING *FullDllName;
    const UNICODE_STRING *BaseDllName;
    PVOID DllBase;
    ULONG SizeOfImage;
};

/*
 * Windows 8 and later, and wine, call this when the module's imports are filled in and before its
 * own code runs. Microsoft only promises a call "before dynamic linking": in a Windows that did that,
 * no address would match, and modules loaded later would not be followed.
 */
static VOID CALLBACK when_loaded(ULONG reason, const struct dll_notification *module, PVOID context)
{
    (void)context;
    if (reason == 1 /* LDR_DLL_NOTIFICATION_REASON_LOADED */)
        patch_module((HMODULE)module->DllBase);
}

void patch_initialize(HMODULE self, const struct hook *hooks, int count)
{
    own_module = self;
    get_proc_address = (FARPROC(WINAPI *)(HMODULE, LPCSTR))patch_find_original("GetProcAddress");
    for (int i = 0; i < count; i++)
        originals[i] = (function)GetProcAddress(GetModuleHandleW(hooks[i].module), hooks[i].name);
    all_hooks = hooks;
    hook_count = count;

    typedef LONG(NTAPI * register_function)(ULONG, VOID(CALLBACK *)(ULONG, const struct dll_notification *, PVOID), PVOID, PVOID *);
    register_function register_notification = (register_function)(function)GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "LdrRegisterDllNotification");
    PVOID cookie;
    if (register_notification != NULL)
        register_notification(0, when_loaded, NULL, &cookie);

    /* DllMain holds the loader's lock: no module comes or goes meanwhile. */
    HMODULE modules[MOST_MODULES];
    DWORD octets = 0;
    if (!K32EnumProcessModules(GetCurrentProcess(), modules, sizeof modules, &octets))
        return;
    for (DWORD i = 0; i < octets / sizeof *modules && i < MOST_MODULES; i++)
        patch_module(modules[i]);
}
