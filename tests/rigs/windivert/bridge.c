/*
 * WinDivert's driver, imitated with NFQUEUE: decides which handle gets which packet, keeps the handles'
 * queues, and sends on what comes back. The stand-in for WinDivert.dll connects here, once per handle.
 *
 * bridge --socket PATH --mark N --queue N [--queue N...] [--accept-mark N] [--offload PERCENT] [--refuse ERROR]
 *
 *   --queue    an NFQUEUE number; the rules that fill it are the caller's
 *   --mark     on packets that are new to the kernel: the rules must leave them alone
 *   --accept-mark  on packets that go on from where they are in the kernel; without it their mark stays
 *   --offload  so many of 100 packets come up as from a network card that computes checksums: the three
 *              checksum bits clear, the sums garbage
 *   --refuse   WinDivertOpen fails with this Windows error
 *
 * One thread. It never waits for a program: what a program doesn't fetch stays in its handle's queue,
 * which drops its oldest. A packet that a program has read keeps waiting in the kernel for a moment, so
 * that it can go on as itself; after that the kernel drops it, and what comes back is sent as new.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <linux/netfilter.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "filter.h"
#include "queue.h"

#define HANDLES 64
#define QUEUES 16
#define LOOPBACK_INTERFACE 1     /* in every network namespace */
#define PACKET_OVERHEAD 63       /* what the driver counts per packet, in bytes of QUEUE_SIZE */
#define REPLY_PACKET_BYTES (4u << 20)
#define TICKS_PER_MILLISECOND 10000 /* of QueryPerformanceCounter under Wine */

/*
 * How long a packet that was read waits for coming back. TCP doesn't retransmit a packet that is still
 * somewhere on its own machine: longer than its shortest timeout, 200 ms, would make losses look longer.
 */
#define HELD_TICKS (150 * TICKS_PER_MILLISECOND)
#define HELD_PACKETS 32768 /* a power of two */

enum { ERROR_INVALID_PARAMETER = 87 }; /* Windows' */
enum { QUEUE_LENGTH, QUEUE_TIME, QUEUE_SIZE, QUEUE_PARAMS };

struct packet {
    struct packet *next; /* in its handle's queue */
    struct handle *owner;
    int in_kernel;       /* it waits for a verdict: `queue` and `id` say which */
    int changed;         /* `data` is not what the kernel has */
    uint16_t queue;
    uint32_t id;
    struct rig_address address;
    uint32_t length;
    uint8_t *data; /* NULL for an event */
};

struct handle {
    int descriptor;
    int opened, capturing;
    uint64_t order; /* the driver's priority: higher sees packets first; unique */
    uint64_t flags;
    uint8_t layer;
    struct filter filter;
    uint64_t params[QUEUE_PARAMS];

    struct packet *first, **last;
    uint64_t queued, queued_bytes;

    int waiting; /* a RIG_RECV has no answer yet */
    struct rig_recv request;
    uint8_t *output; /* what the socket didn't take of the answer */
    size_t output_at, output_bytes;
    uint8_t *input;
    size_t input_bytes;
};

#define INPUT_BYTES (sizeof(struct rig_header) + RIG_FRAME_BYTES)

static struct handle *handles[HANDLES]; /* opened ones first, by falling order */
static unsigned handle_count;
static uint32_t opens;
static struct packet *held[HELD_PACKETS]; /* token n is at n modulo the size */
static uint64_t held_oldest = 1, held_next = 1;
static int64_t now;
static unsigned offload_percent, refused_error;
static struct { uint64_t seen, unseen, accepted, raw, dropped, refused; } counts;

/* QueryPerformanceCounter, as Wine computes it. */
static void look_at_clock(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC_RAW, &time);
    now = (int64_t)time.tv_sec * 10000000 + time.tv_nsec / 100;
}

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL)
        errx(1, "no memory");
    return memory;
}

/* ---- a packet's ends ---- */

static void release(struct packet *packet)
{
    free(packet->data);
    free(packet);
}

static void discard(struct packet *packet)
{
    if (packet->in_kernel)
        queue_drop(packet->queue, packet->id);
    counts.dropped++;
    release(packet);
}

static void send_on(struct packet *packet)
{
    if (packet->in_kernel) {
        queue_accept(packet->queue, packet->id, packet->changed ? packet->data : NULL, packet->length);
        counts.accepted++;
    } else if (packet->data != NULL) {
        queue_flush(); /* what was sent before goes first */
        if (raw_send(packet->data, packet->length, packet->address.network.interface_index))
            counts.raw++;
        else
            counts.refused++;
    }
    release(packet);
}

