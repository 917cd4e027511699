/*
 * Starts a program so that it can be checkpointed later: a session of its own without a terminal,
 * standard streams that are files, no inherited descriptor, and the hook in it if asked for.
 *
 * twins-exec --stdout FILE --stderr FILE [--hook LIBRARY] [--ready-fd N] -- COMMAND ARGUMENTS...
 *
 * The program replaces twins-exec and so keeps its PID. Only where twins-exec leads a process group
 * (an interactive shell started it) the program is a child, waited for. The working directory, the
 * umask and the rest of the environment stay. Exit status when it can't be started: 127 the command
 * was not found, 126 it can't be run, 125 anything before that, 2 usage.
 * On descriptor N, if given, a line says why it failed; end of file without a line: the program runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif

static int message_descriptor = STDERR_FILENO;
static int ready_descriptor = -1;

__attribute__((format(printf, 2, 3), noreturn)) static void fail(int status, const char *format, ...)
{
    char text[1024] = "twins-exec: ";
    size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, sizeof text - length - 1, format, arguments);
    va_end(arguments);
    strcat(text, "\n");
    /* Nobody may be there to read it: then the status has to do. */
    if (write(message_descriptor, text, strlen(text)) < 0) { }
    if (ready_descriptor >= 0 && write(ready_descriptor, text, strlen(text)) < 0) { }
    _exit(status);
}

static void usage(void)
{
    fail(2, "usage: twins-exec --stdout FILE --stderr FILE [--hook LIBRARY] [--ready-fd N] -- COMMAND ARGUMENTS...");
}

static int open_output(const char *path)
{
    int descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
    if (descriptor < 0)
        fail(125, "%s: %s", path, strerror(errno));
    return descriptor;
}

/* Everything above the standard streams goes away when the program starts, not before. */
static void close_on_exec(void)
{
    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
        return;
    long most = sysconf(_SC_OPEN_MAX); /* Linux before 5.11 */
    for (int descriptor = 3; descriptor < most; descriptor++)
        fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

static void preload(const char *library)
{
    if (access(library, R_OK) != 0)
        fail(125, "%s: %s", library, strerror(errno));
    const char *before = getenv("LD_PRELOAD");
    char *value = NULL;
    if (asprintf(&value, before != NULL && *before != '\0' ? "%s:%s" : "%s", library, before) < 0
        || setenv("LD_PRELOAD", value, 1) != 0)
        fail(125, "no memory");
    free(value);
}

static void leave_terminal(void)
{
    if (setsid() >= 0 || getsid(0) == getpid())
        return;
    pid_t child = fork();
    if (child < 0)
        fail(125, "fork: %s", strerror(errno));
    if (child == 0) {
        setsid();
        return;
    }
    if (ready_descriptor >= 0)
        close(ready_descriptor);
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) { }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int main(int count, char **arguments)
{
    static const struct option options[] = {
        { "stdout", required_argument, NULL, 'o' },
        { "stderr", required_argument, NULL, 'e' },
        { "hook", required_argument, NULL, 'h' },
        { "ready-fd", required_argument, NULL, 'r' },
        { NULL, 0, NULL, 0 },
    };
    const char *output = NULL, *error = NULL, *hook = NULL;
    int option;
    opterr = 0;
    while ((option = getopt_long(count, arguments, "+", options, NULL)) != -1) {
        char *end = NULL;
        switch (option) {
        case 'o': output = optarg; break;
        case 'e': error = optarg; break;
        case 'h': hook = optarg; break;
        case 'r':
            ready_descriptor = (int)strtol(optarg, &end, 10);
            if (*end != '\0' || ready_descriptor < 3)
                usage();
            break;
        default: usage();
        }
    }
    if (output == NULL || error == NULL || optind >= count)
        usage();

    int input_file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input_file < 0)
        fail(125, "/dev/null: %s", strerror(errno));
    int output_file = open_output(output), error_file = open_output(error);
    if (hook != NULL)
        preload(hook);
    leave_terminal();

    /* Where whoever started us hears of a failure; a copy, because 2 becomes the file. */
    int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (copy >= 0)
        message_descriptor = copy;
    if (dup2(input_file, STDIN_FILENO) < 0 || dup2(output_file, STDOUT_FILENO) < 0 || dup2(error_file, STDERR_FILENO) < 0)
        fail(125, "dup2: %s", strerror(errno));
    close_on_exec();
    execvp(arguments[optind], arguments + optind);
    fail(errno == ENOENT ? 127 : 126, "%s: %s", arguments[optind], strerror(errno));
}
