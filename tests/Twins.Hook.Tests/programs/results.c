/* Prints result and errno of calls that fail and of calls that succeed: the same with and without the hook. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHOW(call) do { errno = 4242; int result = (int)(call); int error = errno; printf("%s = %d, errno %d\n", #call, result, error); } while (0)

int main(void)
{
    struct sockaddr_in nobody = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(1) };
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr *refused = (struct sockaddr *)&nobody, *free_port = (struct sockaddr *)&any;
    int file = open("/dev/null", O_RDONLY), s = socket(AF_INET, SOCK_STREAM, 0), t = socket(AF_INET6, SOCK_DGRAM, 0);

    SHOW(socket(AF_INET, 77, 0));
    SHOW(socket(12345, SOCK_STREAM, 0));
    SHOW(connect(s, refused, sizeof nobody));
    SHOW(connect(file, refused, sizeof nobody));
    SHOW(connect(-1, refused, sizeof nobody));
    SHOW(connect(s, NULL, 16));
    SHOW(bind(file, free_port, sizeof any));
    SHOW(bind(s, free_port, 3));
    SHOW(bind(s, free_port, sizeof any));
    SHOW(listen(s, 1));
    SHOW(listen(t, 1));
    SHOW(fcntl(s, F_SETFL, O_NONBLOCK));
    SHOW(accept(s, NULL, NULL));
    SHOW(accept4(s, NULL, NULL, SOCK_CLOEXEC));
    SHOW(accept4(s, NULL, NULL, 12345));
    SHOW(accept(file, NULL, NULL));
    SHOW(dup(s));
    SHOW(dup(-1));
    SHOW(dup2(s, 50));
    SHOW(dup2(s, -1));
    SHOW(dup2(s, s));
    SHOW(dup2(-1, -1));
    SHOW(dup2(-1, 50));
    SHOW(dup3(s, s, 0));
    SHOW(dup3(s, 51, 12345));
    SHOW(dup3(s, 51, O_CLOEXEC));
    SHOW(close(50));
    SHOW(close(50));
    SHOW(close(-1));
    SHOW(close(s));
    SHOW(close(s));
    SHOW(socket(AF_INET, SOCK_STREAM, 0));
    return 0;
}
