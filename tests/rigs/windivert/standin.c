/*
 * A stand-in for WinDivert.dll under Wine. The helpers are the real DLL's, which is beside this one as
 * WinDivertReal.dll (standin.def forwards to it). The functions that need the driver are here: they
 * check what the DLL and the driver check, in that order, and ask the bridge for the rest.
 *
 * Not here: overlapped calls, CancelIoEx and completion ports (a handle is a number of our own, not a
 * handle of Windows), and the REFLECT layer.
 */
#define WINDIVERTEXPORT /* the functions are exported by standin.def */
#include <windows.h>
#include "windivert.h"

#include "linux_calls.h"
#include "protocol.h"

_Static_assert(sizeof(WINDIVERT_ADDRESS) == sizeof(struct rig_address) && WINDIVERT_BATCH_MAX == RIG_BATCH, "protocol.h");

#define HANDLES 64
#define PARAMS 3
#define ADDRESS_BYTES sizeof(WINDIVERT_ADDRESS)

struct handle {
    uint32_t generation; /* of the number that the program has; odd while open */
    unsigned users;      /* calls under way; Close waits for them */
    int descriptor;
    uint64_t name; /* the bridge's */
    WINDIVERT_LAYER layer;
    UINT64 flags;
    UINT64 params[PARAMS];
    BOOL send_ended;
    SRWLOCK receiving; /* one request and its answer */
    SRWLOCK sending;   /* one frame; `outgoing` */
    uint32_t outgoing_count, outgoing_bytes;
    WINDIVERT_ADDRESS outgoing[RIG_BATCH];
    uint8_t outgoing_data[RIG_FRAME_BYTES - sizeof(WINDIVERT_ADDRESS[RIG_BATCH])];
};

static struct handle *handles[HANDLES];
static SRWLOCK table = SRWLOCK_INIT;
static CONDITION_VARIABLE left = CONDITION_VARIABLE_INIT;

static BOOL fail(DWORD error)
{
    SetLastError(error);
    return FALSE;
}

/* ---- the table ---- */

static HANDLE number_of(unsigned index)
{
    return (HANDLE)(((ULONG_PTR)handles[index]->generation << 16) | (index + 1) << 2);
}

/* The open handle of a number, which stays until leave(); NULL with error 6. */
static struct handle *enter(HANDLE number)
{
    unsigned index = (unsigned)(((ULONG_PTR)number & 0xFFFF) >> 2) - 1;
    struct handle *handle = NULL;
    AcquireSRWLockExclusive(&table);
    if (index < HANDLES && handles[index] != NULL && handles[index]->generation % 2 == 1 && number_of(index) == number) {
        handle = handles[index];
        handle->users++;
    }
    ReleaseSRWLockExclusive(&table);
    if (handle == NULL)
        SetLastError(ERROR_INVALID_HANDLE);
    return handle;
}

static void leave(struct handle *handle)
{
    AcquireSRWLockExclusive(&table);
    handle->users--;
    WakeAllConditionVariable(&left); /* of the one that closes it, if any */
    ReleaseSRWLockExclusive(&table);
}

/* Records stay in their place: a number that was closed once is never an open handle again. */
static HANDLE add(int descriptor, uint64_t name, WINDIVERT_LAYER layer, UINT64 flags)
{
    HANDLE number = INVALID_HANDLE_VALUE;
    AcquireSRWLockExclusive(&table);
    for (unsigned i = 0; i < HANDLES && number == INVALID_HANDLE_VALUE; i++) {
        if (handles[i] == NULL)
            handles[i] = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof *handles[i]);
        struct handle *handle = handles[i];
        if (handle == NULL || handle->generation % 2 == 1 || handle->users != 0)
            continue;
        handle->generation++;
        handle->descriptor = descriptor;
        handle->name = name;
        handle->layer = layer;
        handle->flags = flags;
        handle->params[WINDIVERT_PARAM_QUEUE_LENGTH] = WINDIVERT_PARAM_QUEUE_LENGTH_DEFAULT;
        handle->params[WINDIVERT_PARAM_QUEUE_TIME] = WINDIVERT_PARAM_QUEUE_TIME_DEFAULT;
        handle->params[WINDIVERT_PARAM_QUEUE_SIZE] = WINDIVERT_PARAM_QUEUE_SIZE_DEFAULT;
        handle->send_ended = FALSE;
        number = number_of(i);
    }
    ReleaseSRWLockExclusive(&table);
    return number;
}

