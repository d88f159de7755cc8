/* SPDX-License-Identifier: MIT */
#include "attach/attachment.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "attach/exit.h"
#include "attach/notify.h"
#include "attach/opening.h"
#include "attach/parts.h"
#include "attach/report.h"
#include "attach/runtime.h"
#include "attach/verbs.h"

#define PAUSE_FIRST_MS 250 /* between two attempts to reach a target that has never been there */
#define PAUSE_LAST_MS  5000
#define LAST_FLUSH_MS  3000 /* to flush at the end if the session is lost, or somebody insists */

/* --- facts --- */

uint64_t attachment_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void facts_phase(struct attachment *a, enum attachment_phase phase)
{
    pthread_mutex_lock(&a->facts.lock);
    a->facts.phase = phase;
    a->facts.since_ms = attachment_now_ms();
    a->facts.next_ms = 0;
    pthread_mutex_unlock(&a->facts.lock);
}

void facts_error(struct attachment *a, int error, const char *text)
{
    pthread_mutex_lock(&a->facts.lock);
    a->facts.error = error;
    snprintf(a->facts.error_text, sizeof a->facts.error_text, "%s", text);
    a->facts.error_ms = attachment_now_ms();
    pthread_mutex_unlock(&a->facts.lock);
}

bool facts_path(struct attachment *a, char out[CLAUSE_MAX])
{
    pthread_mutex_lock(&a->facts.lock);
    bool ready = a->facts.path;
    if (ready)
        snprintf(out, CLAUSE_MAX, "%s", a->facts.path);
    pthread_mutex_unlock(&a->facts.lock);
    return ready;
}

/* --- what the library tells --- */

