/* Telling the Migration Manager what happened to a socket. */
#ifndef TWINS_HOOK_REPORT_H
#define TWINS_HOOK_REPORT_H

#include <stdint.h>

#include "hook_protocol.h"

/* Reads the destination from the environment, once, before any thread exists. */
void report_initialize(void);

/*
 * Fills in what `descriptor` is: 1 for an IPv4 or IPv6 socket, 0 for anything else (then the message
 * is not to be sent). Changes errno.
 */
int report_describe(struct twins_hook_message *message, int descriptor, enum twins_hook_kind kind);

/* Sends without waiting; whatever goes wrong is no news to the program. Changes errno. */
void report_send(const struct twins_hook_message *message);

/* Around fork(), in pthread_atfork's three places: the child gets no socket of a message under way. */
void report_before_fork(void);
void report_after_fork_in_parent(void);
void report_after_fork_in_child(void);

#endif
