/*
 * A small program of Windows that uses WinDivert, for selftest.sh.
 *
 * probe check            what one process can see by itself; prints a row per fact
 * probe relay FILTER [OLD NEW]
 *     sends on what it receives, in batches. With two addresses, OLD becomes NEW in what goes out and NEW
 *     becomes OLD in what comes in. Prints "ready"; at the end of its input it shuts down, drains and ends.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

#include "windivert.h"

#include "filter.h"
#include "linux_calls.h"

#define BATCH 64
#define BUFFER_BYTES (BATCH * 1600 + WINDIVERT_MTU_MAX)
#define PORT 7100 /* of the receiver; the next ones are others' */

static uint8_t buffer[BUFFER_BYTES];
static WINDIVERT_ADDRESS addresses[WINDIVERT_BATCH_MAX];

static void row(BOOL holds, const char *sentence)
{
    printf("%s %s\n", holds ? "ok    " : "FAILED", sentence);
    fflush(stdout);
}

/* ---- opening ---- */

static HANDLE open_with(const char *filter, WINDIVERT_LAYER layer, INT16 priority, UINT64 flags)
{
    HANDLE handle = WinDivertOpen(filter, layer, priority, flags);
    if (handle == INVALID_HANDLE_VALUE)
        printf("       WinDivertOpen(\"%.60s\") failed: %lu\n", filter, GetLastError());
    return handle;
}

static BOOL is_refused(DWORD error, const char *filter, WINDIVERT_LAYER layer, INT16 priority, UINT64 flags)
{
    SetLastError(0);
    HANDLE handle = WinDivertOpen(filter, layer, priority, flags);
    if (handle == INVALID_HANDLE_VALUE)
        return GetLastError() == error;
    WinDivertClose(handle);
    return FALSE;
}

/* Did a call fail, and with this error? The call is made before the error is looked at. */
static BOOL failed(BOOL result, DWORD error)
{
    return !result && GetLastError() == error;
}

static const char *ports(unsigned tests)
{
    static char text[300 * 24];
    char *end = text;
    for (unsigned i = 0; i < tests; i++)
        end += sprintf(end, "%stcp.DstPort == %u", i > 0 ? " or " : "", 2 * i + 1);
    return text;
}

static void check_opening(void)
{
    row(is_refused(87, "tcp.NoSuchField == 1", 0, 0, 0) && is_refused(87, "processId == 1", 0, 0, 0), "a filter that doesn't compile: 87");
    row(is_refused(87, "true", 0, 0, WINDIVERT_FLAG_SNIFF | WINDIVERT_FLAG_DROP) && is_refused(87, "true", 0, 0, WINDIVERT_FLAG_RECV_ONLY | WINDIVERT_FLAG_SEND_ONLY)
            && is_refused(87, "true", 0, 0, 0x40) && is_refused(87, "true", 7, 0, 0) && is_refused(87, "true", 0, 30001, 0) && is_refused(87, "true", 0, -30001, 0),
        "flags that exclude each other, unknown flags, layers and priorities: 87");
    row(is_refused(87, "true", WINDIVERT_LAYER_FLOW, 0, WINDIVERT_FLAG_SNIFF) && is_refused(87, "true", WINDIVERT_LAYER_FLOW, 0, WINDIVERT_FLAG_RECV_ONLY)
            && is_refused(87, "true", WINDIVERT_LAYER_SOCKET, 0, WINDIVERT_FLAG_SNIFF)
            && is_refused(87, "true", WINDIVERT_LAYER_REFLECT, 0, WINDIVERT_FLAG_SNIFF | WINDIVERT_FLAG_RECV_ONLY),
        "FLOW and SOCKET without the flags that the driver wants, and REFLECT: 87");
    HANDLE longest = open_with(ports(255), 0, 0, 0);
    row(longest != INVALID_HANDLE_VALUE && is_refused(87, ports(256), 0, 0, 0), "a filter of 255 tests opens, one of 256 doesn't: 87");
    WinDivertClose(longest);

    char path[128];
    GetEnvironmentVariableA(RIG_SOCKET_VARIABLE, path, sizeof path);
    SetEnvironmentVariableA(RIG_SOCKET_VARIABLE, "/nowhere");
    row(is_refused(2, "true", 0, 0, 0) && is_refused(1060, "true", 0, 0, WINDIVERT_FLAG_NO_INSTALL), "where no bridge is: 2, with NO_INSTALL 1060");
    SetEnvironmentVariableA(RIG_SOCKET_VARIABLE, path);
}

