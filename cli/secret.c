/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "cli/say.h"
#include "cli/secret.h"
#include "cli/signals.h"

static bool stopped(void)
{
    return signals_caught() != 0;
}

static int from_file(struct secret *s, const char *file)
{
    char why[SECRET_WHY_MAX];
    int error = secret_read(s, file, stopped, why);
    if (error == BERTH_E_SYSTEM)
        return fail_errno(why, file);
    return error ? fail(STATUS_USAGE, "%s", why) : STATUS_OK;
}

/* Ctrl-C must not leave the terminal mute: deferred, it ends the read and the echo comes back first. The
 * question comes when the terminal is mute, for whoever answers at once would see the answer, or lose it with
 * what was typed before. */
static int ask_silently(struct secret *s, int tty, const char *whose)
{
    struct termios old, mute;
    int result;
    if (tcgetattr(tty, &old) < 0)
        return -1;
    mute = old;
    mute.c_lflag &= ~(tcflag_t)ECHO;
    signals_defer(true);
    tcsetattr(tty, TCSAFLUSH, &mute);
    dprintf(tty, "secret of %s: ", whose);
    result = secret_take(s, tty, true, stopped);
    tcsetattr(tty, TCSAFLUSH, &old);
    signals_defer(false);
    dprintf(tty, "\n");
    return result;
}

static int from_terminal(struct secret *s, const char *whose)
{
    int result, tty = isatty(STDERR_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1;
    if (tty < 0)
        return fail(STATUS_USAGE, "there is no terminal to ask for the secret of %s; give it in a file",
                    whose);
    result = ask_silently(s, tty, whose);
    close(tty);
    if (signals_caught())
        return fail(STATUS_SIGNAL + signals_caught(), "interrupted; nothing was changed");
    return result < 0 ? fail_errno("read the secret from", "the terminal") : STATUS_OK;
}

static int from_stdin(struct secret *s, const char *whose)
{
    if (isatty(STDIN_FILENO))
        return from_terminal(s, whose);
    return secret_take(s, STDIN_FILENO, false, stopped) < 0
               ? fail_errno("read the secret from", "standard input")
               : STATUS_OK;
}

int secret_load(struct secret *s, const char *file, const char *whose, bool weak)
{
    char why[SECRET_WHY_MAX];
    int status;
    *s = (struct secret){0};
    if (!secret_room(s))
        status = fail_errno("find memory for", "a secret");
    else if (!file)
        status = from_terminal(s, whose);
    else
        status = strcmp(file, "-") == 0 ? from_stdin(s, whose) : from_file(s, file);
    if (status == STATUS_OK && secret_finish(s, whose, weak, why))
        status = fail(STATUS_USAGE, "%s", why);
    if (status != STATUS_OK)
        secret_wipe(s);
    return status;
}
