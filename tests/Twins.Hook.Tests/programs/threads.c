/* threads THREADS CONNECTS: each thread connects, exchanges a byte and closes; forks as it goes.
 * Prints how many went well, and the descriptors that a child finds open. */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in server;
static int connects, good;
static int listener;

static void *serve(void *unused)
{
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0)
            return unused;
        char byte;
        if (read(connection, &byte, 1) == 1 && write(connection, &byte, 1) != 1)
            perror("write");
        close(connection);
    }
}

static void *work(void *unused)
{
    for (int i = 0; i < connects; i++) {
        char byte = 'x';
        int s = socket(AF_INET, SOCK_STREAM, 0);
        if (s >= 0 && connect(s, (struct sockaddr *)&server, sizeof server) == 0 && write(s, &byte, 1) == 1
            && read(s, &byte, 1) == 1 && byte == 'x')
            __atomic_add_fetch(&good, 1, __ATOMIC_SEQ_CST);
        close(s);
    }
    return unused;
}

/* Descriptors of a kind that this program never makes: AF_UNIX sockets. */
static int strangers(void)
{
    int found = 0;
    for (int descriptor = 0; descriptor < 200; descriptor++) {
        int domain = 0;
        socklen_t length = sizeof domain;
        if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX)
            found++;
    }
    return found;
}

int main(int count, char **arguments)
{
    int threads = count > 1 ? atoi(arguments[1]) : 8;
    connects = count > 2 ? atoi(arguments[2]) : 200;
    server.sin_family = AF_INET;
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof server;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&server, length) != 0 || listen(listener, 128) != 0
        || getsockname(listener, (struct sockaddr *)&server, &length) != 0)
        return 1;

    pthread_t server_thread, *workers = calloc((size_t)threads, sizeof *workers);
    pthread_create(&server_thread, NULL, serve, NULL);
    for (int i = 0; i < threads; i++)
        pthread_create(&workers[i], NULL, work, NULL);
    int leaked = 0, children = 0;
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(strangers());
        int status;
        if (waitpid(child, &status, 0) == child && WIFEXITED(status)) {
            children++;
            leaked += WEXITSTATUS(status);
        }
    }
    for (int i = 0; i < threads; i++)
        pthread_join(workers[i], NULL);
    /* The serving thread may be in the middle of a message: wait, up to five seconds, until it isn't. */
    int open_now = strangers();
    for (int i = 0; i < 5000 && open_now > 0; i++) {
        usleep(1000);
        open_now = strangers();
    }
    printf("good %d children %d leaked %d open %d\n", good, children, leaked, open_now);
    return 0;
}
