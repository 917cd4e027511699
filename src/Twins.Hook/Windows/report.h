/* Describing a socket and telling the Migration Manager. Nothing here waits or fails the program. */
#ifndef TWINS_HOOK_REPORT_H
#define TWINS_HOOK_REPORT_H

#include <winsock2.h>

#include "../hook_protocol.h"

/* Reads the pipe's name from the environment. Called once, in DllMain. */
void report_initialize(void);

/*
 * Fills `message` with what the system says of an IPv4 or IPv6 socket; 0 when it is none, or when
 * nobody listens. Changes the last error.
 */
int report_describe(struct twins_hook_message *message, SOCKET socket, enum twins_hook_kind kind);

/* Marks a connect as in progress; its remote end, which the system doesn't tell yet, is the one asked for. */
void report_in_progress(struct twins_hook_message *message, const struct sockaddr *remote, int length);

/* Sends without ever waiting; a message that nobody can take at once is lost. Changes the last error. */
void report_send(const struct twins_hook_message *message);

#endif
