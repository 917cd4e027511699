// The baseline of path-throughput.sh: what a twin does with a redirected segment, in C, with as little as that takes.
// Home (no TUN device): P:q -> H:p becomes H:q -> N:n, N:n -> H:q becomes H:p -> P:q; n is p + 20000.
// Host: H:q -> N:n becomes P:q -> H:p and goes into the cabin; what the cabin sends, H:p -> P:q, becomes N:n -> H:q.
// Segments come in batches from NFQUEUE (cut and with complete checksums, as NFQUEUE doesn't tell the size of a superpacket's
// segments), are found in a table of connections, rewritten in place (RFC 1624), dropped in the queue with one verdict per
// batch, and sent in batches through a raw socket. Superpackets from the TUN device are cut here.
// Usage: nfqueue-relay home QUEUE PEER HOME HOST | nfqueue-relay host QUEUE PEER HOME HOST CABIN-PID
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BATCH = 64, SLOT = 0x11000, BUCKETS = 1 << 16, PORTS_BETWEEN = 20000 };

struct tuple { uint32_t source, destination; uint16_t source_port, destination_port; };
struct flow { struct tuple from, to; bool used; };

static struct flow flows[BUCKETS];
static struct in_addr peer, home, host;
static bool at_home;
static int queue_socket, raw_socket, tun = -1;
static uint8_t slots[BATCH][SLOT], cut[BATCH][2048];
static struct mmsghdr incoming[BATCH], outgoing[BATCH];
static struct iovec incoming_vectors[BATCH], outgoing_vectors[BATCH];
static struct sockaddr_in addresses[BATCH];
static int waiting;

static void die(const char *what) { perror(what); exit(1); }

static struct flow *find(const struct tuple *tuple) {
    uint64_t words[2] = {0, 0};
    memcpy(words, tuple, sizeof *tuple);
    uint64_t hash = (words[0] ^ words[1] * 0x9E3779B97F4A7C15u) * 0x9E3779B97F4A7C15u;
    uint32_t at = hash >> 48;
    while (flows[at].used && memcmp(&flows[at].from, tuple, sizeof *tuple) != 0) at = (at + 1) % BUCKETS;
    return &flows[at];
}

// The first packet of a connection gives it its entry, in each direction.
static bool make(const struct tuple *t, struct tuple *to) {
    uint16_t there = htons(ntohs(t->destination_port) + PORTS_BETWEEN), here = htons(ntohs(t->source_port) - PORTS_BETWEEN);
    if (at_home && t->source == peer.s_addr)
        *to = (struct tuple){home.s_addr, host.s_addr, t->source_port, there};
    else if (at_home && t->source == host.s_addr)
        *to = (struct tuple){home.s_addr, peer.s_addr, here, t->destination_port};
    else if (!at_home && t->destination == host.s_addr)
        *to = (struct tuple){peer.s_addr, home.s_addr, t->source_port, htons(ntohs(t->destination_port) - PORTS_BETWEEN)};
    else if (!at_home && t->source == home.s_addr)
        *to = (struct tuple){host.s_addr, home.s_addr, htons(ntohs(t->source_port) + PORTS_BETWEEN), t->destination_port};
    else
        return false;
    return true;
}

static uint64_t words(const void *data, size_t octets) {
    const uint8_t *at = data;
    uint64_t sum = 0;
    for (; octets >= 4; octets -= 4, at += 4) { uint32_t word; memcpy(&word, at, 4); sum += word; }
    if (octets >= 2) { uint16_t word; memcpy(&word, at, 2); sum += word; at += 2; octets -= 2; }
    if (octets) sum += *at;
    return sum;
}

static uint16_t fold(uint64_t sum) {
    while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
    return (uint16_t)sum;
}

static bool rewrite(uint8_t *packet, size_t length) {
    struct iphdr *ip = (void *)packet;
    if (length < 40 || ip->version != 4 || ip->protocol != IPPROTO_TCP || ntohs(ip->tot_len) > length) return false;
    struct tcphdr *tcp = (void *)(packet + ip->ihl * 4);
    struct tuple from = {ip->saddr, ip->daddr, tcp->source, tcp->dest};
    struct flow *flow = find(&from);
    if (!flow->used) {
        if (!make(&from, &flow->to)) return false;
        flow->from = from;
        flow->used = true;
    }
    uint64_t addresses_change = words(&flow->to, 8) + (0xFFFFFFFFu - ip->saddr) + (0xFFFFFFFFu - ip->daddr);
    uint64_t change = addresses_change + words(&flow->to.source_port, 4) + (uint16_t)~tcp->source + (uint16_t)~tcp->dest;
    ip->check = ~fold((uint16_t)~ip->check + addresses_change);
    tcp->check = ~fold((uint16_t)~tcp->check + change);
    ip->saddr = flow->to.source;
    ip->daddr = flow->to.destination;
    tcp->source = flow->to.source_port;
    tcp->dest = flow->to.destination_port;
    return true;
}

