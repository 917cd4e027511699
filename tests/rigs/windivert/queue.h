/* The kernel's side of the bridge: packets out of NFQUEUE, verdicts, and a raw socket for what is new. */
#ifndef RIG_QUEUE_H
#define RIG_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct queued_packet {
    uint32_t id;
    uint16_t queue;
    uint8_t hook; /* enum nf_inet_hooks */
    uint32_t in_interface, out_interface; /* 0: none */
    const uint8_t *data; /* valid until the next queue_receive */
    size_t length;
    int whole; /* 0: larger than a message carries, `data` is only its beginning */
};

/* Each ends the program with a sentence when the system refuses. */
void queue_open(const uint16_t *queues, unsigned count);
void raw_open(uint32_t mark);

int queue_descriptor(void);

/* Takes what the kernel has ready, at most one batch, without waiting, once the last one is used up. How many; queue_next gives them. */
int queue_receive(void);
int queue_next(struct queued_packet *packet);

/* Collected; they take effect at queue_flush. `data` NULL: the packet as the kernel has it. */
void queue_accept(uint16_t queue, uint32_t id, const uint8_t *data, size_t length);
void queue_drop(uint16_t queue, uint32_t id);

/* The mark that accepted packets go on with; until then each keeps its own. */
void queue_set_accept_mark(uint32_t mark);
void queue_flush(void);

/* The largest packet that a verdict carries. */
#define VERDICT_PACKET_BYTES 65531u

/* Sends a packet by its destination, marked. 0: the system refused it. */
int raw_send(const uint8_t *data, size_t length, uint32_t interface_index);

#endif