static BOOL is_param(HANDLE handle, WINDIVERT_PARAM param, UINT64 value, UINT64 least, UINT64 most)
{
    UINT64 now = 0;
    return WinDivertGetParam(handle, param, &now) && now == value && failed(WinDivertSetParam(handle, param, least - 1), 87)
        && failed(WinDivertSetParam(handle, param, most + 1), 87) && WinDivertSetParam(handle, param, least) && WinDivertSetParam(handle, param, most)
        && WinDivertGetParam(handle, param, &now) && now == most;
}

static void check_arguments(void)
{
    UINT64 major = 0, minor = 0;
    UINT bytes;
    OVERLAPPED overlapped = { 0 };
    HANDLE handle = open_with("false", 0, 0, 0), receiver = open_with("false", 0, 0, WINDIVERT_FLAG_RECV_ONLY),
           sender = open_with("false", 0, 0, WINDIVERT_FLAG_SEND_ONLY);
    row(is_param(handle, WINDIVERT_PARAM_QUEUE_LENGTH, 4096, 32, 16384) && is_param(handle, WINDIVERT_PARAM_QUEUE_TIME, 2000, 100, 16000)
            && is_param(handle, WINDIVERT_PARAM_QUEUE_SIZE, 4194304, 65535, 33554432) && WinDivertGetParam(handle, WINDIVERT_PARAM_VERSION_MAJOR, &major)
            && WinDivertGetParam(handle, WINDIVERT_PARAM_VERSION_MINOR, &minor) && major == 2 && minor == 2
            && failed(WinDivertSetParam(handle, WINDIVERT_PARAM_VERSION_MINOR, 3), 87) && failed(WinDivertGetParam(handle, 5, &major), 87),
        "parameters have WinDivert's defaults and limits, the version is 2.2");

    static const UINT wrong[] = { 0, 79, 255 * 80 + 1 };
    BOOL all = TRUE;
    for (unsigned i = 0; i < 3; i++) {
        bytes = wrong[i];
        all = all && failed(WinDivertRecvEx(handle, buffer, sizeof buffer, NULL, 0, addresses, &bytes, NULL), 87)
            && failed(WinDivertSendEx(handle, buffer, 100, NULL, 0, addresses, wrong[i], NULL), 87);
    }
    bytes = 80;
    row(all && failed(WinDivertRecvEx(handle, buffer, sizeof buffer, NULL, 0, NULL, &bytes, NULL), 87)
            && failed(WinDivertSendEx(handle, buffer, 100, NULL, 0, NULL, 80, NULL), 87)
            && failed(WinDivertRecvEx(handle, buffer, sizeof buffer, NULL, 1, addresses, &bytes, NULL), 87)
            && failed(WinDivertSendEx(handle, buffer, 100, NULL, 1, addresses, 80, NULL), 87)
            && failed(WinDivertRecvEx(handle, buffer, sizeof buffer, NULL, 0, addresses, &bytes, &overlapped), 50),
        "address lengths outside of 80 to 20400, missing addresses, flags: 87; overlapped calls: 50");

    memset(buffer, 0, 100);
    BOOL not_ip = failed(WinDivertSend(handle, buffer, 100, NULL, addresses), 87);
    memcpy(buffer, "\x45\0\0\x64", 4);
    row(not_ip && failed(WinDivertSend(handle, buffer, 99, NULL, addresses), 122) && failed(WinDivertSend(handle, buffer, 19, NULL, addresses), 122),
        "sending what is no IP packet: 87; less than the packet says: 122");
    row(failed(WinDivertSend(receiver, buffer, 100, NULL, addresses), 87) && failed(WinDivertRecv(sender, buffer, sizeof buffer, NULL, addresses), 87),
        "a RECV_ONLY handle doesn't send, a SEND_ONLY one doesn't receive: 87");
    row(failed(WinDivertShutdown(handle, 0), 87) && failed(WinDivertShutdown(handle, 4), 87) && WinDivertClose(receiver) && WinDivertClose(sender) && WinDivertClose(handle)
            && failed(WinDivertClose(handle), 6) && failed(WinDivertRecv(handle, buffer, sizeof buffer, NULL, addresses), 6)
            && failed(WinDivertSend(handle, buffer, 100, NULL, addresses), 6) && failed(WinDivertClose(INVALID_HANDLE_VALUE), 6) && failed(WinDivertClose(NULL), 6),
        "calls on a closed handle: 6");
}

/* ---- helpers and filters ---- */