static void flush(void) {
    for (int done = 0; done < waiting;) {
        int sent = sendmmsg(raw_socket, outgoing + done, waiting - done, 0);
        done += sent > 0 ? sent : 1;
    }
    waiting = 0;
}

static void send_packet(uint8_t *packet, size_t length) {
    outgoing_vectors[waiting] = (struct iovec){packet, length};
    addresses[waiting].sin_addr.s_addr = ((struct iphdr *)packet)->daddr;
    if (++waiting == BATCH) flush();
}

static void attribute(uint8_t *message, size_t *at, uint16_t type, const void *data, uint16_t length) {
    struct nlattr header = {length + 4, type};
    memcpy(message + *at, &header, 4);
    memcpy(message + *at + 4, data, length);
    *at += (length + 7) & ~3;
}

static size_t start(uint8_t *message, uint16_t type, uint16_t queue, uint16_t flags) {
    memset(message, 0, 128);
    struct nlmsghdr *header = (void *)message;
    header->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | type;
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    ((struct nfgenmsg *)(header + 1))->res_id = htons(queue);
    return sizeof *header + sizeof(struct nfgenmsg);
}

static void tell(uint8_t *message, size_t length) {
    ((struct nlmsghdr *)message)->nlmsg_len = length;
    if (send(queue_socket, message, length, 0) < 0) die("send to the queue");
}

static void open_queue(uint16_t queue) {
    uint8_t message[256], reply[256];
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    queue_socket = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    if (queue_socket < 0 || bind(queue_socket, (void *)&address, sizeof address)) die("netfilter socket");
    int one = 1, bytes = 64 << 20;
    setsockopt(queue_socket, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    setsockopt(queue_socket, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof one);
    struct nfqnl_msg_config_cmd bind_queue = {.command = NFQNL_CFG_CMD_BIND};
    size_t at = start(message, NFQNL_MSG_CONFIG, queue, NLM_F_ACK);
    attribute(message, &at, NFQA_CFG_CMD, &bind_queue, sizeof bind_queue);
    tell(message, at);
    if (recv(queue_socket, reply, sizeof reply, 0) < 20 || *(int *)(reply + 16)) die("bind the queue");
    struct nfqnl_msg_config_params whole = {0, NFQNL_COPY_PACKET};
    uint32_t maximum = htonl(131072);
    at = start(message, NFQNL_MSG_CONFIG, queue, 0);
    attribute(message, &at, NFQA_CFG_PARAMS, &whole, 5);
    attribute(message, &at, NFQA_CFG_QUEUE_MAXLEN, &maximum, 4);
    tell(message, at);
}

static void open_tun(const char *cabin) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/ns/net", cabin);
    int own = open("/proc/self/ns/net", O_RDONLY), other = open(path, O_RDONLY);
    if (own < 0 || other < 0 || setns(other, CLONE_NEWNET)) die("cabin");
    tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    struct ifreq request = {.ifr_name = "twins0", .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) || ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)) die("TUN device");
    if (setns(own, CLONE_NEWNET)) die("own namespace");
}

