#include "filter.h"

#include <string.h>

/* Fields in WinDivert's numbering; the ones between are plain header fields, in the table below. */
enum {
    ZERO = 0, INBOUND, OUTBOUND, IFIDX, SUBIFIDX, IP, IPV6, ICMP, TCP, UDP, ICMPV6,
    IP_HDRLENGTH, IP_SRCADDR = 21, IP_DSTADDR, IPV6_TRAFFICCLASS, IPV6_FLOWLABEL, IPV6_SRCADDR = 28, IPV6_DSTADDR, ICMP_TYPE,
    TCP_PAYLOADLENGTH = 52, UDP_PAYLOADLENGTH = 57, LOOPBACK, IMPOSTOR, PROCESSID,
    LOCALADDR, REMOTEADDR, LOCALPORT, REMOTEPORT, PROTOCOL, ENDPOINTID, PARENTENDPOINTID,
    EVENT = 70, PACKET, PACKET16, PACKET32, TCP_PAYLOAD, TCP_PAYLOAD16, TCP_PAYLOAD32,
    UDP_PAYLOAD, UDP_PAYLOAD16, UDP_PAYLOAD32, LENGTH, TIMESTAMP, RANDOM8, RANDOM16, RANDOM32, FRAGMENT,
};

enum { EQUAL, NOT_EQUAL, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL };
enum { ACCEPT = 0x7FFE, REJECT = 0x7FFF };

enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_ICMPV6 = 58 };

/* ---- the object: "@WinDiv_", version, length, and per test "_" and its numbers ---- */

struct reader {
    const char *at, *end;
    int failed;
};

static int next_char(struct reader *reader)
{
    if (reader->at < reader->end)
        return (unsigned char)*reader->at++;
    reader->failed = 1;
    return 0;
}

/* Base 32, most significant digit first; the last digit is out of the alphabet's second half. */
static uint32_t next_number(struct reader *reader)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+=";
    uint32_t value = 0;
    for (int digits = 0; digits < 7; digits++) {
        int character = next_char(reader);
        const char *digit = character == 0 ? NULL : strchr(alphabet, character);
        if (digit == NULL)
            break;
        value = value << 5 | ((uint32_t)(digit - alphabet) & 31);
        if (digit - alphabet >= 32)
            return value;
    }
    reader->failed = 1;
    return 0;
}

/* Programs only go forwards: they end. */
static uint16_t next_label(struct reader *reader, unsigned test, unsigned length)
{
    uint32_t label;
    switch (next_char(reader)) {
    case 'A': return ACCEPT;
    case 'X': return REJECT;
    case 'L':
        label = next_number(reader);
        if (label > test && label < length)
            return (uint16_t)label;
    }
    reader->failed = 1;
    return REJECT;
}

static void read_arguments(struct reader *reader, struct filter_test *test)
{
    test->argument[0] = next_number(reader);
    switch (test->field) {
    case IPV6_SRCADDR: case IPV6_DSTADDR: case LOCALADDR: case REMOTEADDR:
        for (int i = 1; i < 4; i++)
            test->argument[i] = next_number(reader);
        break;
    case ENDPOINTID: case PARENTENDPOINTID: case TIMESTAMP:
        test->argument[1] = next_number(reader);
        break;
    case IP_SRCADDR: case IP_DSTADDR:
        test->argument[1] = 0xFFFF; /* ::ffff:a.b.c.d */
        break;
    case PACKET: case PACKET16: case PACKET32: case TCP_PAYLOAD: case TCP_PAYLOAD16: case TCP_PAYLOAD32:
    case UDP_PAYLOAD: case UDP_PAYLOAD16: case UDP_PAYLOAD32:
        test->argument[1] = next_number(reader) - 0xFFFF; /* an index, from the end where negative */
        break;
    }
}

int filter_decode(struct filter *filter, const char *object, size_t length)
{
    static const char magic[] = "@WinDiv_";
    if (length < sizeof magic || memcmp(object, magic, sizeof magic - 1) != 0)
        return 0;
    struct reader reader = { object + sizeof magic - 1, object + length, 0 };
    if (next_number(&reader) != 0)
        return 0;
    memset(filter, 0, sizeof *filter);
    filter->length = next_number(&reader);
    if (filter->length == 0 || filter->length > RIG_FILTER_TESTS)
        return 0;
    for (unsigned i = 0; i < filter->length && !reader.failed; i++) {
        struct filter_test *test = &filter->tests[i];
        if (next_char(&reader) != '_')
            return 0;
        uint32_t field = next_number(&reader), comparison = next_number(&reader), negative = next_number(&reader);
        if (field > FRAGMENT || comparison > GREATER_OR_EQUAL || negative > 1)
            return 0;
        if (field == RANDOM8 || field == RANDOM16 || field == RANDOM32)
            return 0;
        *test = (struct filter_test) { .field = (uint8_t)field, .comparison = (uint8_t)comparison, .negative = (uint8_t)negative };
        read_arguments(&reader, test);
        test->success = next_label(&reader, i, filter->length);
        test->failure = next_label(&reader, i, filter->length);
    }
    return !reader.failed && reader.at == reader.end;
}

