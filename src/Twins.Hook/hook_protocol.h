/*
 * What the hook inside a mobile process tells the Migration Manager: one datagram per socket call,
 * on every platform the same fifty-six octets.
 *
 * Transport on Linux: AF_UNIX, SOCK_DGRAM, to TWINS_HOOK_SOCKET_PATH (the environment variable
 * TWINS_HOOK_SOCKET overrides it). Who sent it is told by the kernel (SCM_CREDENTIALS at the
 * receiver), so the message carries no process identity and a claim in it would not be believed.
 *
 * Transport on Windows: the named pipe TWINS_HOOK_PIPE_NAME, made by the receiver for messages
 * (PIPE_TYPE_MESSAGE), inbound; the environment variable TWINS_HOOK_PIPE overrides the name, which has
 * to begin with \\.\pipe\. One connection per process, kept; who it is, the receiver asks the system
 * (GetNamedPipeClientProcessId). The receiver may end it, to make room, for instance: the next message
 * is sent through a new one. The descriptor is the low 32 bits of the SOCKET. While a connect is
 * in progress the local address may be the wildcard, and the remote end is the one that was asked
 * for; ConnectEx is told again, complete and without the flag, once the program updates the context.
 * TWINS_HOOK_SOCKET and TWINS_HOOK_DUP are not sent there.
 *
 * The hook is a hint. Messages are lost when nobody listens or the receiver is slow, static programs
 * send none, and a descriptor that a program hands on in other ways is not followed. A receiver
 * registers early because of it and reads the truth from the kernel.
 *
 * Rules of change: a field is never moved or reused; a receiver ignores messages of another magic,
 * version or size. Integers are little-endian; addresses are octets in network order.
 */
#ifndef TWINS_HOOK_PROTOCOL_H
#define TWINS_HOOK_PROTOCOL_H

#include <stdint.h>

#define TWINS_HOOK_SOCKET_PATH "/run/twins/hook.sock"
#define TWINS_HOOK_SOCKET_VARIABLE "TWINS_HOOK_SOCKET"

#define TWINS_HOOK_PIPE_NAME L"\\\\.\\pipe\\twins-hook"
#define TWINS_HOOK_PIPE_VARIABLE L"TWINS_HOOK_PIPE"

#define TWINS_HOOK_MAGIC 0x4b485754u /* the octets T W H K */
#define TWINS_HOOK_VERSION 1

/* What was done, after it succeeded. */
enum twins_hook_kind {
    TWINS_HOOK_SOCKET = 1,  /* a socket was made; no addresses */
    TWINS_HOOK_BIND = 2,    /* local end fixed */
    TWINS_HOOK_LISTEN = 3,  /* local end takes connections; may be a wildcard address */
    TWINS_HOOK_CONNECT = 4, /* both ends; see TWINS_HOOK_IN_PROGRESS */
    TWINS_HOOK_ACCEPT = 5,  /* both ends of the new connection */
    TWINS_HOOK_CLOSE = 6,   /* one descriptor is gone; others may still hold the socket (dup, fork) */
    TWINS_HOOK_DUP = 7      /* one more descriptor of the socket */
};

/* flags */
#define TWINS_HOOK_IN_PROGRESS 0x01 /* connect goes on in the background and may still fail */

struct twins_hook_message {
    uint32_t magic;             /*  0: TWINS_HOOK_MAGIC */
    uint16_t version;           /*  4: TWINS_HOOK_VERSION */
    uint16_t size;              /*  6: of the whole message: 56 */
    uint8_t kind;               /*  8: enum twins_hook_kind */
    uint8_t family;             /*  9: 4 or 6, the socket's own; a mapped address stays a mapped one */
    uint8_t transport;          /* 10: number of the IANA protocol registry: 6 TCP, 17 UDP */
    uint8_t flags;              /* 11 */
    int32_t descriptor;         /* 12: the descriptor the call was about, in the sender's numbers */
    uint16_t local_port;        /* 16: 0: none */
    uint16_t remote_port;       /* 18: 0: none */
    uint8_t local_address[16];  /* 20: the first 4 or 16 octets count, the rest is zero */
    uint8_t remote_address[16]; /* 36 */
    uint32_t reserved;          /* 52: 0 */
};

#ifdef __cplusplus
static_assert(sizeof(struct twins_hook_message) == 56, "the message has 56 octets");
#else
_Static_assert(sizeof(struct twins_hook_message) == 56, "the message has 56 octets");
#endif

#endif