static struct packet *new_packet(const uint8_t *data, size_t length, const struct rig_address *address)
{
    struct packet *packet = allocate(sizeof *packet);
    packet->address = *address;
    packet->length = (uint32_t)length;
    if (data != NULL) {
        packet->data = allocate(length);
        memcpy(packet->data, data, length);
    }
    return packet;
}

/* ---- a handle's queue ---- */

static struct packet *take_first(struct handle *handle)
{
    struct packet *packet = handle->first;
    handle->first = packet->next;
    if (handle->first == NULL)
        handle->last = &handle->first;
    handle->queued--;
    handle->queued_bytes -= packet->length + PACKET_OVERHEAD;
    return packet;
}

static int is_expired(const struct handle *handle, const struct packet *packet)
{
    return now - packet->address.timestamp > (int64_t)handle->params[QUEUE_TIME] * TICKS_PER_MILLISECOND;
}

static void drop_expired(struct handle *handle)
{
    while (handle->first != NULL && is_expired(handle, handle->first))
        discard(take_first(handle));
}

static void enqueue(struct handle *handle, struct packet *packet)
{
    uint64_t bytes = packet->length + PACKET_OVERHEAD;
    if (bytes > handle->params[QUEUE_SIZE]) {
        discard(packet);
        return;
    }
    while (handle->queued >= handle->params[QUEUE_LENGTH] || handle->queued_bytes + bytes > handle->params[QUEUE_SIZE])
        discard(take_first(handle));
    packet->owner = handle;
    packet->next = NULL;
    *handle->last = packet;
    handle->last = &packet->next;
    handle->queued++;
    handle->queued_bytes += bytes;
}

/* Offers a packet to the handles below an order, highest first. What none keeps goes on. */
static void offer(struct packet *packet, uint64_t below)
{
    for (unsigned i = 0; i < handle_count && handles[i]->opened; i++) {
        struct handle *handle = handles[i];
        if (handle->order >= below || !handle->capturing || handle->layer != packet->address.layer)
            continue;
        if (!filter_matches(&handle->filter, &packet->address, packet->data, packet->length))
            continue;
        if (handle->flags & RIG_FLAG_SNIFF) {
            struct packet *copy = new_packet(packet->data, packet->length, &packet->address);
            copy->address.bits |= RIG_SNIFFED;
            enqueue(handle, copy);
            continue;
        }
        if (handle->flags & RIG_FLAG_DROP)
            discard(packet);
        else
            enqueue(handle, packet);
        return;
    }
    send_on(packet);
}

/* ---- packets that a program has and may send ---- */

static void let_go(uint64_t token)
{
    struct packet **place = &held[token % HELD_PACKETS];
    if (*place != NULL)
        discard(*place);
    *place = NULL;
}

static uint64_t hold(struct packet *packet)
{
    if (held_next - held_oldest == HELD_PACKETS)
        let_go(held_oldest++);
    packet->address.timestamp = now; /* from now on: when it was read */
    free(packet->data);
    packet->data = NULL;
    held[held_next % HELD_PACKETS] = packet;
    return held_next++;
}

static void drop_held(void)
{
    for (; held_oldest < held_next; held_oldest++) {
        struct packet *packet = held[held_oldest % HELD_PACKETS];
        if (packet != NULL && now - packet->address.timestamp < HELD_TICKS)
            return;
        let_go(held_oldest);
    }
}

static struct packet *take_held(uint64_t token, const struct handle *owner)
{
    if (token < held_oldest || token >= held_next)
        return NULL;
    struct packet *packet = held[token % HELD_PACKETS];
    if (packet == NULL || packet->owner != owner)
        return NULL;
    held[token % HELD_PACKETS] = NULL;
    return packet;
}

/* Can `packet`, which the kernel still has, carry what the program made of it? */
static int can_carry(const struct packet *packet, const struct rig_address *address, const uint8_t *data, uint32_t length)
{
    uint8_t direction = RIG_OUTBOUND;
    int outbound = (address->bits & RIG_OUTBOUND) != 0;
    return (packet->address.bits & direction) == (address->bits & direction)
        && (outbound || packet->address.network.interface_index == address->network.interface_index)
        && ((packet->address.bits & RIG_IPV6) != 0) == (data[0] >> 4 == 6)
        && length <= VERDICT_PACKET_BYTES;
}

