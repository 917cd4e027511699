/*
 * The socket calls of a program under Twins. Each does what ws2_32's does, with the same result and
 * the same last error, and tells the Migration Manager afterwards.
 */
#ifndef TWINS_HOOK_SOCKETS_H
#define TWINS_HOOK_SOCKETS_H

#include <winsock2.h>

int WSAAPI hooked_bind(SOCKET socket, const struct sockaddr *address, int length);
int WSAAPI hooked_listen(SOCKET socket, int backlog);
int WSAAPI hooked_connect(SOCKET socket, const struct sockaddr *address, int length);
int WSAAPI hooked_WSAConnect(SOCKET socket, const struct sockaddr *address, int length, LPWSABUF caller, LPWSABUF callee, LPQOS qos, LPQOS group_qos);
SOCKET WSAAPI hooked_accept(SOCKET socket, struct sockaddr *address, int *length);
SOCKET WSAAPI hooked_WSAAccept(SOCKET socket, struct sockaddr *address, LPINT length, LPCONDITIONPROC condition, DWORD_PTR data);
int WSAAPI hooked_closesocket(SOCKET socket);
int WSAAPI hooked_setsockopt(SOCKET socket, int level, int name, const char *value, int length);
int WSAAPI hooked_WSAIoctl(SOCKET socket, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);

#endif