/* ---- the packet ---- */

enum part { IP_HEADER = 1, IPV6_HEADER, ICMP_HEADER, ICMPV6_HEADER, TCP_HEADER, UDP_HEADER };

struct view {
    const uint8_t *packet;
    size_t length;
    enum part network, transport; /* 0: none that is looked into */
    size_t transport_at, payload_at, payload_end;
    uint8_t protocol;
    int fragment;
};

static uint32_t big_endian(const uint8_t *bytes, unsigned count)
{
    uint32_t value = 0;
    while (count-- > 0)
        value = value << 8 | *bytes++;
    return value;
}

/* RFC 8200's extension headers as WinDivert walks them. Returns where the walk ended, and whether what follows is no first fragment. */
static size_t skip_extensions(struct view *view, size_t end, int *later_fragment)
{
    size_t at = 40;
    *later_fragment = 0;
    while (!*later_fragment && end - at >= 2) {
        const uint8_t *header = view->packet + at;
        size_t bytes;
        switch (view->protocol) {
        case 44:
            if (view->fragment || end - at < 8)
                return at;
            bytes = 8;
            view->fragment = 1;
            *later_fragment = (big_endian(header + 2, 2) & 0xFFF8) != 0;
            break;
        case 51: bytes = (header[1] + 2u) * 4; break;
        case 0: case 43: case 60: case 135: bytes = (header[1] + 1u) * 8; break;
        default: return at;
        }
        if (end - at < bytes)
            return at;
        view->protocol = header[0];
        at += bytes;
    }
    return at;
}

static int look(struct view *view, const uint8_t *packet, size_t length)
{
    *view = (struct view) { .packet = packet, .length = length };
    uint32_t stated = rig_packet_length(packet, length);
    if (stated == 0)
        return 0;
    size_t end = stated < length ? stated : length, at;
    int later_fragment;
    if (packet[0] >> 4 == 4) {
        at = (packet[0] & 15u) * 4;
        if (at < 20 || stated < at || length < at)
            return 0;
        view->network = IP_HEADER;
        view->protocol = packet[9];
        view->fragment = (big_endian(packet + 6, 2) & 0x3FFF) != 0;
        later_fragment = (big_endian(packet + 6, 2) & 0x1FFF) != 0;
    } else {
        view->network = IPV6_HEADER;
        view->protocol = packet[6];
        at = skip_extensions(view, end, &later_fragment);
    }
    view->transport_at = view->payload_at = at;
    view->payload_end = end;
    if (later_fragment)
        return 1;
    size_t left = end - at, bytes = 0;
    if (view->protocol == PROTOCOL_TCP && left >= 20 && packet[at + 12] >> 4 >= 5) {
        view->transport = TCP_HEADER;
        bytes = (packet[at + 12] >> 4) * 4u;
    } else if (view->protocol == PROTOCOL_UDP && left >= 8) {
        view->transport = UDP_HEADER;
        bytes = 8;
    } else if (view->protocol == PROTOCOL_ICMP && left >= 8 && view->network == IP_HEADER) {
        view->transport = ICMP_HEADER;
        bytes = 8;
    } else if (view->protocol == PROTOCOL_ICMPV6 && left >= 8 && view->network == IPV6_HEADER) {
        view->transport = ICMPV6_HEADER;
        bytes = 8;
    }
    view->payload_at = at + (bytes < left ? bytes : left);
    return 1;
}

void packet_checksums(const uint8_t *packet, size_t length, size_t *header, size_t *transport)
{
    struct view view;
    *header = *transport = 0;
    if (!look(&view, packet, length))
        return;
    if (view.network == IP_HEADER)
        *header = 10;
    if (!view.fragment && view.transport == TCP_HEADER)
        *transport = view.transport_at + 16;
    if (!view.fragment && view.transport == UDP_HEADER)
        *transport = view.transport_at + 6;
}

/* ---- the values ---- */