/* A packet that the program sends: it is seen by the handles below its own only. */
static void inject(struct handle *handle, const struct rig_address *address, const uint8_t *data, uint32_t length)
{
    struct packet *original = take_held(address->network.token, handle);
    struct packet *packet = new_packet(data, length, address);
    packet->address.timestamp = now;
    packet->address.layer = handle->layer;
    packet->address.event = 0;
    packet->address.network.token = 0;
    packet->address.bits = (address->bits & RIG_OUTBOUND) | RIG_CHECKSUMS | (data[0] >> 4 == 6 ? RIG_IPV6 : 0);
    if (original != NULL && can_carry(original, address, data, length)) {
        packet->in_kernel = packet->changed = 1;
        packet->queue = original->queue;
        packet->id = original->id;
        packet->address.bits |= original->address.bits & RIG_LOOPBACK;
        packet->address.network.interface_index = original->address.network.interface_index;
        release(original);
    } else if (original != NULL)
        discard(original);
    offer(packet, handle->order);
}

/* ---- answers ---- */

static void write_output(struct handle *handle)
{
    ssize_t sent = send(handle->descriptor, handle->output + handle->output_at, handle->output_bytes - handle->output_at,
        MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0)
        handle->output_at += (size_t)sent;
    else if (errno != EAGAIN && errno != EINTR)
        handle->output_at = handle->output_bytes; /* nobody is there; the end of file follows */
    if (handle->output_at == handle->output_bytes) {
        free(handle->output);
        handle->output = NULL;
    }
}

/* One answer at a time: the next request comes after it was read. */
static void answer(struct handle *handle, uint8_t *frame, size_t bytes)
{
    free(handle->output);
    handle->output = frame;
    handle->output_at = 0;
    handle->output_bytes = bytes;
    write_output(handle);
}

static uint8_t *new_frame(enum rig_frame type, uint16_t count, size_t length)
{
    uint8_t *frame = allocate(sizeof(struct rig_header) + length);
    *(struct rig_header *)frame = (struct rig_header) { .length = (uint32_t)length, .type = (uint8_t)type, .count = count };
    return frame;
}

/* How many of the queue's packets the answer takes: the first always, the others while they fit. */
static unsigned choose(const struct handle *handle, size_t *bytes)
{
    size_t room = handle->request.packet_bytes < REPLY_PACKET_BYTES ? handle->request.packet_bytes : REPLY_PACKET_BYTES;
    unsigned count = 0;
    *bytes = 0;
    for (const struct packet *packet = handle->first; packet != NULL; packet = packet->next) {
        if (count == handle->request.addresses || (count > 0 && (packet->length > room - *bytes || is_expired(handle, packet))))
            break;
        *bytes += packet->length < room ? packet->length : room;
        count++;
    }
    return count;
}

static void serve(struct handle *handle)
{
    if (!handle->waiting || handle->output != NULL)
        return;
    drop_expired(handle);
    if (handle->first == NULL) {
        if (!handle->capturing) {
            handle->waiting = 0;
            answer(handle, new_frame(RIG_END, 0, 0), sizeof(struct rig_header));
        }
        return;
    }
    size_t bytes;
    unsigned count = choose(handle, &bytes);
    size_t length = count * sizeof(struct rig_address) + bytes;
    uint8_t *frame = new_frame(RIG_PACKETS, (uint16_t)count, length);
    struct rig_address *address = (struct rig_address *)(frame + sizeof(struct rig_header));
    uint8_t *data = (uint8_t *)(address + count), *end = data + bytes;
    for (; count > 0; count--) {
        struct packet *packet = take_first(handle);
        size_t part = packet->length <= (size_t)(end - data) ? packet->length : (size_t)(end - data);
        if (part < packet->length)
            ((struct rig_header *)frame)->truncated = 1;
        if (part > 0)
            memcpy(data, packet->data, part);
        data += part;
        *address = packet->address;
        if (packet->in_kernel)
            address->network.token = hold(packet);
        else
            release(packet);
        address++;
    }
    handle->waiting = 0;
    answer(handle, frame, sizeof(struct rig_header) + length);
}

/* ---- what the kernel has ---- */

