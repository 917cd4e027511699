#include "queue.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define MESSAGE_BYTES (68 * 1024)
#define VERDICTS_BYTES (192 * 1024)
#define SOCKET_BUFFER_BYTES (8 << 20)
#define QUEUE_LENGTH 32768 /* twice the longest queue of a handle */

static int netlink = -1, raw4 = -1, raw6 = -1;

static uint8_t messages[BATCH][MESSAGE_BYTES] __attribute__((aligned(8)));
static size_t message_bytes[BATCH];
static int message_count, message_at;

static uint8_t verdicts[VERDICTS_BYTES] __attribute__((aligned(8)));
static size_t verdicts_used;
static int sets_accept_mark;
static uint32_t accept_mark; /* in network order */

static struct nlmsghdr *begin_message(uint8_t *at, uint8_t type, uint16_t flags, uint16_t queue)
{
    struct nlmsghdr *message = (struct nlmsghdr *)at;
    *message = (struct nlmsghdr) {
        .nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
        .nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type),
        .nlmsg_flags = NLM_F_REQUEST | flags,
    };
    *(struct nfgenmsg *)NLMSG_DATA(message) = (struct nfgenmsg) { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(queue) };
    return message;
}

static void add_attribute(struct nlmsghdr *message, uint16_t type, const void *value, size_t length)
{
    struct nlattr *attribute = (struct nlattr *)((uint8_t *)message + message->nlmsg_len);
    attribute->nla_type = type;
    attribute->nla_len = (uint16_t)(NLA_HDRLEN + length);
    memcpy((uint8_t *)attribute + NLA_HDRLEN, value, length);
    memset((uint8_t *)attribute + NLA_HDRLEN + length, 0, NLA_ALIGN(length) - length);
    message->nlmsg_len += (uint32_t)(NLA_HDRLEN + NLA_ALIGN(length));
}

static int parse(struct queued_packet *packet, const uint8_t *data, size_t length)
{
    const struct nlmsghdr *message = (const struct nlmsghdr *)data;
    if (!NLMSG_OK(message, length) || message->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
        return 0;
    *packet = (struct queued_packet) { .queue = ntohs(((struct nfgenmsg *)NLMSG_DATA(message))->res_id), .whole = 1 };
    uint32_t complete_bytes = 0;
    const uint8_t *at = (const uint8_t *)NLMSG_DATA(message) + NLMSG_ALIGN(sizeof(struct nfgenmsg)), *end = data + message->nlmsg_len;
    while (end - at >= NLA_HDRLEN) {
        const struct nlattr *attribute = (const struct nlattr *)at;
        if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > end - at)
            return 0;
        const void *value = at + NLA_HDRLEN;
        switch (attribute->nla_type & NLA_TYPE_MASK) {
        case NFQA_PACKET_HDR: {
            const struct nfqnl_msg_packet_hdr *header = value;
            packet->id = ntohl(header->packet_id);
            packet->hook = header->hook;
            break;
        }
        case NFQA_IFINDEX_INDEV: packet->in_interface = ntohl(*(const uint32_t *)value); break;
        case NFQA_IFINDEX_OUTDEV: packet->out_interface = ntohl(*(const uint32_t *)value); break;
        case NFQA_CAP_LEN: complete_bytes = ntohl(*(const uint32_t *)value); break;
        case NFQA_PAYLOAD:
            packet->data = value;
            packet->length = attribute->nla_len - NLA_HDRLEN;
            break;
        }
        if (end - at < (ptrdiff_t)NLA_ALIGN(attribute->nla_len))
            break;
        at += NLA_ALIGN(attribute->nla_len);
    }
    packet->whole = complete_bytes <= packet->length;
    return 1;
}

/* Sends a configuration message and waits for the kernel's answer. */
static void configure(uint16_t queue, const char *what, uint16_t type, const void *value, size_t length)
{
    uint8_t buffer[256] __attribute__((aligned(8)));
    struct nlmsghdr *message = begin_message(buffer, NFQNL_MSG_CONFIG, NLM_F_ACK, queue);
    add_attribute(message, type, value, length);
    if (send(netlink, message, message->nlmsg_len, 0) < 0)
        err(1, "queue %u: %s", queue, what);
    for (;;) {
        ssize_t bytes = recv(netlink, messages[0], MESSAGE_BYTES, 0);
        if (bytes < 0)
            err(1, "queue %u: %s", queue, what);
        struct nlmsghdr *answer = (struct nlmsghdr *)messages[0];
        struct queued_packet early;
        if (parse(&early, messages[0], (size_t)bytes)) {
            queue_accept(early.queue, early.id, NULL, 0); /* nobody has a handle yet */
            queue_flush();
        }
        if (!NLMSG_OK(answer, bytes) || answer->nlmsg_type != NLMSG_ERROR)
            continue;
        errno = -((struct nlmsgerr *)NLMSG_DATA(answer))->error;
        if (errno != 0)
            err(1, "queue %u: %s (CAP_NET_ADMIN is needed, and nobody else may have the queue)", queue, what);
        return;
    }
}