/* Fields that are so many bits at a place of a header. */
static const struct place {
    uint8_t part, offset, bytes, shift;
    uint32_t mask;
} places[] = {
    [IP_HDRLENGTH] = { IP_HEADER, 0, 1, 0, 0xF },
    [12] = { IP_HEADER, 1, 1, 0, 0xFF },          /* ip.TOS */
    [13] = { IP_HEADER, 2, 2, 0, 0xFFFF },        /* ip.Length */
    [14] = { IP_HEADER, 4, 2, 0, 0xFFFF },        /* ip.Id */
    [15] = { IP_HEADER, 6, 2, 14, 1 },            /* ip.DF */
    [16] = { IP_HEADER, 6, 2, 13, 1 },            /* ip.MF */
    [17] = { IP_HEADER, 6, 2, 0, 0x1FFF },        /* ip.FragOff */
    [18] = { IP_HEADER, 8, 1, 0, 0xFF },          /* ip.TTL */
    [19] = { IP_HEADER, 9, 1, 0, 0xFF },          /* ip.Protocol */
    [20] = { IP_HEADER, 10, 2, 0, 0xFFFF },       /* ip.Checksum */
    [IP_SRCADDR] = { IP_HEADER, 12, 4, 0, ~0u },
    [IP_DSTADDR] = { IP_HEADER, 16, 4, 0, ~0u },
    [IPV6_TRAFFICCLASS] = { IPV6_HEADER, 0, 4, 20, 0xFF },
    [IPV6_FLOWLABEL] = { IPV6_HEADER, 0, 4, 0, 0xFFFFF },
    [25] = { IPV6_HEADER, 4, 2, 0, 0xFFFF },      /* ipv6.Length */
    [26] = { IPV6_HEADER, 6, 1, 0, 0xFF },        /* ipv6.NextHdr */
    [27] = { IPV6_HEADER, 7, 1, 0, 0xFF },        /* ipv6.HopLimit */
    [IPV6_SRCADDR] = { IPV6_HEADER, 8, 4, 0, ~0u },
    [IPV6_DSTADDR] = { IPV6_HEADER, 24, 4, 0, ~0u },
    [ICMP_TYPE] = { ICMP_HEADER, 0, 1, 0, 0xFF },
    [31] = { ICMP_HEADER, 1, 1, 0, 0xFF },        /* icmp.Code */
    [32] = { ICMP_HEADER, 2, 2, 0, 0xFFFF },      /* icmp.Checksum */
    [33] = { ICMP_HEADER, 4, 4, 0, ~0u },         /* icmp.Body */
    [34] = { ICMPV6_HEADER, 0, 1, 0, 0xFF },      /* icmpv6.Type */
    [35] = { ICMPV6_HEADER, 1, 1, 0, 0xFF },      /* icmpv6.Code */
    [36] = { ICMPV6_HEADER, 2, 2, 0, 0xFFFF },    /* icmpv6.Checksum */
    [37] = { ICMPV6_HEADER, 4, 4, 0, ~0u },       /* icmpv6.Body */
    [38] = { TCP_HEADER, 0, 2, 0, 0xFFFF },       /* tcp.SrcPort */
    [39] = { TCP_HEADER, 2, 2, 0, 0xFFFF },       /* tcp.DstPort */
    [40] = { TCP_HEADER, 4, 4, 0, ~0u },          /* tcp.SeqNum */
    [41] = { TCP_HEADER, 8, 4, 0, ~0u },          /* tcp.AckNum */
    [42] = { TCP_HEADER, 12, 1, 4, 0xF },         /* tcp.HdrLength */
    [43] = { TCP_HEADER, 13, 1, 5, 1 },           /* tcp.Urg */
    [44] = { TCP_HEADER, 13, 1, 4, 1 },           /* tcp.Ack */
    [45] = { TCP_HEADER, 13, 1, 3, 1 },           /* tcp.Psh */
    [46] = { TCP_HEADER, 13, 1, 2, 1 },           /* tcp.Rst */
    [47] = { TCP_HEADER, 13, 1, 1, 1 },           /* tcp.Syn */
    [48] = { TCP_HEADER, 13, 1, 0, 1 },           /* tcp.Fin */
    [49] = { TCP_HEADER, 14, 2, 0, 0xFFFF },      /* tcp.Window */
    [50] = { TCP_HEADER, 16, 2, 0, 0xFFFF },      /* tcp.Checksum */
    [51] = { TCP_HEADER, 18, 2, 0, 0xFFFF },      /* tcp.UrgPtr */
    [TCP_PAYLOADLENGTH] = { TCP_HEADER, 0, 0, 0, 0 },
    [53] = { UDP_HEADER, 0, 2, 0, 0xFFFF },       /* udp.SrcPort */
    [54] = { UDP_HEADER, 2, 2, 0, 0xFFFF },       /* udp.DstPort */
    [55] = { UDP_HEADER, 4, 2, 0, 0xFFFF },       /* udp.Length */
    [56] = { UDP_HEADER, 6, 2, 0, 0xFFFF },       /* udp.Checksum */
    [UDP_PAYLOADLENGTH] = { UDP_HEADER, 0, 0, 0, 0 },
};

