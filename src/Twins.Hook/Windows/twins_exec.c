/*
 * Starts a program with the hook in it.
 *
 * twins-exec [--hook DLL] [--stdout FILE --stderr FILE] [--print-pid] [--own-console] -- COMMAND ARGUMENTS...
 *
 * The program is a child with a PID of its own: it inherits the three standard streams and no other
 * handle. With --stdout and --stderr these are files that grow, and its input is empty. Ctrl-C
 * reaches it, not twins-exec, which waits and exits with its exit code; whoever ends twins-exec
 * doesn't end the program, as on Linux. With --own-console it has a console without a window to
 * itself: Ctrl-C and the end of twins-exec's console don't reach it. --print-pid writes the PID on a
 * line of its own to the standard output before the program runs.
 * Exit status when it can't be started: 127 the command was not found, 126 it can't be run (scripts
 * and 32-bit programs, for example), 125 anything else, 2 usage.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>
#include <shellapi.h>

#include "inject.h"

#define MOST_PATH 32768
#define MOST_COMMAND_LINE 32767 /* CreateProcessW's limit */
#define DEADLINE_MILLISECONDS 10000

static void write_text(HANDLE stream, const wchar_t *text)
{
    char octets[4096];
    DWORD mode, done;
    if (GetConsoleMode(stream, &mode)) {
        WriteConsoleW(stream, text, (DWORD)wcslen(text), &done, NULL);
        return;
    }
    int length = WideCharToMultiByte(CP_UTF8, 0, text, -1, octets, sizeof octets, NULL, NULL);
    /* Nobody may be there to read it: then the status has to do. */
    if (length > 0)
        WriteFile(stream, octets, (DWORD)length - 1, &done, NULL);
}

/* Text of at most 1023 characters, a longer one is cut. Does not return. */
static void fail(UINT status, const wchar_t *format, ...)
{
    wchar_t text[1024];
    va_list arguments;
    va_start(arguments, format);
    if (_vsnwprintf(text, 1023, format, arguments) < 0)
        text[1022] = L'\n';
    va_end(arguments);
    text[1023] = L'\0';
    write_text(GetStdHandle(STD_ERROR_HANDLE), text);
    ExitProcess(status);
}

static void fail_with_error(UINT status, const wchar_t *what, DWORD error)
{
    wchar_t reason[512];
    if (FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK, NULL, error, 0, reason, 512, NULL) == 0)
        reason[0] = L'\0';
    fail(status, L"twins-exec: %.300ls: %.512ls(error %lu)\n", what, reason, error);
}

static void usage(void)
{
    fail(2, L"usage: twins-exec [--hook DLL] [--stdout FILE --stderr FILE] [--print-pid] [--own-console] -- COMMAND ARGUMENTS...\n");
}

struct options {
    const wchar_t *hook, *output, *error;
    BOOL prints_pid, has_own_console;
    int command; /* index of the first word after -- */
};

static struct options read_options(int count, wchar_t **words)
{
    struct options options = { NULL, NULL, NULL, FALSE, FALSE, 0 };
    int i = 1;
    for (; i < count && wcscmp(words[i], L"--") != 0; i++) {
        const wchar_t **value = wcscmp(words[i], L"--hook") == 0 ? &options.hook
            : wcscmp(words[i], L"--stdout") == 0 ? &options.output
            : wcscmp(words[i], L"--stderr") == 0 ? &options.error
            : NULL;
        if (wcscmp(words[i], L"--print-pid") == 0)
            options.prints_pid = TRUE;
        else if (wcscmp(words[i], L"--own-console") == 0)
            options.has_own_console = TRUE;
        else if (value != NULL && i + 1 < count)
            *value = words[++i];
        else
            usage();
    }
    options.command = i + 1;
    if (options.command >= count || (options.output == NULL) != (options.error == NULL))
        usage();
    return options;
}

/* One word, so that CommandLineToArgvW and the C run-time read it as it is. Returns the end. */
static wchar_t *append_word(wchar_t *end, const wchar_t *limit, const wchar_t *word)
{
    size_t backslashes = 0;
    /* At most two characters each, two quotation marks, a blank and the closing zero. */
    if (end == NULL || 2 * wcslen(word) + 4 > (size_t)(limit - end))
        return NULL;
    *end++ = L'"';
    for (; *word != L'\0'; word++) {
        if (*word == L'"')
            for (backslashes++; backslashes > 0; backslashes--)
                *end++ = L'\\';
        backslashes = *word == L'\\' ? backslashes + 1 : 0;
        *end++ = *word;
    }
    for (; backslashes > 0; backslashes--)
        *end++ = L'\\';
    *end++ = L'"';
    *end++ = L' ';
    *end = L'\0';
    return end;
}

/*
 * Refused before anything is started: what is no program, and 32-bit programs. Managed programs for
 * any processor are 32-bit by their headers and may run as 64-bit ones: start() looks at what became of them.
 */
static void check_program(const wchar_t *path)
{
    HMODULE file = LoadLibraryExW(path, NULL, LOAD_LIBRARY_AS_DATAFILE);
    if (file == NULL)
        fail_with_error(126, path, GetLastError());
    const BYTE *base = (const BYTE *)((ULONG_PTR)file & ~(ULONG_PTR)3); /* the low bits say how it was loaded */
    const IMAGE_NT_HEADERS32 *headers = (const IMAGE_NT_HEADERS32 *)(base + ((const IMAGE_DOS_HEADER *)base)->e_lfanew);
    BOOL is_32 = headers->OptionalHeader.Magic == IMAGE_NT_OPTIONAL_HDR32_MAGIC;
    BOOL is_managed = is_32 && headers->OptionalHeader.NumberOfRvaAndSizes > IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR
        && headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR].VirtualAddress != 0;
    FreeLibrary(file);
    if (is_32 && !is_managed)
        fail(126, L"twins-exec: %.300ls: a 32-bit program; only 64-bit programs can run under Twins\n", path);
}