void queue_open(const uint16_t *queues, unsigned count)
{
    netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    struct sockaddr_nl address = { .nl_family = AF_NETLINK };
    if (netlink < 0 || bind(netlink, (struct sockaddr *)&address, sizeof address) != 0)
        err(1, "netlink socket");
    int bytes = SOCKET_BUFFER_BYTES, on = 1;
    /* Best effort: without them more is lost under load. A full buffer is a lost packet, not an error. */
    (void)setsockopt(netlink, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    (void)setsockopt(netlink, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    (void)setsockopt(netlink, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);

    for (unsigned i = 0; i < count; i++) {
        struct nfqnl_msg_config_cmd bind_command = { .command = NFQNL_CFG_CMD_BIND, .pf = htons(AF_UNSPEC) };
        struct nfqnl_msg_config_params copy = { .copy_range = htonl(0xFFFF), .copy_mode = NFQNL_COPY_PACKET };
        uint32_t length = htonl(QUEUE_LENGTH);
        configure(queues[i], "bind", NFQA_CFG_CMD, &bind_command, sizeof bind_command);
        configure(queues[i], "set its length", NFQA_CFG_QUEUE_MAXLEN, &length, sizeof length);
        configure(queues[i], "set its copy mode", NFQA_CFG_PARAMS, &copy, sizeof copy);
    }
}

int queue_descriptor(void)
{
    return netlink;
}

int queue_receive(void)
{
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec) { messages[i], MESSAGE_BYTES };
        headers[i] = (struct mmsghdr) { .msg_hdr = { .msg_iov = &vectors[i], .msg_iovlen = 1 } };
    }
    int received = recvmmsg(netlink, headers, BATCH, MSG_DONTWAIT, NULL);
    message_at = 0;
    message_count = received > 0 ? received : 0;
    for (int i = 0; i < message_count; i++)
        message_bytes[i] = headers[i].msg_len;
    return message_count;
}

int queue_next(struct queued_packet *packet)
{
    while (message_at < message_count) {
        int i = message_at++;
        if (parse(packet, messages[i], message_bytes[i]))
            return 1;
    }
    return 0;
}

static void add_verdict(uint16_t queue, uint32_t id, uint32_t verdict, const uint8_t *data, size_t length)
{
    if (verdicts_used + length + 128 > VERDICTS_BYTES)
        queue_flush();
    struct nlmsghdr *message = begin_message(verdicts + verdicts_used, NFQNL_MSG_VERDICT, 0, queue);
    struct nfqnl_msg_verdict_hdr header = { htonl(verdict), htonl(id) };
    add_attribute(message, NFQA_VERDICT_HDR, &header, sizeof header);
    if (data != NULL)
        add_attribute(message, NFQA_PAYLOAD, data, length);
    if (verdict == NF_ACCEPT && sets_accept_mark)
        add_attribute(message, NFQA_MARK, &accept_mark, sizeof accept_mark);
    verdicts_used += NLMSG_ALIGN(message->nlmsg_len);
}

void queue_accept(uint16_t queue, uint32_t id, const uint8_t *data, size_t length)
{
    add_verdict(queue, id, NF_ACCEPT, data, length);
}

void queue_set_accept_mark(uint32_t mark)
{
    sets_accept_mark = 1;
    accept_mark = htonl(mark);
}

void queue_drop(uint16_t queue, uint32_t id)
{
    add_verdict(queue, id, NF_DROP, NULL, 0);
}

void queue_flush(void)
{
    if (verdicts_used > 0 && send(netlink, verdicts, verdicts_used, 0) < 0)
        warn("verdicts are lost, the kernel keeps their packets");
    verdicts_used = 0;
}

void raw_open(uint32_t mark)
{
    raw4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (raw4 < 0 || setsockopt(raw4, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0)
        err(1, "raw socket");
    raw6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (raw6 >= 0 && setsockopt(raw6, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0)
        err(1, "raw IPv6 socket"); /* a kernel without IPv6 is fine: then no IPv6 packet comes */
    int bytes = SOCKET_BUFFER_BYTES;
    (void)setsockopt(raw4, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    (void)setsockopt(raw6, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
}

int raw_send(const uint8_t *data, size_t length, uint32_t interface_index)
{
    if (data[0] >> 4 == 4) {
        struct sockaddr_in destination = { .sin_family = AF_INET };
        memcpy(&destination.sin_addr, data + 16, 4);
        return sendto(raw4, data, length, MSG_DONTWAIT, (struct sockaddr *)&destination, sizeof destination) >= 0;
    }
    struct sockaddr_in6 destination = { .sin6_family = AF_INET6 };
    memcpy(&destination.sin6_addr, data + 24, 16);
    if (IN6_IS_ADDR_LINKLOCAL(&destination.sin6_addr))
        destination.sin6_scope_id = interface_index;
    return sendto(raw6, data, length, MSG_DONTWAIT, (struct sockaddr *)&destination, sizeof destination) >= 0;
}