/* As a network card's offload leaves it: the sums that the card would compute are not there yet. */
static void scramble(struct packet *packet)
{
    size_t header, transport;
    packet_checksums(packet->data, packet->length, &header, &transport);
    if (header != 0)
        packet->data[header] ^= 0x5A;
    if (transport != 0)
        packet->data[transport] ^= 0xA5;
    packet->address.bits &= (uint8_t)~RIG_CHECKSUMS;
}

static void take_packet(const struct queued_packet *queued)
{
    int outbound = queued->hook == NF_INET_LOCAL_OUT || queued->hook == NF_INET_POST_ROUTING || queued->hook == NF_INET_FORWARD;
    uint32_t interface_index = outbound ? queued->out_interface : queued->in_interface;
    if (!queued->whole && counts.unseen++ == 0)
        warnx("a packet of more than %u bytes goes by unseen: set the interface's MTU lower", VERDICT_PACKET_BYTES);
    /* Windows shows a packet from the machine to itself once, on its way out. */
    int shown_before = !outbound && interface_index == LOOPBACK_INTERFACE;
    if (!queued->whole || shown_before || rig_packet_length(queued->data, queued->length) == 0) {
        queue_accept(queued->queue, queued->id, NULL, 0);
        return;
    }
    struct rig_address address = {
        .timestamp = now,
        .layer = queued->hook == NF_INET_FORWARD ? RIG_LAYER_FORWARD : RIG_LAYER_NETWORK,
        .bits = (uint8_t)(RIG_CHECKSUMS | (outbound ? RIG_OUTBOUND : 0) | (outbound && interface_index == LOOPBACK_INTERFACE ? RIG_LOOPBACK : 0)
            | (queued->data[0] >> 4 == 6 ? RIG_IPV6 : 0)),
        .network = { .interface_index = interface_index },
    };
    struct packet *packet = new_packet(queued->data, queued->length, &address);
    packet->in_kernel = 1;
    packet->queue = queued->queue;
    packet->id = queued->id;
    counts.seen++;
    if (counts.seen * offload_percent / 100 != (counts.seen - 1) * offload_percent / 100)
        scramble(packet);
    offer(packet, UINT64_MAX);
}

static void take_received(void)
{
    for (struct queued_packet packet; queue_next(&packet);)
        take_packet(&packet);
}

/* ---- what programs ask ---- */

static int by_falling_order(const void *left, const void *right)
{
    const struct handle *a = *(struct handle *const *)left, *b = *(struct handle *const *)right;
    return a->order < b->order ? 1 : a->order > b->order ? -1 : 0;
}

static void open_handle(struct handle *handle, const struct rig_open *open, const char *object, size_t length)
{
    uint32_t error = refused_error;
    if (error == 0 && !filter_decode(&handle->filter, object, length))
        error = ERROR_INVALID_PARAMETER;
    if (error == 0) {
        handle->opened = handle->capturing = 1;
        handle->flags = open->flags;
        handle->layer = open->layer;
        handle->order = (uint64_t)(open->priority + 32768) << 32 | ++opens;
        handle->params[QUEUE_LENGTH] = 4096;
        handle->params[QUEUE_TIME] = 2000;
        handle->params[QUEUE_SIZE] = 4194304;
        qsort(handles, handle_count, sizeof *handles, by_falling_order);
    }
    struct rig_opened opened = { .name = handle->order, .error = error };
    uint8_t *frame = new_frame(RIG_OPENED, 0, sizeof opened);
    memcpy(frame + sizeof(struct rig_header), &opened, sizeof opened);
    answer(handle, frame, sizeof(struct rig_header) + sizeof opened);
}

static int inject_all(struct handle *handle, unsigned count, const uint8_t *body, size_t length)
{
    if (count > RIG_BATCH || count * sizeof(struct rig_address) > length)
        return 0;
    const uint8_t *data = body + count * sizeof(struct rig_address), *end = body + length;
    for (unsigned i = 0; i < count; i++) {
        struct rig_address address;
        memcpy(&address, body + i * sizeof address, sizeof address);
        uint32_t bytes = rig_packet_length(data, (size_t)(end - data));
        if (bytes == 0 || bytes > (size_t)(end - data))
            return 0;
        inject(handle, &address, data, bytes);
        data += bytes;
    }
    return data == end;
}

static void deliver_event(const uint8_t *body)
{
    struct rig_address address;
    memcpy(&address, body, sizeof address);
    address.timestamp = now;
    if (address.layer == RIG_LAYER_FLOW || address.layer == RIG_LAYER_SOCKET)
        offer(new_packet(NULL, 0, &address), UINT64_MAX);
}