static void check_helpers(void)
{
    /* The header of RFC 1071's usual example: its checksum is b861. */
    uint8_t header[0x73] = { 0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7 };
    WINDIVERT_ADDRESS address = { 0 };
    char text[64];
    UINT32 number = 0;
    PWINDIVERT_IPHDR ip = NULL;
    WinDivertHelperCalcChecksums(header, sizeof header, &address, WINDIVERT_HELPER_NO_UDP_CHECKSUM);
    row(header[10] == 0xb8 && header[11] == 0x61 && address.IPChecksum && WinDivertHelperParseIPv4Address("192.168.0.199", &number) && number == 0xc0a800c7
            && WinDivertHelperFormatIPv4Address(0x0a050002, text, sizeof text) && strcmp(text, "10.5.0.2") == 0 && WinDivertHelperNtohs(0x1234) == 0x3412
            && WinDivertHelperParsePacket(header, sizeof header, &ip, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) && ip == (void *)header,
        "the helpers are the real DLL's");
}

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)random_state * limit >> 32);
}

static const char *const filters[] = {
    "true", "false", "ip", "ipv6", "tcp", "udp", "icmp", "icmpv6", "inbound", "outbound", "loopback", "impostor", "fragment",
    "ifIdx == 3", "subIfIdx > 0", "length < 60", "timestamp > 5000000000", "timestamp < -3", "event == PACKET", "zero == 0",
    "protocol == 6", "protocol >= 17", "localAddr == 10.0.0.1", "remoteAddr > 10.0.0.1", "localAddr == fe80::2", "remoteAddr <= fe80::2",
    "localPort == 3", "remotePort != 3", "ip.HdrLength > 5", "ip.TOS == 2", "ip.Length > 50", "ip.Id >= 2", "ip.DF", "ip.MF", "ip.FragOff > 1",
    "ip.TTL < 2", "ip.Protocol == 17", "ip.Checksum == 2", "ip.SrcAddr == 10.0.0.1", "ip.DstAddr > 10.0.0.0 and ip.DstAddr < 10.0.0.3",
    "ipv6.TrafficClass == 2", "ipv6.FlowLabel > 0x10002", "ipv6.Length < 30", "ipv6.NextHdr == 44", "ipv6.HopLimit == 1", "ipv6.SrcAddr == fe80::2",
    "ipv6.DstAddr != fe80::2", "icmp.Type == 3", "icmp.Code == 2", "icmp.Checksum < 3", "icmp.Body == 0x20001", "icmpv6.Type != 3", "icmpv6.Code > 0",
    "icmpv6.Checksum == 1", "icmpv6.Body < 0x20000", "tcp.SrcPort == 1", "tcp.DstPort == 2 or tcp.DstPort == 3", "tcp.SeqNum > 0x10000", "tcp.AckNum <= 0x20001",
    "tcp.HdrLength == 5", "tcp.Urg", "tcp.Ack", "tcp.Psh", "tcp.Rst", "tcp.Syn and not tcp.Fin", "tcp.Fin", "tcp.Window == 3", "tcp.Checksum != 1", "tcp.UrgPtr == 0",
    "tcp.PayloadLength > 8", "tcp.Payload[0] == 1", "tcp.Payload[-1] == 2", "tcp.Payload16[1] < 0x0202", "tcp.Payload32[0] > 0x1000000",
    "udp.SrcPort == 2", "udp.DstPort != 2", "udp.Length > 12", "udp.Checksum == 3", "udp.PayloadLength == 0", "udp.Payload[1] == 3", "udp.Payload16[-2] == 0x0101",
    "udp.Payload32[0] < 0x2000000", "packet[0] == 0x45", "packet[9] == 6", "packet16[2] == 1", "packet32[-4] > 0x1010101",
    "(tcp? tcp.DstPort == 1: udp.DstPort == 1)", "not udp.DstPort == 80", "outbound and ip and tcp.DstPort > 1 and (tcp.Syn or tcp.Ack)",
};

static const char *const event_filters[] = {
    "processId == 2", "endpointId > 0x100000001", "parentEndpointId == 1", "localAddr == 10.0.0.1", "remoteAddr == 10.0.0.2", "localPort < 2", "remotePort == 3",
    "protocol == 6", "tcp", "udp", "icmp", "icmpv6", "outbound", "inbound", "loopback", "timestamp > 5", "event == ESTABLISHED", "ip", "ipv6", "zero != 1",
};

