/*
 * WinDivert's filters, as the driver runs them: the form that WinDivertHelperCompileFilter makes of a
 * text, decoded once and evaluated per packet. The self-test compares it with the DLL's own
 * WinDivertHelperEvalFilter.
 */
#ifndef RIG_FILTER_H
#define RIG_FILTER_H

#include "protocol.h"

struct filter_test {
    uint8_t field, comparison, negative;
    uint16_t success, failure; /* the next test, or one of the two results */
    uint32_t argument[4];      /* least significant first */
};

struct filter {
    unsigned length;
    struct filter_test tests[RIG_FILTER_TESTS];
};

/* 0: not a compiled filter, longer than the driver takes, or one with a random number in it. */
int filter_decode(struct filter *filter, const char *object, size_t length);

/* `packet` is NULL for an event. */
int filter_matches(const struct filter *filter, const struct rig_address *address, const uint8_t *packet, size_t length);

/* Where the checksums of an IPv4 packet's header and of TCP or UDP are; 0 where there is none. */
void packet_checksums(const uint8_t *packet, size_t length, size_t *header, size_t *transport);

#endif