/*
 * The program waits for the answer: what was sent before its call is in the kernel's queue by now, and
 * still captured; what is sent after it returns isn't.
 */
static void shut_down(struct handle *control, const uint8_t *body)
{
    uint64_t name;
    memcpy(&name, body, sizeof name);
    take_received();
    for (int batches = 0; batches < 1024 && queue_receive() > 0; batches++)
        take_received();
    for (unsigned i = 0; i < handle_count; i++)
        if (handles[i]->order == name)
            handles[i]->capturing = 0;
    answer(control, new_frame(RIG_END, 0, 0), sizeof(struct rig_header));
}

/* 0: not what a stand-in says; the connection ends. */
static int obey(struct handle *handle, const struct rig_header *header, const uint8_t *body)
{
    if (!handle->opened) {
        struct rig_open open;
        if (header->type == RIG_EVENT && header->length == sizeof(struct rig_address)) {
            deliver_event(body);
            return 1;
        }
        if (header->type == RIG_SHUTDOWN && header->length == sizeof(uint64_t)) {
            shut_down(handle, body);
            return 1;
        }
        if (header->type != RIG_OPEN || header->length < sizeof open)
            return 0;
        memcpy(&open, body, sizeof open);
        open_handle(handle, &open, (const char *)body + sizeof open, header->length - sizeof open);
        return 1;
    }
    switch (header->type) {
    case RIG_RECV:
        if (header->length != sizeof handle->request || handle->waiting)
            return 0;
        memcpy(&handle->request, body, sizeof handle->request);
        handle->waiting = handle->request.addresses >= 1 && handle->request.addresses <= RIG_BATCH;
        return handle->waiting;
    case RIG_PACKETS:
        return inject_all(handle, header->count, body, header->length);
    case RIG_SET_PARAM: {
        struct rig_param param;
        if (header->length != sizeof param)
            return 0;
        memcpy(&param, body, sizeof param);
        if (param.param >= QUEUE_PARAMS)
            return 0;
        handle->params[param.param] = param.value;
        return 1;
    }
    }
    return 0;
}

/* 0: the connection has ended, by its end or by its fault. */
static int read_input(struct handle *handle)
{
    ssize_t received = recv(handle->descriptor, handle->input + handle->input_bytes, INPUT_BYTES - handle->input_bytes, MSG_DONTWAIT);
    if (received <= 0)
        return received < 0 && (errno == EAGAIN || errno == EINTR);
    handle->input_bytes += (size_t)received;
    size_t at = 0;
    for (;;) {
        struct rig_header header;
        if (handle->input_bytes - at < sizeof header)
            break;
        memcpy(&header, handle->input + at, sizeof header);
        if (header.length > RIG_FRAME_BYTES)
            return 0;
        if (handle->input_bytes - at < sizeof header + header.length)
            break;
        if (!obey(handle, &header, handle->input + at + sizeof header))
            return 0;
        at += sizeof header + header.length;
    }
    handle->input_bytes -= at;
    memmove(handle->input, handle->input + at, handle->input_bytes);
    return 1;
}

static void accept_connection(int listener)
{
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0)
        return;
    if (handle_count == HANDLES) {
        close(descriptor);
        return;
    }
    struct handle *handle = allocate(sizeof *handle);
    handle->descriptor = descriptor;
    handle->last = &handle->first;
    handle->input = allocate(INPUT_BYTES);
    handles[handle_count++] = handle;
}

/* As the driver at CloseHandle, whether the program meant it or died: what it hasn't read goes on, what it has read is lost. */
static void close_handle(struct handle *handle)
{
    unsigned i = 0;
    while (handles[i] != handle)
        i++;
    memmove(&handles[i], &handles[i + 1], (--handle_count - i) * sizeof *handles);

    for (uint64_t token = held_oldest; token < held_next; token++) {
        struct packet *packet = held[token % HELD_PACKETS];
        if (packet != NULL && packet->owner == handle)
            let_go(token);
    }
    while (handle->first != NULL) {
        struct packet *packet = take_first(handle);
        if (is_expired(handle, packet) || (handle->flags & RIG_FLAG_SNIFF))
            discard(packet);
        else
            offer(packet, handle->order);
    }
    close(handle->descriptor);
    free(handle->output);
    free(handle->input);
    free(handle);
}

/* ---- the program ---- */

