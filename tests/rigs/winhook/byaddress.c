/* byaddress: knows ws2_32 only through LoadLibrary and GetProcAddress, by name and by ordinal; GetProcAddress itself through GetProcAddress. */
#include "loopback.h"

typedef void (*function)(void);

static HMODULE library;
static FARPROC(WINAPI *get)(HMODULE, LPCSTR);

static function find(const char *name)
{
    function found = (function)get(library, name);
    CHECK(found != NULL);
    return found;
}

int main(void)
{
    struct sockaddr_in address = loopback(7131);
    library = LoadLibraryA("ws2_32.dll");
    CHECK(library != NULL);
    get = (FARPROC(WINAPI *)(HMODULE, LPCSTR))(function)GetProcAddress(GetModuleHandleA("kernelbase.dll"), "GetProcAddress");
    CHECK(get != NULL);
    WSADATA data;
    CHECK(((int(WSAAPI *)(WORD, WSADATA *))find("WSAStartup"))(MAKEWORD(2, 2), &data) == 0);
    SOCKET(WSAAPI *make)(int, int, int) = (SOCKET(WSAAPI *)(int, int, int))find("socket");
    SOCKET listener = make(AF_INET, SOCK_STREAM, 0), client = make(AF_INET, SOCK_STREAM, 0);
    CHECK(((int(WSAAPI *)(SOCKET, const struct sockaddr *, int))find(MAKEINTRESOURCEA(2)))(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(((int(WSAAPI *)(SOCKET, int))find(MAKEINTRESOURCEA(13)))(listener, 5) == 0);
    CHECK(((int(WSAAPI *)(SOCKET, const struct sockaddr *, int))find("connect"))(client, (struct sockaddr *)&address, sizeof address) == 0);
    SOCKET accepted = ((SOCKET(WSAAPI *)(SOCKET, struct sockaddr *, int *))find("accept"))(listener, NULL, NULL);
    CHECK(accepted != INVALID_SOCKET);
    int(WSAAPI *close)(SOCKET) = (int(WSAAPI *)(SOCKET))find(MAKEINTRESOURCEA(3));
    CHECK(close(client) == 0 && close(accepted) == 0 && close(listener) == 0);
    return 0;
}