/* ---- frames ---- */

static BOOL send_frame(int descriptor, enum rig_frame type, uint16_t count, const void *first, uint32_t first_bytes, const void *second,
    uint32_t second_bytes)
{
    struct rig_header header = { .length = first_bytes + second_bytes, .type = (uint8_t)type, .count = count };
    struct linux_vector vectors[] = { { &header, sizeof header }, { (void *)first, first_bytes }, { (void *)second, second_bytes } };
    return linux_transfer(LINUX_SENDMSG, descriptor, vectors, 3);
}

/* A frame of a handle; after it failed the handle is being closed, or the bridge is gone. */
static BOOL tell(struct handle *handle, enum rig_frame type, const void *body, uint32_t bytes)
{
    AcquireSRWLockExclusive(&handle->sending);
    BOOL sent = send_frame(handle->descriptor, type, 0, body, bytes, NULL, 0);
    ReleaseSRWLockExclusive(&handle->sending);
    return sent || fail(ERROR_OPERATION_ABORTED);
}

static BOOL receive_bytes(int descriptor, void *first, uint32_t first_bytes, void *second, uint32_t second_bytes)
{
    struct linux_vector vectors[] = { { first, first_bytes }, { second, second_bytes } };
    return linux_transfer(LINUX_RECVMSG, descriptor, vectors, 2);
}

/* ---- opening and closing ---- */

/* The combinations that the DLL refuses, then those that the driver does. */
static BOOL are_valid(WINDIVERT_LAYER layer, INT16 priority, UINT64 flags)
{
    const UINT64 all = WINDIVERT_FLAG_SNIFF | WINDIVERT_FLAG_DROP | WINDIVERT_FLAG_RECV_ONLY | WINDIVERT_FLAG_SEND_ONLY
        | WINDIVERT_FLAG_NO_INSTALL | WINDIVERT_FLAG_FRAGMENTS;
    const UINT64 sniff_drop = WINDIVERT_FLAG_SNIFF | WINDIVERT_FLAG_DROP, one_way = WINDIVERT_FLAG_RECV_ONLY | WINDIVERT_FLAG_SEND_ONLY;
    if ((flags & ~all) != 0 || (flags & sniff_drop) == sniff_drop || (flags & one_way) == one_way)
        return FALSE;
    if (priority < WINDIVERT_PRIORITY_LOWEST || priority > WINDIVERT_PRIORITY_HIGHEST)
        return FALSE;
    switch (layer) {
    case WINDIVERT_LAYER_NETWORK:
    case WINDIVERT_LAYER_NETWORK_FORWARD: return TRUE;
    case WINDIVERT_LAYER_FLOW: return (flags & WINDIVERT_FLAG_SNIFF) != 0 && (flags & WINDIVERT_FLAG_RECV_ONLY) != 0;
    case WINDIVERT_LAYER_SOCKET: return (flags & WINDIVERT_FLAG_RECV_ONLY) != 0;
    default: return FALSE; /* REFLECT isn't imitated */
    }
}

static int connect_to_bridge(void)
{
    char path[128];
    DWORD length = GetEnvironmentVariableA(RIG_SOCKET_VARIABLE, path, sizeof path);
    return length > 0 && length < sizeof path ? linux_connect(path) : -1;
}

static DWORD open_at_bridge(int descriptor, const struct rig_open *open, const char *object, uint64_t *name)
{
    struct rig_header header;
    struct rig_opened opened;
    if (!send_frame(descriptor, RIG_OPEN, 0, open, sizeof *open, object, (uint32_t)strlen(object))
        || !receive_bytes(descriptor, &header, sizeof header, NULL, 0) || header.type != RIG_OPENED || header.length != sizeof opened
        || !receive_bytes(descriptor, &opened, sizeof opened, NULL, 0))
        return ERROR_GEN_FAILURE;
    *name = opened.name;
    return opened.error;
}