static void run(int listener, int signals)
{
    struct pollfd polled[HANDLES + 3];
    struct handle *of[HANDLES];
    for (;;) {
        unsigned count = handle_count;
        for (unsigned i = 0; i < count; i++) {
            of[i] = handles[i];
            /* While an answer waits for its reader, nothing else does: its requests follow it. */
            polled[i] = (struct pollfd) { .fd = of[i]->descriptor, .events = (short)(POLLIN | (of[i]->output != NULL ? POLLOUT : 0)) };
        }
        polled[count] = (struct pollfd) { .fd = listener, .events = POLLIN };
        polled[count + 1] = (struct pollfd) { .fd = queue_descriptor(), .events = POLLIN };
        polled[count + 2] = (struct pollfd) { .fd = signals, .events = POLLIN };
        if (poll(polled, count + 3, 50) < 0 && errno != EINTR)
            err(1, "poll");
        if (polled[count + 2].revents != 0)
            return;
        look_at_clock();

        /*
         * Packets are taken out first and offered last: what a program said before a packet came into being is
         * then always heard before it, WinDivertSetParam for example.
         */
        queue_receive();
        for (unsigned i = 0; i < count; i++) {
            if ((polled[i].revents & POLLOUT) && of[i]->output != NULL)
                write_output(of[i]);
            if (!read_input(of[i]))
                close_handle(of[i]);
        }
        if (polled[count].revents != 0)
            accept_connection(listener);
        take_received();
        for (unsigned i = 0; i < handle_count; i++) {
            drop_expired(handles[i]);
            serve(handles[i]);
        }
        drop_held();
        queue_flush();
    }
}

static uint32_t number(const char *text, uint32_t most, const char *what)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 0);
    if (errno != 0 || *text == '\0' || *end != '\0' || value > most)
        errx(2, "%s: %s is not a number up to %u", what, text, most);
    return (uint32_t)value;
}

int main(int argument_count, char **arguments)
{
    static const struct option options[] = {
        { "socket", required_argument, NULL, 's' }, { "mark", required_argument, NULL, 'm' }, { "queue", required_argument, NULL, 'q' },
        { "accept-mark", required_argument, NULL, 'a' }, { "offload", required_argument, NULL, 'o' }, { "refuse", required_argument, NULL, 'r' }, { NULL, 0, NULL, 0 },
    };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    uint16_t queues[QUEUES];
    unsigned queue_count = 0;
    uint32_t mark = 0;
    int option;
    while ((option = getopt_long(argument_count, arguments, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            if (strlen(optarg) >= sizeof address.sun_path)
                errx(2, "--socket: at most %zu characters", sizeof address.sun_path - 1);
            strcpy(address.sun_path, optarg);
            break;
        case 'm': mark = number(optarg, UINT32_MAX, "--mark"); break;
        case 'q':
            if (queue_count == QUEUES)
                errx(2, "--queue: at most %d", QUEUES);
            queues[queue_count++] = (uint16_t)number(optarg, UINT16_MAX, "--queue");
            break;
        case 'a': queue_set_accept_mark(number(optarg, UINT32_MAX, "--accept-mark")); break;
        case 'o': offload_percent = number(optarg, 100, "--offload"); break;
        case 'r': refused_error = number(optarg, UINT32_MAX, "--refuse"); break;
        default: return 2;
        }
    }
    if (address.sun_path[0] == '\0' || mark == 0 || queue_count == 0 || optind < argument_count)
        errx(2, "usage: bridge --socket PATH --mark N --queue N [--queue N...] [--accept-mark N] [--offload PERCENT] [--refuse ERROR]");

    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    int signals = signalfd(-1, &ends, SFD_CLOEXEC);
    raw_open(mark);
    queue_open(queues, queue_count);
    unlink(address.sun_path); /* an earlier bridge's, that was killed */
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (signals < 0 || listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, HANDLES) != 0)
        err(1, "%s", address.sun_path);
    warnx("ready on %s", address.sun_path);

    run(listener, signals);

    look_at_clock();
    while (handle_count > 0)
        close_handle(handles[0]);
    queue_flush();
    unlink(address.sun_path);
    warnx("end: %llu packets seen, %llu passed, %llu sent as new, %llu dropped, %llu refused by the system",
        (unsigned long long)counts.seen, (unsigned long long)counts.accepted, (unsigned long long)counts.raw,
        (unsigned long long)counts.dropped, (unsigned long long)counts.refused);
    return 0;
}
