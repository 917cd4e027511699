/*
 * What the stand-in and the bridge say to each other over a stream socket, one connection per handle.
 * Both run on the same machine: numbers are in its byte order. A frame is a header and `length` bytes.
 */
#ifndef RIG_PROTOCOL_H
#define RIG_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

/* The path of the bridge's socket, in the environment of the program under Wine. */
#define RIG_SOCKET_VARIABLE "TWINS_RIG_SOCKET"

enum rig_frame {
    RIG_OPEN = 1,  /* up: struct rig_open, then the compiled filter, a text without a zero */
    RIG_OPENED,    /* down: struct rig_opened */
    RIG_RECV,      /* up: struct rig_recv; answered by one RIG_PACKETS or RIG_END */
    RIG_PACKETS,   /* both ways: `count` addresses, then as many packets, back to back */
    RIG_END,       /* down: shut down, and nothing is queued */
    RIG_SHUTDOWN,  /* up, on a connection of its own: the handle's name; nothing is captured any more when RIG_END answers */
    RIG_SET_PARAM, /* up: struct rig_param */
    RIG_EVENT,     /* up, from a test, on a connection of its own: the address of an event to deliver */
};

struct rig_header {
    uint32_t length;
    uint8_t type;
    uint8_t truncated; /* of RIG_PACKETS down: the packet was larger than the buffer, its rest is lost */
    uint16_t count;
};

/* Most bytes after a header, upwards. A frame holds any 255 addresses and any packet. */
#define RIG_FRAME_BYTES (1u << 20)

#define RIG_BATCH 255          /* WINDIVERT_BATCH_MAX */
#define RIG_FILTER_TESTS 255   /* what the driver takes; the DLL compiles one more */
#define RIG_OBJECT_BYTES 16384 /* of a filter of that length in its text form, and more */

struct rig_open {
    uint64_t flags;
    int16_t priority;
    uint8_t layer;
    uint8_t reserved[5];
};

struct rig_opened {
    uint64_t name;  /* for RIG_SHUTDOWN */
    uint32_t error; /* Windows', or 0 */
    uint32_t reserved;
};

struct rig_recv {
    uint32_t packet_bytes; /* room for packets */
    uint32_t addresses;    /* room for addresses */
};

struct rig_param {
    uint64_t value;
    uint32_t param; /* WINDIVERT_PARAM_QUEUE_LENGTH, _TIME or _SIZE */
    uint32_t reserved;
};

/* WINDIVERT_ADDRESS with its bits as a byte. */
struct rig_address {
    int64_t timestamp;
    uint8_t layer;
    uint8_t event;
    uint8_t bits;
    uint8_t reserved1;
    uint32_t reserved2;
    union {
        struct {
            uint32_t interface_index, subinterface_index;
            uint64_t token; /* unused by WinDivert: which packet of the bridge's this is, 0 for none */
        } network;
        struct {
            uint64_t endpoint, parent_endpoint;
            uint32_t process;
            uint32_t local_address[4], remote_address[4]; /* host order, least significant first */
            uint16_t local_port, remote_port;
            uint8_t protocol;
        } flow; /* and socket */
        uint8_t bytes[64];
    };
};

_Static_assert(sizeof(struct rig_address) == 80 && offsetof(struct rig_address, flow.protocol) == 72, "WINDIVERT_ADDRESS");

enum {
    RIG_SNIFFED = 0x01, RIG_OUTBOUND = 0x02, RIG_LOOPBACK = 0x04, RIG_IMPOSTOR = 0x08, RIG_IPV6 = 0x10,
    RIG_IP_CHECKSUM = 0x20, RIG_TCP_CHECKSUM = 0x40, RIG_UDP_CHECKSUM = 0x80, RIG_CHECKSUMS = 0xE0,
};

enum { RIG_LAYER_NETWORK, RIG_LAYER_FORWARD, RIG_LAYER_FLOW, RIG_LAYER_SOCKET };
enum { RIG_FLAG_SNIFF = 1, RIG_FLAG_DROP = 2 };

/* The length that an IP packet states; 0 when the first `available` bytes don't begin one. */
static inline uint32_t rig_packet_length(const uint8_t *packet, size_t available)
{
    if (available >= 20 && packet[0] >> 4 == 4) {
        uint32_t length = (uint32_t)packet[2] << 8 | packet[3];
        return length >= 20 ? length : 0;
    }
    if (available >= 40 && packet[0] >> 4 == 6)
        return 40 + ((uint32_t)packet[4] << 8 | packet[5]);
    return 0;
}

#endif
