/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "cli/clock.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "attach/size.h"

#define NS_PER_S    1000000000u
#define SAMPLE_NS   (NS_PER_S / 5)
#define LINE_NS     (5ull * NS_PER_S)
#define BAR_MIN     10u
#define BAR_MAX     50u
#define COLUMNS_MAX 200u

void progress_begin(struct progress *p, const char *verb, uint64_t total)
{
    *p = (struct progress){.verb = verb, .total = total, .tty = isatty(STDERR_FILENO) == 1};
    p->last_ns = p->shown_ns = clock_ns();
}

static const char *left_of(const struct progress *p, uint64_t done, struct size_text *text)
{
    if (p->rate < 1)
        return "-:--";
    *text = size_clock((uint64_t)((double)(p->total - done) / p->rate + 0.5));
    return text->s;
}

/* "1.2 GiB of 2.7 GiB, 312.4 MB/s, 0:05 left", or without what is not known. */
static void describe(char *out, size_t size, const struct progress *p, uint64_t done)
{
    struct size_text left;
    if (p->total == UINT64_MAX)
        snprintf(out, size, "%s, %s", size_human(done).s, size_rate(p->rate).s);
    else
        snprintf(out, size, "%s of %s, %s, %s left", size_human(done).s, size_human(p->total).s,
                 size_rate(p->rate).s, left_of(p, done, &left));
}

static unsigned percent(const struct progress *p, uint64_t done)
{
    return p->total ? (unsigned)(100.0 * (double)done / (double)p->total) : 100;
}

char *progress_bar(char *out, unsigned size, const struct progress *p, uint64_t done, unsigned width)
{
    char text[128], bar[BAR_MAX + 1];
    unsigned room, full;
    describe(text, sizeof text, p, done);
    room = width > strlen(text) + 10 ? width - (unsigned)strlen(text) - 10 : 0;
    if (p->total == UINT64_MAX || room < BAR_MIN) {
        snprintf(out, size, "%.*s", (int)(width ? width - 1 : 0), text);
        return out;
    }
    room = room > BAR_MAX ? BAR_MAX : room;
    full = percent(p, done) * room / 100;
    memset(bar, ' ', room);
    memset(bar, '=', full);
    if (full < room)
        bar[full] = '>';
    bar[room] = '\0';
    snprintf(out, size, "[%s] %3u%% %s", bar, percent(p, done), text);
    return out;
}

static unsigned columns(void)
{
    struct winsize w;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
        return 80;
    return w.ws_col < COLUMNS_MAX ? w.ws_col : COLUMNS_MAX;
}

static void show(struct progress *p, uint64_t done, uint64_t now)
{
    char text[COLUMNS_MAX + 1];
    if (p->tty) {
        say_in_place(progress_bar(text, sizeof text, p, done, columns()));
    } else if (now - p->shown_ns >= LINE_NS) {
        describe(text, sizeof text, p, done);
        say("%s %s", p->verb, text);
        p->shown_ns = now;
    }
}

void progress_update(struct progress *p, uint64_t done)
{
    uint64_t now = clock_ns(), passed = now - p->last_ns;
    double rate;
    if (done < p->last_done) /* a copy that went back; what it does again counts as progress */
        p->last_done = done;
    if (passed < SAMPLE_NS)
        return;
    rate = (double)(done - p->last_done) * NS_PER_S / (double)passed;
    p->rate = p->rate > 0 ? 0.9 * p->rate + 0.1 * rate : rate;
    p->last_ns = now;
    p->last_done = done;
    show(p, done, now);
}

void progress_end(struct progress *p)
{
    if (p->tty)
        say_in_place(NULL);
}
