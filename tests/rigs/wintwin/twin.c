/*
 * Takes the place of the Linux twin (twinPath): the Windows twin, under Wine, behind the same control
 * socket and NFQUEUE. Whoever kills this program kills all that belongs to it.
 *
 * twin --control PATH --queue N [OPTION VALUE...]
 *
 *   bridge           gives the queue's packets to twin.exe, as WinDivert's driver would
 *   twin.exe         listens on \\.\pipe\twins-N
 *   pipe_relay.exe   listens on PATH and passes octets to and from the pipe
 *
 * It lies in build/rigs/wintwin; what it starts is found from there.
 */
#include <err.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SENT_MARK "0x74580000" /* Marks.Sent: twinsd's rules leave it alone */
#define READY_SECONDS 10
#define MOST_ARGUMENTS 16

static char build[PATH_MAX];

static const char *in_build(const char *path)
{
    char *whole;
    if (asprintf(&whole, "%s/%s", build, path) < 0)
        err(1, "memory");
    return whole;
}

static void start(const char **command)
{
    pid_t parent = getpid(), child = fork();
    if (child < 0)
        err(1, "fork");
    if (child > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    execvp(command[0], (char **)command);
    err(1, "%s", command[0]);
}

static void find_build(void)
{
    ssize_t length = readlink("/proc/self/exe", build, sizeof build - 1);
    if (length < 0)
        err(1, "/proc/self/exe");
    build[length] = '\0';
    for (int up = 0; up < 3; up++) {
        char *slash = strrchr(build, '/');
        if (slash == NULL)
            errx(1, "it isn't in build/rigs/wintwin");
        *slash = '\0';
    }
}

int main(int count, char **arguments)
{
    if (count < 5 || count > MOST_ARGUMENTS || strcmp(arguments[1], "--control") != 0 || strcmp(arguments[3], "--queue") != 0)
        errx(2, "usage: twin --control PATH --queue N [OPTION VALUE...]");
    find_build();
    const char *queue = arguments[4];
    char *socket_path, *pipe_path;
    if (asprintf(&socket_path, "/tmp/wintwin-%s", queue) < 0 || asprintf(&pipe_path, "\\\\.\\pipe\\twins-%s", queue) < 0)
        err(1, "memory");
    unlink(socket_path);
    unlink(arguments[2]);

    start((const char *[]) { in_build("rigs/windivert/bridge"), "--socket", socket_path, "--mark", SENT_MARK, "--accept-mark", "0", "--queue", queue, NULL });
    struct stat found;
    for (int i = 0; stat(socket_path, &found) != 0; i++) {
        if (i == READY_SECONDS * 100)
            errx(1, "the bridge isn't ready");
        usleep(10 * 1000);
    }

    setenv("WINEPREFIX", in_build("wine/wintwin"), 1);
    setenv("WINEDEBUG", "-all", 0);
    setenv("DOTNET_EnableWriteXorExecute", "0", 1); /* as in scripts/wine.sh */
    setenv("TWINS_RIG_SOCKET", socket_path, 1);
    const char *twin[MOST_ARGUMENTS + 4] = { "wine", in_build("rigs/windows/twin.exe"), "--control", pipe_path };
    memcpy(twin + 4, arguments + 5, sizeof *twin * (size_t)(count - 5));
    start(twin);
    start((const char *[]) { "wine", in_build("rigs/wintwin/pipe_relay.exe"), arguments[2], pipe_path, NULL });

    int status;
    pid_t ended = wait(&status);
    warnx("process %d has ended with status %#x, so it ends", ended, status);
    return 1;
}