HANDLE WinDivertOpen(const char *filter, WINDIVERT_LAYER layer, INT16 priority, UINT64 flags)
{
    char object[RIG_OBJECT_BYTES];
    uint64_t name = 0;
    struct rig_open open = { .flags = flags, .priority = priority, .layer = (uint8_t)layer };
    if (!are_valid(layer, priority, flags) || !WinDivertHelperCompileFilter(filter, layer, object, sizeof object, NULL, NULL)) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return INVALID_HANDLE_VALUE;
    }
    int descriptor = connect_to_bridge();
    if (descriptor < 0) {
        /* As where the driver's file is missing. */
        SetLastError(descriptor == -LINUX_EACCES ? ERROR_ACCESS_DENIED
            : (flags & WINDIVERT_FLAG_NO_INSTALL) != 0 ? ERROR_SERVICE_DOES_NOT_EXIST : ERROR_FILE_NOT_FOUND);
        return INVALID_HANDLE_VALUE;
    }
    DWORD error = open_at_bridge(descriptor, &open, object, &name);
    HANDLE number = error == 0 ? add(descriptor, name, layer, flags) : INVALID_HANDLE_VALUE;
    if (number == INVALID_HANDLE_VALUE) {
        linux_call(LINUX_CLOSE, descriptor, 0, 0);
        SetLastError(error != 0 ? error : ERROR_NO_SYSTEM_RESOURCES);
    }
    return number;
}

BOOL WinDivertClose(HANDLE number)
{
    struct handle *handle = enter(number);
    if (handle == NULL)
        return FALSE;
    AcquireSRWLockExclusive(&table);
    BOOL first = handle->generation % 2 == 1;
    if (first) {
        handle->generation++;
        /* Calls under way come back with 995. */
        linux_call(LINUX_SHUTDOWN, handle->descriptor, LINUX_SHUT_RDWR, 0);
        while (handle->users > 1)
            SleepConditionVariableSRW(&left, &table, INFINITE, 0);
        linux_call(LINUX_CLOSE, handle->descriptor, 0, 0);
    }
    handle->users--;
    WakeAllConditionVariable(&left);
    ReleaseSRWLockExclusive(&table);
    return first || fail(ERROR_INVALID_HANDLE);
}

/* ---- receiving ---- */

static BOOL receive(struct handle *handle, void *packet, UINT packet_bytes, UINT *received, WINDIVERT_ADDRESS *addresses, UINT *address_bytes)
{
    UINT room = address_bytes != NULL ? *address_bytes : ADDRESS_BYTES;
    if (room < ADDRESS_BYTES || room > RIG_BATCH * ADDRESS_BYTES || (address_bytes != NULL && addresses == NULL))
        return fail(ERROR_INVALID_PARAMETER);
    if ((handle->flags & WINDIVERT_FLAG_SEND_ONLY) != 0)
        return fail(ERROR_INVALID_PARAMETER);
    WINDIVERT_ADDRESS unwanted;
    if (addresses == NULL)
        addresses = &unwanted;
    struct rig_recv request = { .packet_bytes = packet != NULL ? packet_bytes : 0, .addresses = room / ADDRESS_BYTES };
    struct rig_header header;
    if (!tell(handle, RIG_RECV, &request, sizeof request) || !receive_bytes(handle->descriptor, &header, sizeof header, NULL, 0))
        return fail(ERROR_OPERATION_ABORTED);
    if (header.type == RIG_END)
        return fail(ERROR_NO_DATA);
    uint32_t filled = header.count * (uint32_t)ADDRESS_BYTES;
    if (header.type != RIG_PACKETS || header.count > request.addresses || header.length < filled
        || header.length - filled > request.packet_bytes
        || !receive_bytes(handle->descriptor, addresses, filled, packet, header.length - filled))
        return fail(ERROR_OPERATION_ABORTED);
    if (address_bytes != NULL)
        *address_bytes = filled;
    if (header.truncated)
        return fail(ERROR_INSUFFICIENT_BUFFER);
    if (received != NULL)
        *received = header.length - filled;
    return TRUE;
}

BOOL WinDivertRecvEx(HANDLE number, VOID *packet, UINT packet_bytes, UINT *received, UINT64 flags, WINDIVERT_ADDRESS *addresses,
    UINT *address_bytes, LPOVERLAPPED overlapped)
{
    if (flags != 0)
        return fail(ERROR_INVALID_PARAMETER);
    if (overlapped != NULL)
        return fail(ERROR_NOT_SUPPORTED);
    struct handle *handle = enter(number);
    if (handle == NULL)
        return FALSE;
    AcquireSRWLockExclusive(&handle->receiving);
    BOOL done = receive(handle, packet, packet_bytes, received, addresses, address_bytes);
    DWORD error = GetLastError();
    ReleaseSRWLockExclusive(&handle->receiving);
    leave(handle);
    SetLastError(error);
    return done;
}

