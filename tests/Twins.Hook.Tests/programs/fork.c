/* Connects in a child and in a grandchild that replaced itself by another program (its argument). */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int connect_once(unsigned port)
{
    struct sockaddr_in server = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port) };
    int s = socket(AF_INET, SOCK_STREAM, 0);
    return connect(s, (struct sockaddr *)&server, sizeof server) == 0 ? 0 : 1;
}

int main(int count, char **arguments)
{
    if (count > 2 && strcmp(arguments[1], "connect") == 0)
        return connect_once((unsigned)atoi(arguments[2]));
    struct sockaddr_in server = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof server;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&server, length) != 0 || listen(listener, 8) != 0
        || getsockname(listener, (struct sockaddr *)&server, &length) != 0)
        return 1;
    char port[16];
    snprintf(port, sizeof port, "%u", ntohs(server.sin_port));
    int failures = 0, status;
    pid_t child = fork();
    if (child == 0)
        _exit(connect_once(ntohs(server.sin_port)));
    waitpid(child, &status, 0);
    failures += status != 0;
    pid_t other = fork();
    if (other == 0) {
        execl(arguments[0], arguments[0], "connect", port, NULL);
        _exit(99);
    }
    waitpid(other, &status, 0);
    failures += status != 0;
    printf("children %d %d failures %d\n", child, other, failures);
    return 0;
}
