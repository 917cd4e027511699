/*
 * The functions called here are ws2_32's own: the hook's import table is the one that isn't patched.
 *
 * What is missed: AcceptEx by programs that never set SO_UPDATE_ACCEPT_CONTEXT (they can't ask for
 * the connection's addresses either), sockets closed by CloseHandle or returned by DisconnectEx for
 * use again, duplicates for other processes, and calls inside ws2_32 (WSAConnectByName).
 */
#include "sockets.h"

#include <mswsock.h>
#include <string.h>
#include <windows.h>
#include <ws2tcpip.h>

#include "report.h"

/* Tells of a call that succeeded; with `in_progress`, of one that goes on to that address. The last error stays. */
static void tell(SOCKET socket, enum twins_hook_kind kind, const struct sockaddr *in_progress, int length)
{
    DWORD error = GetLastError();
    struct twins_hook_message message;
    if (report_describe(&message, socket, kind)) {
        if (in_progress != NULL)
            report_in_progress(&message, in_progress, length);
        report_send(&message);
    }
    SetLastError(error);
}

static int told_connect(int result, SOCKET socket, const struct sockaddr *address, int length)
{
    if (result == 0)
        tell(socket, TWINS_HOOK_CONNECT, NULL, 0);
    else if (GetLastError() == WSAEWOULDBLOCK)
        tell(socket, TWINS_HOOK_CONNECT, address, length);
    return result;
}

int WSAAPI hooked_bind(SOCKET socket, const struct sockaddr *address, int length)
{
    int result = bind(socket, address, length);
    if (result == 0)
        tell(socket, TWINS_HOOK_BIND, NULL, 0);
    return result;
}

int WSAAPI hooked_listen(SOCKET socket, int backlog)
{
    int result = listen(socket, backlog);
    if (result == 0)
        tell(socket, TWINS_HOOK_LISTEN, NULL, 0);
    return result;
}

int WSAAPI hooked_connect(SOCKET socket, const struct sockaddr *address, int length)
{
    return told_connect(connect(socket, address, length), socket, address, length);
}

int WSAAPI hooked_WSAConnect(SOCKET socket, const struct sockaddr *address, int length, LPWSABUF caller, LPWSABUF callee, LPQOS qos, LPQOS group_qos)
{
    return told_connect(WSAConnect(socket, address, length, caller, callee, qos, group_qos), socket, address, length);
}

SOCKET WSAAPI hooked_accept(SOCKET socket, struct sockaddr *address, int *length)
{
    SOCKET accepted = accept(socket, address, length);
    if (accepted != INVALID_SOCKET)
        tell(accepted, TWINS_HOOK_ACCEPT, NULL, 0);
    return accepted;
}

SOCKET WSAAPI hooked_WSAAccept(SOCKET socket, struct sockaddr *address, LPINT length, LPCONDITIONPROC condition, DWORD_PTR data)
{
    SOCKET accepted = WSAAccept(socket, address, length, condition, data);
    if (accepted != INVALID_SOCKET)
        tell(accepted, TWINS_HOOK_ACCEPT, NULL, 0);
    return accepted;
}

int WSAAPI hooked_closesocket(SOCKET socket)
{
    /* Before: afterwards another thread may already have the number again. */
    DWORD error = GetLastError();
    struct twins_hook_message message;
    int is_described = report_describe(&message, socket, TWINS_HOOK_CLOSE);
    SetLastError(error);
    int result = closesocket(socket);
    if (result == 0 && is_described) {
        error = GetLastError();
        report_send(&message);
        SetLastError(error);
    }
    return result;
}

/* What AcceptEx and ConnectEx have done is known to the socket from here on, and so to us. */
int WSAAPI hooked_setsockopt(SOCKET socket, int level, int name, const char *value, int length)
{
    int result = setsockopt(socket, level, name, value, length);
    if (result == 0 && level == SOL_SOCKET && name == SO_UPDATE_ACCEPT_CONTEXT)
        tell(socket, TWINS_HOOK_ACCEPT, NULL, 0);
    else if (result == 0 && level == SOL_SOCKET && name == SO_UPDATE_CONNECT_CONTEXT)
        tell(socket, TWINS_HOOK_CONNECT, NULL, 0);
    return result;
}

static const GUID connect_ex_id = WSAID_CONNECTEX;

static BOOL PASCAL hooked_ConnectEx(SOCKET socket, const struct sockaddr *address, int length, PVOID data, DWORD size, LPDWORD sent, LPOVERLAPPED overlapped)
{
    DWORD error = GetLastError(), octets;
    GUID id = connect_ex_id;
    LPFN_CONNECTEX connect_ex = NULL;
    /* Asked each time: the function belongs to the socket's provider, of which there may be several. */
    if (WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &connect_ex, sizeof connect_ex, &octets, NULL, NULL) != 0)
        return FALSE;
    /* Described before: when it returns, another thread may already have got the completion and closed the socket. */
    struct twins_hook_message message;
    int is_described = report_describe(&message, socket, TWINS_HOOK_CONNECT);
    SetLastError(error);
    BOOL result = connect_ex(socket, address, length, data, size, sent, overlapped);
    error = GetLastError();
    if (is_described && (result || error == ERROR_IO_PENDING)) {
        report_in_progress(&message, address, length);
        report_send(&message);
        SetLastError(error);
    }
    return result;
}

int WSAAPI hooked_WSAIoctl(SOCKET socket, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    int result = WSAIoctl(socket, code, in, in_size, out, out_size, returned, overlapped, routine);
    if (result == 0 && code == SIO_GET_EXTENSION_FUNCTION_POINTER && in_size >= sizeof(GUID) && out_size >= sizeof(LPFN_CONNECTEX)
        && memcmp(in, &connect_ex_id, sizeof(GUID)) == 0) {
        LPFN_CONNECTEX replacement = hooked_ConnectEx;
        memcpy(out, &replacement, sizeof replacement);
    }
    return result;
}