static HANDLE open_stream(const wchar_t *path, DWORD access, DWORD disposition)
{
    HANDLE file = CreateFileW(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, disposition, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE)
        fail_with_error(125, path, GetLastError());
    return file;
}

static void choose_streams(const struct options *options, STARTUPINFOW *startup)
{
    startup->hStdInput = options->output != NULL ? open_stream(L"NUL", GENERIC_READ, OPEN_EXISTING) : GetStdHandle(STD_INPUT_HANDLE);
    startup->hStdOutput = options->output != NULL ? open_stream(options->output, FILE_APPEND_DATA, OPEN_ALWAYS) : GetStdHandle(STD_OUTPUT_HANDLE);
    startup->hStdError = options->output != NULL ? open_stream(options->error, FILE_APPEND_DATA, OPEN_ALWAYS) : GetStdHandle(STD_ERROR_HANDLE);
    startup->dwFlags = STARTF_USESTDHANDLES;
}

/* Suspended, with the standard streams as its only handles. */
static void start(const wchar_t *path, wchar_t *command_line, const struct options *options, PROCESS_INFORMATION *process)
{
    static BYTE list[1024];
    HANDLE streams[3];
    DWORD count = 0;
    SIZE_T size = sizeof list;
    STARTUPINFOEXW startup;
    memset(&startup, 0, sizeof startup);
    startup.StartupInfo.cb = sizeof startup;
    choose_streams(options, &startup.StartupInfo);
    const HANDLE chosen[3] = { startup.StartupInfo.hStdInput, startup.StartupInfo.hStdOutput, startup.StartupInfo.hStdError };
    for (int i = 0; i < 3; i++) {
        /* A program without a console has none; one handle may stand for two, but be listed once. */
        if (chosen[i] == NULL || chosen[i] == INVALID_HANDLE_VALUE || !SetHandleInformation(chosen[i], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT))
            continue;
        if ((count == 0 || streams[0] != chosen[i]) && (count < 2 || streams[1] != chosen[i]))
            streams[count++] = chosen[i];
    }
    startup.lpAttributeList = (LPPROC_THREAD_ATTRIBUTE_LIST)list;
    if (!InitializeProcThreadAttributeList(startup.lpAttributeList, 1, 0, &size)
        || (count > 0 && !UpdateProcThreadAttribute(startup.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, streams, count * sizeof *streams, NULL, NULL)))
        fail_with_error(125, L"the list of handles", GetLastError());
    DWORD flags = CREATE_SUSPENDED | EXTENDED_STARTUPINFO_PRESENT | (options->has_own_console ? CREATE_NO_WINDOW : 0);
    if (!CreateProcessW(path, command_line, NULL, NULL, count > 0, flags, NULL, NULL, &startup.StartupInfo, process))
        fail_with_error(126, path, GetLastError());
    if (is_32_bit(process->hProcess)) {
        TerminateProcess(process->hProcess, 126);
        fail(126, L"twins-exec: %.300ls: runs as a 32-bit program; only 64-bit programs can run under Twins\n", path);
    }
}

/* Without --hook's library the program never runs: it would not be what was asked for. */
static void put_in(const wchar_t *library, const PROCESS_INFORMATION *process)
{
    DWORD error = inject(process->hProcess, library, DEADLINE_MILLISECONDS);
    if (error == 0)
        return;
    TerminateProcess(process->hProcess, 125);
    fail_with_error(125, library, error);
}

static BOOL WINAPI when_interrupted(DWORD event)
{
    /* The program has got it too and decides. */
    return event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT;
}

int main(void)
{
    static wchar_t path[MOST_PATH], library[MOST_PATH], command_line[MOST_COMMAND_LINE];
    int count;
    wchar_t **words = CommandLineToArgvW(GetCommandLineW(), &count);
    if (words == NULL)
        fail(125, L"twins-exec: no memory\n");
    struct options options = read_options(count, words);

    wchar_t *end = command_line;
    for (int i = options.command; i < count; i++)
        end = append_word(end, command_line + MOST_COMMAND_LINE, words[i]);
    if (end == NULL)
        fail(126, L"twins-exec: %.300ls: too many arguments\n", words[options.command]);

    DWORD length = SearchPathW(NULL, words[options.command], L".exe", MOST_PATH, path, NULL);
    if (length == 0 || length >= MOST_PATH)
        fail_with_error(127, words[options.command], GetLastError());
    check_program(path);
    if (options.hook != NULL) {
        length = GetFullPathNameW(options.hook, MOST_PATH, library, NULL);
        if (length == 0 || length >= MOST_PATH || GetFileAttributesW(library) == INVALID_FILE_ATTRIBUTES)
            fail_with_error(125, options.hook, GetLastError());
    }

    SetConsoleCtrlHandler(when_interrupted, TRUE);
    PROCESS_INFORMATION process;
    start(path, command_line, &options, &process);
    if (options.hook != NULL)
        put_in(library, &process);
    if (options.prints_pid) {
        wchar_t line[16];
        _snwprintf(line, 16, L"%lu\n", process.dwProcessId);
        write_text(GetStdHandle(STD_OUTPUT_HANDLE), line);
    }
    if (ResumeThread(process.hThread) == (DWORD)-1)
        fail_with_error(125, path, GetLastError());
    DWORD status = 125;
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &status);
    ExitProcess(status);
}
