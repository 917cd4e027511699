/* Makes every call that the hook knows, once, on loopback, and prints what it did: one line each. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int family = AF_INET;

static socklen_t loopback(struct sockaddr_storage *address, unsigned port)
{
    memset(address, 0, sizeof *address);
    address->ss_family = (sa_family_t)family;
    if (family == AF_INET) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)address;
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        v4->sin_port = htons((uint16_t)port);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    v6->sin6_addr = in6addr_loopback;
    v6->sin6_port = htons((uint16_t)port);
    return sizeof *v6;
}

static unsigned port_of(int descriptor)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    getsockname(descriptor, (struct sockaddr *)&address, &length);
    return ntohs(family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port : ((struct sockaddr_in6 *)&address)->sin6_port);
}

int main(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "6") == 0)
        family = AF_INET6;
    struct sockaddr_storage address;
    socklen_t length = loopback(&address, 0);

    int listener = socket(family, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 8) != 0)
        return 1;
    unsigned port = port_of(listener);
    printf("listener %d %u\n", listener, port);

    length = loopback(&address, port);
    int client = socket(family, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&address, length) != 0)
        return 2;
    printf("client %d %u\n", client, port_of(client));
    int accepted = accept(listener, NULL, NULL);
    printf("accepted %d\n", accepted);

    int impatient = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int result = connect(impatient, (struct sockaddr *)&address, length);
    if (result != 0 && errno != EINPROGRESS)
        return 3;
    printf("impatient %d %u\n", impatient, port_of(impatient));
    int second = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    printf("second %d\n", second);

    int copy = dup(client);
    int high = dup2(client, 100);
    int higher = dup3(client, 101, O_CLOEXEC);
    dup2(0, 100); /* closes the socket there */
    printf("copies %d %d %d\n", copy, high, higher);

    close(accepted);
    close(second);
    close(impatient);
    close(copy);
    close(101);
    close(100);
    close(client);
    close(listener);

    /* None of these is a socket of interest. */
    int pair[2];
    if (pipe(pair) != 0)
        return 4;
    close(pair[0]);
    close(pair[1]);
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    close(local);
    close(-1);
    return 0;
}