struct value {
    uint32_t words[4]; /* least significant first */
    int negative, wide; /* wide: all four words count */
};

static void ip_address(struct value *value, const struct view *view, int destination)
{
    value->wide = 1;
    if (view->network == IP_HEADER) {
        value->words[0] = big_endian(view->packet + (destination ? 16 : 12), 4);
        value->words[1] = 0xFFFF;
        return;
    }
    for (int i = 0; i < 4; i++)
        value->words[i] = big_endian(view->packet + (destination ? 24 : 8) + 12 - 4 * i, 4);
}

/* The port of TCP and UDP; for ICMP the type counts as the sender's. */
static uint32_t port(const struct view *view, int destination)
{
    const uint8_t *header = view->packet + view->transport_at;
    switch (view->transport) {
    case TCP_HEADER: case UDP_HEADER: return big_endian(header + (destination ? 2 : 0), 2);
    case ICMP_HEADER: case ICMPV6_HEADER: return destination ? 0 : header[0];
    default: return 0;
    }
}

/* Bytes of the packet or its payload at an index; a negative one counts from the end. */
static int bytes_at(struct value *value, const struct filter_test *test, const struct view *view, unsigned bytes, int payload)
{
    int64_t low = payload ? (int64_t)view->payload_at : 0, high = payload ? (int64_t)view->payload_end : (int64_t)view->length;
    int64_t at = (int32_t)test->argument[1];
    at += at < 0 ? high : low;
    if (at < low || at + bytes > high)
        return 0;
    value->words[0] = big_endian(view->packet + at, bytes);
    return 1;
}

/* What only packets have. 0: this one doesn't have it. */
static int packet_value(struct value *value, const struct filter_test *test, const struct rig_address *address, const struct view *view)
{
    int outbound = (address->bits & RIG_OUTBOUND) != 0;
    uint8_t field = test->field;
    if (field < sizeof places / sizeof *places && places[field].part != 0) {
        const struct place *place = &places[field];
        if (view->network != place->part && view->transport != place->part)
            return 0;
        const uint8_t *header = view->packet + (place->part <= IPV6_HEADER ? 0 : view->transport_at);
        value->words[0] = big_endian(header + place->offset, place->bytes) >> place->shift & place->mask;
    }
    switch (field) {
    case IPV6_FLOWLABEL: /* WinDivert turns the bytes round as if they were a whole number of 32 bits */
        value->words[0] = (value->words[0] & 0xFFFF) << 16 | value->words[0] >> 16 << 8;
        break;
    case IP_SRCADDR: case IPV6_SRCADDR: ip_address(value, view, 0); break;
    case IP_DSTADDR: case IPV6_DSTADDR: ip_address(value, view, 1); break;
    case TCP_PAYLOADLENGTH: case UDP_PAYLOADLENGTH: value->words[0] = (uint32_t)(view->payload_end - view->payload_at); break;
    case IFIDX: value->words[0] = address->network.interface_index; break;
    case SUBIFIDX: value->words[0] = address->network.subinterface_index; break;
    case ICMP: value->words[0] = view->transport == ICMP_HEADER; break;
    case ICMPV6: value->words[0] = view->transport == ICMPV6_HEADER; break;
    case TCP: value->words[0] = view->transport == TCP_HEADER; break;
    case UDP: value->words[0] = view->transport == UDP_HEADER; break;
    case LOCALADDR: ip_address(value, view, !outbound); break;
    case REMOTEADDR: ip_address(value, view, outbound); break;
    case LOCALPORT: value->words[0] = port(view, !outbound); break;
    case REMOTEPORT: value->words[0] = port(view, outbound); break;
    case PROTOCOL: value->words[0] = view->protocol; break;
    case LENGTH: value->words[0] = (uint32_t)view->length; break;
    case FRAGMENT: value->words[0] = (uint32_t)view->fragment; break;
    case PACKET: return bytes_at(value, test, view, 1, 0);
    case PACKET16: return bytes_at(value, test, view, 2, 0);
    case PACKET32: return bytes_at(value, test, view, 4, 0);
    case TCP_PAYLOAD: return view->transport == TCP_HEADER && bytes_at(value, test, view, 1, 1);
    case TCP_PAYLOAD16: return view->transport == TCP_HEADER && bytes_at(value, test, view, 2, 1);
    case TCP_PAYLOAD32: return view->transport == TCP_HEADER && bytes_at(value, test, view, 4, 1);
    case UDP_PAYLOAD: return view->transport == UDP_HEADER && bytes_at(value, test, view, 1, 1);
    case UDP_PAYLOAD16: return view->transport == UDP_HEADER && bytes_at(value, test, view, 2, 1);
    case UDP_PAYLOAD32: return view->transport == UDP_HEADER && bytes_at(value, test, view, 4, 1);
    }
    return 1;
}