BOOL WinDivertRecv(HANDLE number, VOID *packet, UINT packet_bytes, UINT *received, WINDIVERT_ADDRESS *address)
{
    return WinDivertRecvEx(number, packet, packet_bytes, received, 0, address, NULL, NULL);
}

/* ---- sending ---- */

static BOOL flush(struct handle *handle)
{
    uint32_t count = handle->outgoing_count, bytes = handle->outgoing_bytes;
    handle->outgoing_count = handle->outgoing_bytes = 0;
    return count == 0
        || send_frame(handle->descriptor, RIG_PACKETS, (uint16_t)count, handle->outgoing, count * (uint32_t)ADDRESS_BYTES,
            handle->outgoing_data, bytes)
        || fail(ERROR_OPERATION_ABORTED);
}

/* What the driver does to its copy of a packet. FALSE: its time to live is over. */
static BOOL prepare(uint8_t *packet, uint32_t bytes, const WINDIVERT_ADDRESS *address)
{
    UINT64 keep = (address->IPChecksum ? WINDIVERT_HELPER_NO_IP_CHECKSUM : 0) | (address->TCPChecksum ? WINDIVERT_HELPER_NO_TCP_CHECKSUM : 0)
        | (address->UDPChecksum ? WINDIVERT_HELPER_NO_UDP_CHECKSUM : 0);
    if (!address->IPChecksum || !address->TCPChecksum || !address->UDPChecksum)
        WinDivertHelperCalcChecksums(packet, bytes, NULL, keep | WINDIVERT_HELPER_NO_ICMP_CHECKSUM | WINDIVERT_HELPER_NO_ICMPV6_CHECKSUM);
    return !address->Impostor || WinDivertHelperDecrementTTL(packet, bytes);
}

/* Packets before one with an error that ends the call are sent; a packet whose time is over only misses. */
static BOOL send_all(struct handle *handle, const uint8_t *data, UINT data_bytes, UINT *sent, const WINDIVERT_ADDRESS *addresses, UINT count)
{
    UINT at = 0;
    DWORD missed = 0, error = 0;
    for (UINT i = 0; i < count && error == 0; i++) {
        uint32_t bytes = rig_packet_length(data + at, data_bytes - at);
        UINT header_bytes = data_bytes - at >= 20 && data[at] >> 4 == 6 ? 40 : 20;
        if (data_bytes - at < header_bytes || bytes > data_bytes - at)
            error = ERROR_INSUFFICIENT_BUFFER;
        else if (bytes == 0)
            error = ERROR_INVALID_PARAMETER; /* not IP */
        else {
            if (bytes > sizeof handle->outgoing_data - handle->outgoing_bytes && !flush(handle))
                return FALSE;
            uint8_t *copy = handle->outgoing_data + handle->outgoing_bytes;
            memcpy(copy, data + at, bytes);
            if (prepare(copy, bytes, &addresses[i])) {
                handle->outgoing[handle->outgoing_count++] = addresses[i];
                handle->outgoing_bytes += bytes;
            } else
                missed = ERROR_HOST_UNREACHABLE;
            at += bytes;
        }
    }
    if (!flush(handle))
        return FALSE;
    if (error != 0 || missed != 0)
        return fail(error != 0 ? error : missed);
    if (sent != NULL)
        *sent = at;
    return TRUE;
}