/* Packets of small numbers, so that fields often are what filters ask for; some are cut short or damaged. */
static UINT random_packet(uint8_t *packet)
{
    static const uint8_t protocols[] = { 6, 17, 1, 58, 44, 0, 60, 51, 47 };
    UINT bytes = 40 + random_below(60);
    for (UINT i = 0; i < bytes; i++)
        packet[i] = (uint8_t)random_below(4);
    if (random_below(2)) {
        UINT header = 5 + (random_below(4) == 0 ? random_below(3) : 0);
        packet[0] = (uint8_t)(0x40 | header);
        packet[2] = 0;
        packet[3] = (uint8_t)(random_below(8) ? bytes : bytes - 1 + random_below(3));
        packet[6] = (uint8_t)(random_below(4) ? 0x40 : random_below(256));
        packet[7] = (uint8_t)(random_below(4) ? 0 : random_below(4));
        packet[9] = protocols[random_below(sizeof protocols)];
        memcpy(packet + 12, "\x0a\0\0", 3);
        memcpy(packet + 16, "\x0a\0\0", 3);
        packet[header * 4 + 12] = (uint8_t)((4 + random_below(4)) << 4);
        packet[header * 4 + 13] = (uint8_t)random_below(256);
    } else {
        packet[0] = 0x60;
        packet[1] = (uint8_t)random_below(64);
        packet[4] = 0;
        packet[5] = (uint8_t)(random_below(8) ? bytes - 40 : bytes - 41 + random_below(3));
        packet[6] = protocols[random_below(sizeof protocols)];
        memcpy(packet + 8, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
        memcpy(packet + 24, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
        if (random_below(2))
            packet[40] = protocols[random_below(sizeof protocols)];
    }
    return bytes;
}

static void random_address(WINDIVERT_ADDRESS *address, WINDIVERT_LAYER layer, const uint8_t *packet)
{
    memset(address, 0, sizeof *address);
    address->Timestamp = random_below(2) ? 6000000000 : (INT64)random_below(10) - 5;
    address->Layer = layer;
    address->Outbound = random_below(2);
    address->Loopback = random_below(2);
    address->Impostor = random_below(2);
    if (packet != NULL) {
        address->IPv6 = packet[0] >> 4 == 6;
        address->Network.IfIdx = random_below(5);
        address->Network.SubIfIdx = random_below(2);
        return;
    }
    address->IPv6 = random_below(2);
    address->Event = WINDIVERT_EVENT_FLOW_ESTABLISHED + (UINT8)random_below(2);
    address->Flow.EndpointId = (UINT64)random_below(3) << 32 | random_below(3);
    address->Flow.ParentEndpointId = random_below(3);
    address->Flow.ProcessId = random_below(4);
    address->Flow.LocalAddr[0] = 0x0a000000 + random_below(3);
    address->Flow.RemoteAddr[0] = 0x0a000000 + random_below(3);
    address->Flow.LocalAddr[1] = address->Flow.RemoteAddr[1] = 0xFFFF;
    address->Flow.LocalPort = (UINT16)random_below(4);
    address->Flow.RemotePort = (UINT16)random_below(4);
    address->Flow.Protocol = random_below(2) ? 6 : (UINT8)(random_below(2) ? 17 : 58);
}

/* Both answers must come up for a filter to have been tried at all; some can't be both. */
static unsigned disagreements(const char *text, WINDIVERT_LAYER layer, unsigned rounds, unsigned *matches)
{
    static struct filter filter;
    char object[RIG_OBJECT_BYTES];
    uint8_t packet[128];
    WINDIVERT_ADDRESS address;
    unsigned wrong = 0;
    if (!WinDivertHelperCompileFilter(text, layer, object, sizeof object, NULL, NULL) || !filter_decode(&filter, object, strlen(object))) {
        printf("       \"%s\" can't be compiled or decoded\n", text);
        return 1;
    }
    for (unsigned i = 0; i < rounds; i++) {
        const uint8_t *data = layer == WINDIVERT_LAYER_FLOW ? NULL : packet;
        UINT bytes = data != NULL ? random_packet(packet) : 0;
        random_address(&address, layer, data);
        BOOL expected = WinDivertHelperEvalFilter(object, data, bytes, &address);
        *matches += expected != 0;
        if (!filter_matches(&filter, (const struct rig_address *)&address, data, bytes) != !expected && wrong++ == 0) {
            printf("       \"%s\" should be %d for", text, expected);
            for (UINT j = 0; j < bytes; j++)
                printf(" %02x", packet[j]);
            printf("\n");
        }
    }
    return wrong;
}

static void check_filters(void)
{
    const unsigned rounds = 200;
    unsigned wrong = 0, matches = 0, tried = 0;
    for (unsigned i = 0; i < sizeof filters / sizeof *filters; i++, tried += rounds)
        wrong += disagreements(filters[i], WINDIVERT_LAYER_NETWORK, rounds, &matches);
    for (unsigned i = 0; i < sizeof event_filters / sizeof *event_filters; i++, tried += rounds)
        wrong += disagreements(event_filters[i], WINDIVERT_LAYER_FLOW, rounds, &matches);
    char sentence[160];
    sprintf(sentence, "the bridge's filters say what WinDivertHelperEvalFilter says, %u times, %u of them yes", tried, matches);
    row(wrong == 0 && matches > tried / 10 && matches < tried - tried / 10, sentence);
}

/* ---- packets, out of this process's own socket on the loopback device ---- */

static SOCKET sending, receiving;

static void open_sockets(void)
{
    WSADATA data;
    WSAStartup(MAKEWORD(2, 2), &data);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    sending = socket(AF_INET, SOCK_DGRAM, 0);
    receiving = socket(AF_INET, SOCK_DGRAM, 0);
    DWORD wait = 5000;
    int bytes = 1 << 20;
    setsockopt(receiving, SOL_SOCKET, SO_RCVTIMEO, (char *)&wait, sizeof wait);
    setsockopt(receiving, SOL_SOCKET, SO_RCVBUF, (char *)&bytes, sizeof bytes);
    if (bind(receiving, (struct sockaddr *)&address, sizeof address) != 0)
        printf("       bind failed: %d\n", WSAGetLastError());
}

/* A datagram to the receiver. Its source port is not PORT: filters tell ways by the destination's. */
static void post(const char *text)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    sendto(sending, text, (int)strlen(text), 0, (struct sockaddr *)&address, sizeof address);
}

/* The next datagram is this one. */
static BOOL arrives(const char *text)
{
    char data[2048];
    int bytes = recv(receiving, data, sizeof data - 1, 0);
    data[bytes > 0 ? bytes : 0] = '\0';
    if (bytes > 0 && strcmp(data, text) == 0)
        return TRUE;
    printf("       \"%s\" was expected, %s%.60s came\n", text, bytes > 0 ? "" : "nothing", data);
    return FALSE;
}

/* What no handle of these tests matches goes straight through, behind all that was let through before: an end mark. */
static const char *const to_receiver = "udp.DstPort == 7100 and udp.PayloadLength > 1";

static char *text_of(uint8_t *packet, UINT bytes)
{
    packet[bytes] = '\0';
    return (char *)packet + 28;
}

/* One packet into the buffer: is this its text? */
static BOOL reads(HANDLE handle, const char *text, UINT *bytes)
{
    if (!WinDivertRecv(handle, buffer, sizeof buffer - 1, bytes, addresses)) {
        printf("       WinDivertRecv failed: %lu\n", GetLastError());
        return FALSE;
    }
    if (strcmp(text_of(buffer, *bytes), text) == 0)
        return TRUE;
    printf("       \"%s\" was expected, \"%.60s\" was read\n", text, text_of(buffer, *bytes));
    return FALSE;
}

static BOOL sends(HANDLE handle, UINT bytes)
{
    BOOL done = WinDivertSend(handle, buffer, bytes, NULL, addresses);
    if (!done)
        printf("       WinDivertSend failed: %lu\n", GetLastError());
    return done;
}

static void check_receiving(void)
{
    LARGE_INTEGER before, after;
    UINT bytes = 0, room, most = 0, total = 0;
    HANDLE handle = open_with(to_receiver, 0, 0, 0);
    QueryPerformanceCounter(&before);
    post("first");
    BOOL read = reads(handle, "first", &bytes);
    QueryPerformanceCounter(&after);
    row(read && addresses[0].Outbound && addresses[0].Loopback && !addresses[0].Sniffed && !addresses[0].IPv6 && !addresses[0].Impostor && addresses[0].Layer == 0
            && addresses[0].Event == 0 && addresses[0].IPChecksum && addresses[0].UDPChecksum && addresses[0].TCPChecksum && addresses[0].Network.IfIdx == 1
            && addresses[0].Timestamp >= before.QuadPart && addresses[0].Timestamp <= after.QuadPart,
        "a packet comes with its direction, interface, checksum bits and time");

    row(sends(handle, bytes) && arrives("first"), "a packet that is sent back arrives");

    post("second");
    read = reads(handle, "second", &bytes);
    memcpy(buffer + 28, "SECOND", 6);
    addresses[0].UDPChecksum = 0;
    row(read && sends(handle, bytes) && arrives("SECOND"), "a changed packet arrives changed, its checksum computed");

    post("third");
    read = reads(handle, "third", &bytes);
    memcpy(buffer + 28, "THIRD", 5);
    BOOL sent = sends(handle, bytes);
    post(".");
    row(read && sent && arrives("."), "a changed packet whose checksum bit stays set arrives nowhere");

    post("fourth");
    read = reads(handle, "fourth", &bytes);
    post(".");
    row(read && arrives("."), "a packet that isn't sent back is lost");

    post("fifth");
    row(reads(handle, "fifth", &bytes) && sends(handle, bytes) && sends(handle, bytes) && arrives("fifth") && arrives("fifth"), "a packet that is sent twice arrives twice");
    memset(addresses, 0, sizeof addresses[0]);
    addresses[0].Outbound = 1;
    row(sends(handle, bytes) && arrives("fifth"), "a packet out of nothing arrives");
    addresses[0].Outbound = 0;
    row(sends(handle, bytes) && arrives("fifth"), "a packet that is injected as inbound arrives");
    addresses[0].Outbound = addresses[0].Impostor = 1;
    buffer[8] = 1;
    row(failed(WinDivertSend(handle, buffer, bytes, NULL, addresses), 1232), "an impostor's last hop: 1232");

    post("sixth");
    BOOL truncated = failed(WinDivertRecv(handle, buffer, 20, NULL, NULL), 122);
    post("seventh");
    row(truncated && reads(handle, "seventh", &bytes) && sends(handle, bytes) && arrives("seventh"), "a packet larger than the buffer: 122, and it is lost");

    for (int i = 0; i < 20; i++)
        post("many");
    while (total < 20) {
        room = BATCH * sizeof addresses[0];
        if (!WinDivertRecvEx(handle, buffer, sizeof buffer, &bytes, 0, addresses, &room, NULL)
            || !WinDivertSendEx(handle, buffer, bytes, NULL, 0, addresses, room, NULL))
            break;
        UINT count = room / (UINT)sizeof addresses[0];
        total += count;
        most = count > most ? count : most;
    }
    BOOL all = total == 20 && most > 1;
    for (int i = 0; i < 20 && all; i++)
        all = arrives("many");
    row(all, "packets are received and sent in batches, none missing");
    WinDivertClose(handle);
}

static void check_handles(void)
{
    UINT bytes;
    HANDLE sniffer = open_with(to_receiver, 0, 5, WINDIVERT_FLAG_SNIFF | WINDIVERT_FLAG_RECV_ONLY);
    post("sniffed");
    row(arrives("sniffed") && reads(sniffer, "sniffed", &bytes) && addresses[0].Sniffed, "a SNIFF handle gets a copy, the packet arrives");
    HANDLE wall = open_with("udp.DstPort == 7100 and udp.PayloadLength == 7", 0, 4, WINDIVERT_FLAG_DROP);
    post("dropped");
    post(".");
    row(arrives(".") && reads(sniffer, "dropped", &bytes), "a DROP handle drops, after a handle of higher priority saw it");
    HANDLE below = open_with(to_receiver, 0, -5, WINDIVERT_FLAG_SNIFF | WINDIVERT_FLAG_RECV_ONLY), changer = open_with(to_receiver, 0, 0, 0);
    post("dropped"); /* by the wall */
    post("before");
    BOOL changed = reads(sniffer, "dropped", &bytes) && reads(sniffer, "before", &bytes) && reads(changer, "before", &bytes);
    memcpy(buffer + 28, "after!", 6);
    addresses[0].UDPChecksum = 0;
    row(changed && sends(changer, bytes) && arrives("after!") && reads(below, "after!", &bytes) && addresses[0].Sniffed,
        "a SNIFF handle of lower priority sees what a higher one sent, not what one dropped");
    WinDivertClose(changer);
    WinDivertClose(below);
    WinDivertClose(wall);
    WinDivertClose(sniffer);

    HANDLE low = open_with(to_receiver, 0, -7, 0), high = open_with(to_receiver, 0, 7, 0), middle = open_with(to_receiver, 0, 0, 0);
    post("1:");
    BOOL read = reads(high, "1:", &bytes);
    memcpy(buffer + 28, "2:", 2);
    addresses[0].UDPChecksum = 0;
    read = read && sends(high, bytes) && reads(middle, "2:", &bytes) && addresses[0].UDPChecksum;
    memcpy(buffer + 28, "3:", 2);
    addresses[0].UDPChecksum = 0;
    read = read && sends(middle, bytes) && reads(low, "3:", &bytes) && sends(low, bytes);
    row(read && arrives("3:"), "what a handle sends is seen by the handles of lower priority, in their order");
    WinDivertClose(middle);
    WinDivertClose(high);
    sniffer = open_with(to_receiver, 0, 5, WINDIVERT_FLAG_SNIFF);
    post("unread");
    read = reads(sniffer, "unread", &bytes); /* so the lower handle has it too */
    WinDivertClose(low);
    WinDivertClose(sniffer);
    row(read && arrives("unread"), "what a closed handle hasn't read goes on");
    HANDLE blackhole = open_with("false", 0, 0, WINDIVERT_FLAG_SEND_ONLY);
    post("past");
    row(arrives("past"), "a SEND_ONLY handle with the filter false is in nobody's way");
    WinDivertClose(blackhole);
}

static void check_ends(void)
{
    UINT bytes, lost = 0;
    char text[16];
    HANDLE handle = open_with(to_receiver, 0, 0, 0);
    post("before");
    BOOL shut = WinDivertShutdown(handle, WINDIVERT_SHUTDOWN_RECV);
    post("after");
    row(shut && arrives("after") && reads(handle, "before", &bytes) && failed(WinDivertRecv(handle, buffer + 1000, 1500, NULL, NULL), 232) && sends(handle, bytes)
            && arrives("before"),
        "after SHUTDOWN_RECV traffic is free, what is queued can be read and sent, then: 232");
    row(WinDivertShutdown(handle, WINDIVERT_SHUTDOWN_SEND) && failed(WinDivertSend(handle, buffer, bytes, NULL, addresses), 232), "after SHUTDOWN_SEND: 232");
    WinDivertClose(handle);

    handle = open_with(to_receiver, 0, 0, 0);
    WinDivertSetParam(handle, WINDIVERT_PARAM_QUEUE_LENGTH, 32);
    for (int i = 0; i < 50; i++) {
        sprintf(text, "n%02d", i);
        post(text);
    }
    post(".");
    BOOL newest = arrives(".");
    for (int i = 18; i < 50 && newest; i++) {
        sprintf(text, "n%02d", i);
        newest = reads(handle, text, &bytes);
    }
    row(newest, "a full queue drops its oldest packets");

    WinDivertSetParam(handle, WINDIVERT_PARAM_QUEUE_TIME, 100);
    post("old");
    Sleep(300);
    post("new");
    row(reads(handle, "new", &bytes), "a packet older than QUEUE_TIME is dropped");
    WinDivertSetParam(handle, WINDIVERT_PARAM_QUEUE_TIME, 2000);

    static char large[60001];
    memset(large, 'x', 60000);
    WinDivertSetParam(handle, WINDIVERT_PARAM_QUEUE_SIZE, 65535);
    post(large);
    large[0] = 'y';
    post(large);
    large[0] = 'z';
    post(large);
    while (WinDivertShutdown(handle, WINDIVERT_SHUTDOWN_RECV) && WinDivertRecv(handle, buffer, sizeof buffer, &bytes, addresses))
        lost += buffer[28] != 'z';
    row(lost == 0 && GetLastError() == 232 && buffer[28] == 'z' && bytes == 60028, "a queue holds no more than QUEUE_SIZE");
    WinDivertClose(handle);
}

static DWORD WINAPI receive_until_closed(void *handle)
{
    uint8_t packet[100];
    return WinDivertRecv(handle, packet, sizeof packet, NULL, NULL) ? 0 : GetLastError();
}

static void check_waiting(void)
{
    HANDLE handle = open_with("false", 0, 0, 0);
    HANDLE threads[2];
    DWORD errors[2] = { 0 };
    for (int i = 0; i < 2; i++)
        threads[i] = CreateThread(NULL, 0, receive_until_closed, handle, 0, NULL);
    Sleep(100); /* let them wait; were they late they would get 6, which is right too */
    WinDivertClose(handle);
    BOOL ended = WaitForMultipleObjects(2, threads, TRUE, 10000) == WAIT_OBJECT_0;
    for (int i = 0; i < 2; i++)
        GetExitCodeThread(threads[i], &errors[i]);
    row(ended && (errors[0] == 995 || errors[1] == 995) && (errors[0] == 995 || errors[0] == 6) && (errors[1] == 995 || errors[1] == 6),
        "closing a handle ends the calls that wait for it: 995");

    handle = open_with("false", 0, 0, 0);
    threads[0] = CreateThread(NULL, 0, receive_until_closed, handle, 0, NULL);
    WinDivertShutdown(handle, WINDIVERT_SHUTDOWN_RECV);
    ended = WaitForSingleObject(threads[0], 10000) == WAIT_OBJECT_0 && GetExitCodeThread(threads[0], &errors[0]) && errors[0] == 232;
    row(ended, "a shutdown ends the call that waits: 232");
    WinDivertClose(handle);
}

static void check_events(void)
{
    char path[128];
    GetEnvironmentVariableA(RIG_SOCKET_VARIABLE, path, sizeof path);
    const UINT64 flags = WINDIVERT_FLAG_SNIFF | WINDIVERT_FLAG_RECV_ONLY;
    HANDLE flow = open_with("processId == 42", WINDIVERT_LAYER_FLOW, 0, flags), socket_handle = open_with("event == CONNECT", WINDIVERT_LAYER_SOCKET, 0, flags);
    struct { struct rig_header header; WINDIVERT_ADDRESS address; } frame = { { .length = sizeof frame.address, .type = RIG_EVENT }, { 0 } };
    int bridge = linux_connect(path);
    for (UINT32 process = 41; process <= 42; process++) {
        frame.address.Layer = WINDIVERT_LAYER_FLOW;
        frame.address.Event = WINDIVERT_EVENT_FLOW_ESTABLISHED;
        frame.address.Flow.ProcessId = process;
        struct linux_vector vector = { &frame, sizeof frame };
        linux_transfer(LINUX_SENDMSG, bridge, &vector, 1);
        frame.address.Layer = WINDIVERT_LAYER_SOCKET;
        frame.address.Event = process == 41 ? WINDIVERT_EVENT_SOCKET_CONNECT : WINDIVERT_EVENT_SOCKET_BIND;
        vector = (struct linux_vector) { &frame, sizeof frame };
        linux_transfer(LINUX_SENDMSG, bridge, &vector, 1);
    }
    linux_call(LINUX_CLOSE, bridge, 0, 0);
    UINT bytes = 99;
    row(WinDivertRecv(flow, NULL, 0, &bytes, &addresses[0]) && bytes == 0 && addresses[0].Flow.ProcessId == 42 && addresses[0].Event == WINDIVERT_EVENT_FLOW_ESTABLISHED
            && WinDivertRecv(socket_handle, NULL, 0, NULL, &addresses[1]) && addresses[1].Event == WINDIVERT_EVENT_SOCKET_CONNECT && addresses[1].Socket.ProcessId == 41
            && failed(WinDivertSend(flow, buffer, 100, NULL, addresses), 87),
        "FLOW and SOCKET handles get the events that a test makes and their filters match");
    WinDivertClose(flow);
    WinDivertClose(socket_handle);
}

/* ---- relaying ---- */

static DWORD WINAPI shut_down_at_end_of_input(void *handle)
{
    char byte;
    DWORD read;
    while (ReadFile(GetStdHandle(STD_INPUT_HANDLE), &byte, 1, &read, NULL) && read == 1) { }
    WinDivertShutdown(handle, WINDIVERT_SHUTDOWN_RECV);
    return 0;
}

static int relay(const char *filter, const char *old_text, const char *new_text)
{
    UINT32 old_address = 0, new_address = 0;
    if (old_text != NULL && (!WinDivertHelperParseIPv4Address(old_text, &old_address) || !WinDivertHelperParseIPv4Address(new_text, &new_address)))
        return 2;
    old_address = WinDivertHelperHtonl(old_address);
    new_address = WinDivertHelperHtonl(new_address);
    HANDLE handle = open_with(filter, WINDIVERT_LAYER_NETWORK, 0, 0);
    if (handle == INVALID_HANDLE_VALUE)
        return 1;
    CreateThread(NULL, 0, shut_down_at_end_of_input, handle, 0, NULL);
    printf("ready\n");
    fflush(stdout);

    unsigned packets = 0, changed = 0, offloaded = 0;
    UINT bytes, room = BATCH * sizeof addresses[0];
    while (WinDivertRecvEx(handle, buffer, sizeof buffer, &bytes, 0, addresses, &room, NULL)) {
        UINT8 *at = buffer;
        UINT left = bytes;
        for (UINT i = 0; i < room / sizeof addresses[0]; i++, packets++) {
            PWINDIVERT_IPHDR ip = NULL;
            PVOID next = NULL;
            WinDivertHelperParsePacket(at, left, &ip, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &next, &left);
            offloaded += !addresses[i].TCPChecksum;
            UINT32 *place = ip == NULL || old_text == NULL ? NULL : addresses[i].Outbound ? &ip->DstAddr : &ip->SrcAddr;
            if (place != NULL && *place == (addresses[i].Outbound ? old_address : new_address)) {
                *place = addresses[i].Outbound ? new_address : old_address;
                addresses[i].IPChecksum = addresses[i].TCPChecksum = addresses[i].UDPChecksum = 0;
                changed++;
            }
            at = next;
        }
        if (!WinDivertSendEx(handle, buffer, bytes, NULL, 0, addresses, room, NULL))
            printf("WinDivertSendEx failed: %lu\n", GetLastError());
        room = BATCH * sizeof addresses[0];
    }
    DWORD error = GetLastError();
    WinDivertShutdown(handle, WINDIVERT_SHUTDOWN_BOTH);
    WinDivertClose(handle);
    printf("end %lu: %u packets, %u changed, %u offloaded\n", error, packets, changed, offloaded);
    return error == ERROR_NO_DATA ? 0 : 1;
}

int main(int count, char **arguments)
{
    if (count >= 3 && strcmp(arguments[1], "relay") == 0)
        return relay(arguments[2], count == 5 ? arguments[3] : NULL, count == 5 ? arguments[4] : NULL);
    if (count != 2 || strcmp(arguments[1], "check") != 0) {
        printf("usage: probe check | probe relay FILTER [OLD NEW]\n");
        return 2;
    }
    check_helpers();
    check_filters();
    check_opening();
    check_arguments();
    open_sockets();
    check_receiving();
    check_handles();
    check_ends();
    check_waiting();
    check_events();
    printf("done\n");
    return 0;
}