/* What only the events of the FLOW and SOCKET layers have. */
static void event_value(struct value *value, const struct filter_test *test, const struct rig_address *address)
{
    int ipv6 = (address->bits & RIG_IPV6) != 0;
    uint8_t protocol = address->flow.protocol;
    switch (test->field) {
    case ICMP: value->words[0] = !ipv6 && protocol == PROTOCOL_ICMP; break;
    case ICMPV6: value->words[0] = ipv6 && protocol == PROTOCOL_ICMPV6; break;
    case TCP: value->words[0] = protocol == PROTOCOL_TCP; break;
    case UDP: value->words[0] = protocol == PROTOCOL_UDP; break;
    case PROTOCOL: value->words[0] = protocol; break;
    case PROCESSID: value->words[0] = address->flow.process; break;
    case LOCALPORT: value->words[0] = address->flow.local_port; break;
    case REMOTEPORT: value->words[0] = address->flow.remote_port; break;
    case LOCALADDR:
        value->wide = 1;
        memcpy(value->words, address->flow.local_address, sizeof value->words);
        break;
    case REMOTEADDR:
        value->wide = 1;
        memcpy(value->words, address->flow.remote_address, sizeof value->words);
        break;
    case ENDPOINTID: case PARENTENDPOINTID: {
        uint64_t id = test->field == ENDPOINTID ? address->flow.endpoint : address->flow.parent_endpoint;
        value->wide = 1;
        value->words[0] = (uint32_t)id;
        value->words[1] = (uint32_t)(id >> 32);
    }
    }
}

static int compare(const struct value *value, const struct filter_test *test)
{
    if (value->negative != test->negative)
        return value->negative ? -1 : 1;
    for (int i = value->wide ? 3 : 0; i >= 0; i--)
        if (value->words[i] != test->argument[i])
            return (value->words[i] < test->argument[i]) != value->negative ? -1 : 1;
    return 0;
}

static int passes(const struct filter_test *test, const struct rig_address *address, const struct view *view)
{
    struct value value = { { 0 }, 0, 0 };
    int64_t time = address->timestamp;
    switch (test->field) {
    case ZERO: break;
    case EVENT: value.words[0] = address->event; break;
    case INBOUND: value.words[0] = (address->bits & RIG_OUTBOUND) == 0; break;
    case OUTBOUND: value.words[0] = (address->bits & RIG_OUTBOUND) != 0; break;
    case LOOPBACK: value.words[0] = (address->bits & RIG_LOOPBACK) != 0; break;
    case IMPOSTOR: value.words[0] = (address->bits & RIG_IMPOSTOR) != 0; break;
    case IP: value.words[0] = view->network == IP_HEADER; break;
    case IPV6: value.words[0] = view->network == IPV6_HEADER; break;
    case TIMESTAMP:
        value.wide = 1;
        value.negative = time < 0;
        value.words[0] = (uint32_t)(time < 0 ? -(uint64_t)time : (uint64_t)time);
        value.words[1] = (uint32_t)((time < 0 ? -(uint64_t)time : (uint64_t)time) >> 32);
        break;
    default:
        if (view->packet == NULL)
            event_value(&value, test, address);
        else if (!packet_value(&value, test, address, view))
            return 0; /* a field that isn't there fails every comparison */
    }
    int order = compare(&value, test);
    switch (test->comparison) {
    case EQUAL: return order == 0;
    case NOT_EQUAL: return order != 0;
    case LESS: return order < 0;
    case LESS_OR_EQUAL: return order <= 0;
    case GREATER: return order > 0;
    default: return order >= 0;
    }
}

int filter_matches(const struct filter *filter, const struct rig_address *address, const uint8_t *packet, size_t length)
{
    struct view view = { .packet = NULL };
    if (packet != NULL && !look(&view, packet, length))
        return 0;
    unsigned at = 0;
    while (at < filter->length) {
        const struct filter_test *test = &filter->tests[at];
        at = passes(test, address, &view) ? test->success : test->failure;
    }
    return at == ACCEPT;
}
