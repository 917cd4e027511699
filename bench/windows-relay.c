/*
 * The baseline of windows-diverter.sh, a Windows program: what capturing and sending in batches costs in C and without a decision.
 *
 * windows-relay pass PORT                    what comes in for that TCP port goes on as it came
 * windows-relay redirect PORT ADDRESS TO     what comes in for the port goes to port TO of that address, from here and from the
 *                                            port that it came from; the answers go back. For one peer: nothing is looked up
 *
 * Prints "ready", and ends when it is killed.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windivert.h"

#define BATCH WINDIVERT_BATCH_MAX
#define BUFFER_BYTES (BATCH * 1514)
#define CAPTURE_PRIORITY 300 /* as HandlePriorities has them */
#define SENDING_PRIORITY 100

static UINT8 packets[BUFFER_BYTES];
static WINDIVERT_ADDRESS addresses[BATCH];
static UINT16 port, host_port; /* network order, as all below */
static UINT32 peer, host;

static void die(const char *what)
{
    fprintf(stderr, "windows-relay: %s: error %lu\n", what, GetLastError());
    exit(1);
}

/* RFC 1624, equation 3, for a 16-bit word. */
static void adjust(UINT16 *sum, UINT16 old, UINT16 new)
{
    UINT32 next = (UINT16)~*sum + (UINT32)(UINT16)~old + new;
    next = (next & 0xFFFF) + (next >> 16);
    next = (next & 0xFFFF) + (next >> 16);
    *sum = (UINT16)~next;
}

static void set_address(UINT32 *field, UINT32 value, WINDIVERT_IPHDR *ip, WINDIVERT_TCPHDR *tcp)
{
    for (int half = 0; half < 32; half += 16) {
        adjust(&ip->Checksum, (UINT16)(*field >> half), (UINT16)(value >> half));
        adjust(&tcp->Checksum, (UINT16)(*field >> half), (UINT16)(value >> half));
    }
    *field = value;
}

static void set_port(UINT16 *field, UINT16 value, WINDIVERT_TCPHDR *tcp)
{
    adjust(&tcp->Checksum, *field, value);
    *field = value;
}

static void redirect(UINT8 *packet, WINDIVERT_ADDRESS *address)
{
    WINDIVERT_IPHDR *ip = (WINDIVERT_IPHDR *)packet;
    WINDIVERT_TCPHDR *tcp = (WINDIVERT_TCPHDR *)(packet + ip->HdrLength * 4);
    UINT32 here = ip->DstAddr;
    if (tcp->DstPort == port) {
        peer = ip->SrcAddr;
        set_address(&ip->DstAddr, host, ip, tcp);
        set_port(&tcp->DstPort, host_port, tcp);
    } else {
        set_address(&ip->DstAddr, peer, ip, tcp);
        set_port(&tcp->SrcPort, port, tcp);
    }
    set_address(&ip->SrcAddr, here, ip, tcp);
    /* A new packet, as a twin's are. */
    memset(address, 0, sizeof *address);
    address->Outbound = address->IPChecksum = address->TCPChecksum = address->UDPChecksum = 1;
}

static void redirect_all(UINT length)
{
    UINT8 *packet = packets, *end = packets + length;
    for (WINDIVERT_ADDRESS *address = addresses; packet < end; address++) {
        UINT8 *next = packet + ntohs(((WINDIVERT_IPHDR *)packet)->Length);
        redirect(packet, address);
        packet = next;
    }
}

int main(int count, char **arguments)
{
    char filter[256];
    BOOL redirects = count == 5 && strcmp(arguments[1], "redirect") == 0;
    if (!redirects && (count != 3 || strcmp(arguments[1], "pass") != 0)) {
        fprintf(stderr, "usage: windows-relay pass PORT | redirect PORT ADDRESS TO\n");
        return 2;
    }
    port = htons((UINT16)atoi(arguments[2]));
    snprintf(filter, sizeof filter, "inbound and tcp.DstPort == %d", ntohs(port));
    if (redirects) {
        if (!WinDivertHelperParseIPv4Address(arguments[3], &host))
            die(arguments[3]);
        host = htonl(host);
        host_port = htons((UINT16)atoi(arguments[4]));
        snprintf(filter, sizeof filter, "inbound and (tcp.DstPort == %d or (ip.SrcAddr == %s and tcp.SrcPort == %d))", ntohs(port), arguments[3], ntohs(host_port));
    }

    HANDLE capture = WinDivertOpen(filter, WINDIVERT_LAYER_NETWORK, CAPTURE_PRIORITY, WINDIVERT_FLAG_RECV_ONLY);
    HANDLE sending = WinDivertOpen("false", WINDIVERT_LAYER_NETWORK, SENDING_PRIORITY, WINDIVERT_FLAG_SEND_ONLY);
    if (capture == INVALID_HANDLE_VALUE || sending == INVALID_HANDLE_VALUE)
        die("WinDivertOpen");
    if (!WinDivertSetParam(capture, WINDIVERT_PARAM_QUEUE_LENGTH, WINDIVERT_PARAM_QUEUE_LENGTH_MAX)
        || !WinDivertSetParam(capture, WINDIVERT_PARAM_QUEUE_SIZE, WINDIVERT_PARAM_QUEUE_SIZE_MAX))
        die("WinDivertSetParam");
    puts("ready");
    fflush(stdout);
    for (;;) {
        UINT length, room = sizeof addresses;
        if (!WinDivertRecvEx(capture, packets, sizeof packets, &length, 0, addresses, &room, NULL))
            die("WinDivertRecvEx");
        if (redirects)
            redirect_all(length);
        if (!WinDivertSendEx(sending, packets, length, NULL, 0, addresses, room, NULL))
            die("WinDivertSendEx");
    }
}
