/*
 * hook-cost ROUNDS: median time of connect() on loopback, in nanoseconds, one thread. Prints one number.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(int count, char **arguments)
{
    int rounds = count > 1 ? atoi(arguments[1]) : 5000;
    struct sockaddr_in server = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof server;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&server, length) != 0 || listen(listener, 16) != 0
        || getsockname(listener, (struct sockaddr *)&server, &length) != 0)
        return 1;

    /* The client end goes with a reset: no TIME-WAIT, so ports never run out. */
    struct linger at_once = { .l_onoff = 1 };
    double *times = calloc((size_t)rounds, sizeof *times);
    for (int round = 0; round < rounds; round++) {
        int client = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        double start = now();
        if (connect(client, (struct sockaddr *)&server, sizeof server) != 0)
            return 2;
        times[round] = now() - start;
        int accepted = accept(listener, NULL, NULL);
        close(client);
        close(accepted);
    }
    qsort(times, (size_t)rounds, sizeof *times, ascending);
    printf("%.0f\n", times[rounds / 2]);
    return 0;
}