BOOL WinDivertSendEx(HANDLE number, const VOID *packet, UINT packet_bytes, UINT *sent, UINT64 flags, const WINDIVERT_ADDRESS *addresses,
    UINT address_bytes, LPOVERLAPPED overlapped)
{
    if (flags != 0)
        return fail(ERROR_INVALID_PARAMETER);
    if (overlapped != NULL)
        return fail(ERROR_NOT_SUPPORTED);
    struct handle *handle = enter(number);
    if (handle == NULL)
        return FALSE;
    BOOL done;
    AcquireSRWLockExclusive(&handle->sending);
    if (address_bytes < ADDRESS_BYTES || address_bytes > RIG_BATCH * ADDRESS_BYTES || addresses == NULL)
        done = fail(ERROR_INVALID_PARAMETER);
    else if (handle->send_ended)
        done = fail(ERROR_NO_DATA);
    else if ((handle->flags & WINDIVERT_FLAG_RECV_ONLY) != 0 || handle->layer > WINDIVERT_LAYER_NETWORK_FORWARD)
        done = fail(ERROR_INVALID_PARAMETER);
    else
        done = send_all(handle, packet, packet != NULL ? packet_bytes : 0, sent, addresses, address_bytes / ADDRESS_BYTES);
    DWORD error = GetLastError();
    ReleaseSRWLockExclusive(&handle->sending);
    leave(handle);
    SetLastError(error);
    return done;
}

BOOL WinDivertSend(HANDLE number, const VOID *packet, UINT packet_bytes, UINT *sent, const WINDIVERT_ADDRESS *address)
{
    return WinDivertSendEx(number, packet, packet_bytes, sent, 0, address, ADDRESS_BYTES, NULL);
}

/* ---- the rest ---- */

/* Over a connection of its own: a call that receives may be waiting on the handle's. */
static BOOL end_capture(const struct handle *handle)
{
    struct rig_header header;
    int descriptor = connect_to_bridge();
    BOOL done = descriptor >= 0 && send_frame(descriptor, RIG_SHUTDOWN, 0, &handle->name, sizeof handle->name, NULL, 0)
        && receive_bytes(descriptor, &header, sizeof header, NULL, 0);
    if (descriptor >= 0)
        linux_call(LINUX_CLOSE, descriptor, 0, 0);
    return done || fail(ERROR_OPERATION_ABORTED);
}

BOOL WinDivertShutdown(HANDLE number, WINDIVERT_SHUTDOWN how)
{
    struct handle *handle = enter(number);
    if (handle == NULL)
        return FALSE;
    BOOL done = TRUE;
    if (how < WINDIVERT_SHUTDOWN_RECV || how > WINDIVERT_SHUTDOWN_BOTH)
        done = fail(ERROR_INVALID_PARAMETER);
    else if (how != WINDIVERT_SHUTDOWN_SEND)
        done = end_capture(handle);
    if (done && how != WINDIVERT_SHUTDOWN_RECV) {
        AcquireSRWLockExclusive(&handle->sending);
        handle->send_ended = TRUE;
        ReleaseSRWLockExclusive(&handle->sending);
    }
    leave(handle);
    return done;
}

BOOL WinDivertSetParam(HANDLE number, WINDIVERT_PARAM param, UINT64 value)
{
    static const struct { UINT64 least, most; } limits[PARAMS] = {
        [WINDIVERT_PARAM_QUEUE_LENGTH] = { WINDIVERT_PARAM_QUEUE_LENGTH_MIN, WINDIVERT_PARAM_QUEUE_LENGTH_MAX },
        [WINDIVERT_PARAM_QUEUE_TIME] = { WINDIVERT_PARAM_QUEUE_TIME_MIN, WINDIVERT_PARAM_QUEUE_TIME_MAX },
        [WINDIVERT_PARAM_QUEUE_SIZE] = { WINDIVERT_PARAM_QUEUE_SIZE_MIN, WINDIVERT_PARAM_QUEUE_SIZE_MAX },
    };
    struct handle *handle = enter(number);
    if (handle == NULL)
        return FALSE;
    struct rig_param message = { .value = value, .param = param };
    BOOL done = (UINT)param < PARAMS && value >= limits[param].least && value <= limits[param].most
        ? tell(handle, RIG_SET_PARAM, &message, sizeof message) : fail(ERROR_INVALID_PARAMETER);
    if (done)
        handle->params[param] = value;
    leave(handle);
    return done;
}

BOOL WinDivertGetParam(HANDLE number, WINDIVERT_PARAM param, UINT64 *value)
{
    struct handle *handle = enter(number);
    if (handle == NULL)
        return FALSE;
    BOOL done = value != NULL && (UINT)param <= WINDIVERT_PARAM_VERSION_MINOR;
    if (!done)
        SetLastError(ERROR_INVALID_PARAMETER);
    else
        *value = (UINT)param < PARAMS ? handle->params[param] : 2; /* version 2.2 */
    leave(handle);
    return done;
}