/* What a notice is called among events. */
static const char *event_of(uint32_t kind)
{
    static const struct {
        uint32_t kind;
        const char *word;
    } rows[] = {
        {BERTH_NOTICE_LOST, "lost"},     {BERTH_NOTICE_BACK, "back"},     {BERTH_NOTICE_SIZE, "size"},
        {BERTH_NOTICE_GONE, "gone"},     {BERTH_NOTICE_WRITES, "writes"}, {BERTH_NOTICE_SPACE, "space"},
        {BERTH_NOTICE_RIGHTS, "rights"}, {BERTH_NOTICE_GROUP, "group"},   {BERTH_NOTICE_ENGINE, "engine"},
        {BERTH_NOTICE_FAILED, "failed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].kind == kind)
            return rows[i].word;
    return "notice";
}

void attachment_event(struct attachment *a, const char *kind, int error, const char *text)
{
    events_add(&a->events, kind, error, text);
    control_wake(a->control);
}

static void on_notice(void *arg, const struct berth_notice *n)
{
    struct attachment *a = arg;
    if (n->kind == BERTH_NOTICE_LOST || n->kind == BERTH_NOTICE_FAILED || n->kind == BERTH_NOTICE_BACK)
        atomic_store(&a->lost, n->kind != BERTH_NOTICE_BACK);
    attachment_event(a, event_of(n->kind), n->error, n->text);
    void (*notice)(void *, const struct berth_notice *) = a->notice;
    if (notice)
        notice(a->notice_arg, n);
}

static bool (*stop_when)(void);

void attachment_stop_when(bool (*stop)(void))
{
    stop_when = stop;
}

/* Once it is to end nothing waits any more, but the last flush: that has the time of any command, as long as
 * there is somebody to answer it and nobody insists. */
static bool cancelled(void *arg)
{
    struct attachment *a = arg;
    uint64_t flush_until = atomic_load(&a->flush_until_ms);
    if (stop_when && stop_when())
        return true;
    if (!attachment_ending(a) || (flush_until && !atomic_load(&a->lost) && !attachment_insisted(a)))
        return false;
    return attachment_now_ms() >= flush_until;
}

int attachment_flush(struct attachment *a)
{
    atomic_store(&a->flush_until_ms, attachment_now_ms() + LAST_FLUSH_MS);
    int error = berth_flush(a->lun);
    atomic_store(&a->flush_until_ms, 0);
    return error;
}

/* --- opening --- */

static int complain(struct berth_detail *detail, int error, const char *text)
{
    detail->error = error;
    snprintf(detail->text, sizeof detail->text, "%s", text);
    return error;
}

/* Somebody may end us in between. A supervisor shows its sentence long after it was told, so it has a time.
 */
static void pause_ms(struct attachment *a, int ms, const char *because)
{
    struct pollfd p = {.fd = a->end_fd, .events = POLLIN};
    uint64_t next_ms = attachment_now_ms() + (uint64_t)ms;
    char at[32];
    pthread_mutex_lock(&a->facts.lock);
    a->facts.attempts++;
    a->facts.next_ms = next_ms;
    pthread_mutex_unlock(&a->facts.lock);
    notify_status("waiting for the target: %s; next attempt at %s", because, status_time(next_ms, at));
    poll(&p, 1, ms);
    pthread_mutex_lock(&a->facts.lock);
    a->facts.next_ms = 0;
    pthread_mutex_unlock(&a->facts.lock);
}

static uint64_t deadline_ms(const struct settings *s)
{
    uint32_t wait = settings_number(s, SETTING_WAIT);
    return wait == UINT32_MAX ? UINT64_MAX : attachment_now_ms() + wait;
}

/* As often as `wait` lets us, for what may be different next time. The library would do that, too
 * (open_timeout_ms), but a LUN that it is still opening has no status: nobody could tell people who wait when
 * it tries next, and how often it has. */
static int open_patiently(struct attachment *a, const struct berth_options *options,
                          struct berth_detail *detail)
{
    uint64_t deadline = deadline_ms(a->settings);
    struct berth_lun *lun = NULL;
    int error, pause = PAUSE_FIRST_MS;
    for (;;) {
        error = berth_lun_open(&lun, settings_text(a->settings, SETTING_URL), options, detail);
        a->lun = lun;
        if (error)
            facts_error(a, error, detail->text);
        if (!error || exit_find(error)->status != STATUS_UNREACHABLE || cancelled(a) ||
            attachment_now_ms() + (uint64_t)pause > deadline)
            return error;
        pause_ms(a, pause, detail->text);
        pause = pause * 2 < PAUSE_LAST_MS ? pause * 2 : PAUSE_LAST_MS;
    }
}

/* That the target could not be reached is not why. */
static int told_to_end(const struct attachment *a, struct berth_detail *detail)
{
    char text[CLAUSE_MAX];
    snprintf(text, sizeof text, "%s was told to end while it waited for its target; attach it again",
             a->name);
    return complain(detail, BERTH_E_ABORTED, text);
}

static int open_lun(struct attachment *a, struct berth_detail *detail)
{
    struct opening o;
    int error = opening_prepare(&o, a->settings, detail);
    if (!error)
        error = berth_reactors_new(&a->reactors, settings_number(a->settings, SETTING_REACTORS), NULL, 0);
    if (error && !detail->text[0])
        complain(detail, error, berth_error_text(error));
    o.options.reactors = a->reactors;
    o.options.notice = on_notice;
    o.options.cancelled = cancelled;
    o.options.notice_arg = o.options.cancelled_arg = a;
    if (!error)
        error = open_patiently(a, &o.options, detail);
    if (error && cancelled(a))
        error = told_to_end(a, detail);
    opening_wipe(&o);
    if (!error)
        facts_phase(a, PHASE_OPEN);
    return error;
}

/* --- the name --- */

static int held(const struct attachment *a, int64_t holder, struct berth_detail *detail)
{
    char by[32] = "another process", text[CLAUSE_MAX];
    if (errno != EBUSY) {
        snprintf(text, sizeof text, "cannot lock the name %s: %s", a->name, strerror(errno));
        return complain(detail, BERTH_E_SYSTEM, text);
    }
    if (holder > 0)
        snprintf(by, sizeof by, "process %lld", (long long)holder);
    snprintf(text, sizeof text, "%s is attached already, by %s; detach it first with 'berth detach %s'",
             a->name, by, a->name);
    return complain(detail, BERTH_E_STATE, text);
}

/* nbdkit serves many disks that nobody calls by a name, perhaps as a user who has no runtime folder. */
static bool is_nameless(const struct attachment *a)
{
    return strcmp(a->kind, "nbd") == 0 && !settings_said(a->settings, SETTING_NAME) &&
           !settings_said(a->settings, SETTING_LOCK_FD);
}

static int take_name(struct attachment *a, struct berth_detail *detail)
{
    char folder[RUNTIME_PATH_MAX], why[CLAUSE_MAX];
    const char *name = settings_text(a->settings, SETTING_NAME);
    int64_t holder = 0;
    if (name)
        snprintf(a->name, sizeof a->name, "%s", name);
    else
        opening_name(settings_text(a->settings, SETTING_URL), a->name);
    if (is_nameless(a))
        return 0;
    if (!runtime_folder(true, folder, why, sizeof why))
        return complain(detail, BERTH_E_SYSTEM, why);
    int fd =
        settings_said(a->settings, SETTING_LOCK_FD) ? (int)settings_number(a->settings, SETTING_LOCK_FD) : -1;
    if (fd >= 0 && !runtime_adopt(a->name, fd))
        return complain(detail, BERTH_E_ARGUMENT, "lock-fd is no lock of this name");
    a->lock_fd = fd >= 0 ? fd : runtime_lock(a->name, &holder);
    return a->lock_fd >= 0 ? 0 : held(a, holder, detail);
}

/* --- life --- */

static struct attachment *attachment_new(const struct settings *settings, const char *kind)
{
    struct attachment *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->lock_fd = a->end_fd = -1;
    a->kind = kind;
    a->settings = settings_copy(settings);
    a->live = settings_copy(settings);
    if (a->live)
        opening_spread(a->live);
    a->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&a->info_lock, NULL);
    pthread_mutex_init(&a->facts.lock, NULL);
    pthread_mutex_init(&a->users_lock, NULL);
    events_init(&a->events);
    a->facts.begun_ms = a->facts.since_ms = attachment_now_ms();
    return a;
}

/* Who started us will end as soon as we can be used. nbdkit, for one, would then end, too. */
static void outlive_parent(const struct settings *s)
{
    if (settings_said(s, SETTING_TELL_FD) && !settings_said(s, SETTING_TELL_AS))
        prctl(PR_SET_PDEATHSIG, 0);
}

static int begin(struct attachment *a, struct berth_detail *detail)
{
    char why[SETTINGS_WHY_MAX];
    if (!a->settings || !a->live || a->end_fd < 0)
        return complain(detail, BERTH_E_MEMORY, "there is no memory, or no descriptor, for an attachment");
    int error = settings_check(a->settings, SETTINGS_AS_WORDS, why);
    if (error)
        return complain(detail, error, why);
    outlive_parent(a->settings);
    error = take_name(a, detail);
    protections_begin(&a->protections, a->settings);
    if (!error && !is_nameless(a))
        error = control_start(a, detail);
    if (!error)
        error = open_lun(a, detail);
    if (!error)
        error = protections_complete(&a->protections, a->settings);
    if (error && !detail->text[0])
        return complain(detail, error, a->protections.rows[PROTECTION_MEMORY_LOCKED].why);
    return error;
}

int attachment_begin(struct attachment **out, const struct settings *settings, const char *kind,
                     struct berth_detail *detail)
{
    char sentence[2 * CLAUSE_MAX];
    struct attachment *a = attachment_new(settings, kind);
    *out = NULL;
    *detail = (struct berth_detail){.error = 0};
    int error =
        a ? begin(a, detail) : complain(detail, BERTH_E_MEMORY, "there is no memory for an attachment");
    if (!error) {
        *out = a;
        return 0;
    }
    const char *url = settings_text(settings, SETTING_URL);
    exit_sentence(sentence, sizeof sentence, error, detail, url ? url : "attach");
    report_failed(settings, a ? a->name : "", error, sentence);
    attachment_end(a);
    return error;
}

/* nbdkit leaves its socket behind. */
static void take_away(const char *path)
{
    struct stat st;
    if (path && path[0] == '/' && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
}

void attachment_end(struct attachment *a)
{
    if (!a)
        return;
    facts_phase(a, PHASE_ENDING);
    atomic_store(&a->ending, true);
    if (a->facts.path)
        notify_tell("STOPPING=1");
    control_halt(a->control);
    berth_lun_close(a->lun);
    berth_reactors_free(a->reactors);
    control_stop(a->control);
    take_away(a->facts.path);
    runtime_unlock(a->name, a->lock_fd);
    if (a->end_fd >= 0)
        close(a->end_fd);
    pthread_mutex_destroy(&a->info_lock);
    pthread_mutex_destroy(&a->facts.lock);
    pthread_mutex_destroy(&a->users_lock);
    events_destroy(&a->events);
    settings_free(a->settings);
    settings_free(a->live);
    free(a->facts.path);
    free(a);
}

/* From when on there is a path, a supervisor is told of trouble, which is not to be followed by this. */
void attachment_ready(struct attachment *a, const char *path)
{
    notify_status("attached: %s", path);
    pthread_mutex_lock(&a->facts.lock);
    a->facts.path = strdup(path);
    pthread_mutex_unlock(&a->facts.lock);
    attachment_event(a, "ready", 0, path);
    report_ready(a->settings, a->name, a->kind, path);
    notify_tell("READY=1");
}

void attachment_failed(struct attachment *a, int error, const char *sentence)
{
    facts_error(a, error, sentence);
    report_failed(a->settings, a->name, error, sentence);
}

/* --- for the export --- */

struct berth_lun *attachment_lun(struct attachment *a)
{
    return a->lun;
}

struct berth_lun_info attachment_info(struct attachment *a)
{
    pthread_mutex_lock(&a->info_lock);
    struct berth_lun_info info = *berth_lun_info(a->lun);
    pthread_mutex_unlock(&a->info_lock);
    return info;
}

const struct settings *attachment_settings(const struct attachment *a)
{
    return a->settings;
}

void attachment_use(struct attachment *a, attachment_list_users *list, void *arg)
{
    pthread_mutex_lock(&a->users_lock);
    a->list_users = list;
    a->users_arg = arg;
    pthread_mutex_unlock(&a->users_lock);
}

void attachment_on_notice(struct attachment *a, void (*notice)(void *arg, const struct berth_notice *n),
                          void *arg)
{
    a->notice_arg = arg;
    a->notice = notice;
}

int attachment_end_fd(const struct attachment *a)
{
    return a->end_fd;
}

void attachment_ask_end(struct attachment *a)
{
    int number = errno;
    atomic_store(&a->ending, true);
    eventfd_write(a->end_fd, 1);
    errno = number;
}

void attachment_insist(struct attachment *a)
{
    atomic_store(&a->insisted, true);
}

bool attachment_insisted(const struct attachment *a)
{
    return atomic_load(&a->insisted);
}

bool attachment_ending(const struct attachment *a)
{
    return atomic_load(&a->ending);
}

void attachment_count(struct attachment *a, enum attachment_op op, uint64_t bytes, uint64_t ns, int error)
{
    counters_add(&a->counters, op, bytes, ns, error);
}

int attachment_take_word(struct settings *s, const char *word, char why[SETTINGS_WHY_MAX])
{
    char key[64];
    size_t len = strcspn(word, "=");
    if (word[len] != '=' || len >= sizeof key) {
        snprintf(why, SETTINGS_WHY_MAX, "'%.64s' is not KEY=VALUE", word);
        return BERTH_E_ARGUMENT;
    }
    memcpy(key, word, len);
    key[len] = '\0';
    return settings_take(s, key, word + len + 1, SETTINGS_GIVEN, why);
}