static void from_queue(uint16_t queue) {
    int count = recvmmsg(queue_socket, incoming, BATCH, MSG_DONTWAIT, NULL);
    uint32_t last = 0;
    bool any = false;
    for (int i = 0; i < count; i++) {
        struct nlmsghdr *header = (void *)slots[i];
        if (header->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET)) continue;
        uint8_t *packet = NULL;
        size_t length = 0, at = 20;
        while (at + 4 <= header->nlmsg_len) {
            struct nlattr *found = (void *)(slots[i] + at);
            if ((found->nla_type & NLA_TYPE_MASK) == NFQA_PACKET_HDR) {
                last = ((struct nfqnl_msg_packet_hdr *)(found + 1))->packet_id;
                any = true;
            }
            if ((found->nla_type & NLA_TYPE_MASK) == NFQA_PAYLOAD) { packet = (void *)(found + 1); length = found->nla_len - 4; }
            at += NLA_ALIGN(found->nla_len);
        }
        if (!packet || !rewrite(packet, length)) continue;
        if (at_home) {
            send_packet(packet, length);
        } else {
            struct virtio_net_hdr none = {0};
            struct iovec vectors[2] = {{&none, sizeof none}, {packet, length}};
            if (writev(tun, vectors, 2) < 0) perror("write to the cabin");
        }
    }
    flush();
    if (!any) return;
    uint8_t message[128];
    struct nfqnl_msg_verdict_hdr verdict = {htonl(NF_DROP), last};
    size_t at = start(message, NFQNL_MSG_VERDICT_BATCH, queue, 0);
    attribute(message, &at, NFQA_VERDICT_HDR, &verdict, sizeof verdict);
    tell(message, at);
}

static void cut_packet(uint8_t *packet, size_t length, size_t segment_payload) {
    struct iphdr *ip = (void *)packet;
    size_t ip_header = ip->ihl * 4u, headers = ip_header + ((struct tcphdr *)(packet + ip_header))->doff * 4u;
    size_t total = length - headers, done = 0;
    int index = 0;
    do {
        if (waiting == BATCH) flush();
        size_t payload = segment_payload && total - done > segment_payload ? segment_payload : total - done;
        uint8_t *segment = cut[waiting];
        memcpy(segment, packet, headers);
        memcpy(segment + headers, packet + headers + done, payload);
        struct iphdr *header = (void *)segment;
        struct tcphdr *tcp = (void *)(segment + ip_header);
        header->tot_len = htons(headers + payload);
        header->id = htons(ntohs(ip->id) + index++);
        header->check = 0;
        header->check = ~fold(words(segment, ip_header));
        tcp->seq = htonl(ntohl(tcp->seq) + done);
        done += payload;
        if (done < total) tcp->psh = tcp->fin = 0;
        tcp->check = 0;
        tcp->check = ~fold(words(&header->saddr, 8) + htons(IPPROTO_TCP) + htons(headers - ip_header + payload)
                                              + words(tcp, headers - ip_header + payload));
        send_packet(segment, headers + payload);
    } while (done < total);
}

static void from_cabin(void) {
    static uint8_t buffer[SLOT];
    for (int i = 0; i < 256; i++) {
        ssize_t length = read(tun, buffer, sizeof buffer);
        if (length <= (ssize_t)sizeof(struct virtio_net_hdr)) break;
        struct virtio_net_hdr *header = (void *)buffer;
        uint8_t *packet = buffer + sizeof *header;
        if (rewrite(packet, length - sizeof *header))
            cut_packet(packet, length - sizeof *header, header->gso_type != VIRTIO_NET_HDR_GSO_NONE ? header->gso_size : 0);
    }
    flush();
}

int main(int count, char **arguments) {
    at_home = count == 6 && strcmp(arguments[1], "home") == 0;
    if (!at_home && count != 7) return 2;
    uint16_t queue = atoi(arguments[2]);
    inet_aton(arguments[3], &peer);
    inet_aton(arguments[4], &home);
    inet_aton(arguments[5], &host);
    raw_socket = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    int bytes = 8 << 20;
    if (raw_socket < 0) die("raw socket");
    setsockopt(raw_socket, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    open_queue(queue);
    if (!at_home) open_tun(arguments[6]);
    for (int i = 0; i < BATCH; i++) {
        incoming_vectors[i] = (struct iovec){slots[i], SLOT};
        incoming[i].msg_hdr = (struct msghdr){.msg_iov = &incoming_vectors[i], .msg_iovlen = 1};
        addresses[i].sin_family = AF_INET;
        outgoing[i].msg_hdr =
                (struct msghdr){.msg_name = &addresses[i], .msg_namelen = sizeof addresses[i], .msg_iov = &outgoing_vectors[i], .msg_iovlen = 1};
    }
    puts("ready");
    fflush(stdout);
    struct pollfd descriptors[2] = {{.fd = queue_socket, .events = POLLIN}, {.fd = tun, .events = POLLIN}};
    while (poll(descriptors, at_home ? 1 : 2, -1) >= 0 || errno == EINTR) {
        from_queue(queue);
        if (!at_home) from_cabin();
    }
    return 1;
}
