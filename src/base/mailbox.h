/* SPDX-License-Identifier: MIT */
/* Letters from many threads to one, without locks.
 *
 * A mailbox is one word: the newest letter, each letter pointing at the one before it. Senders put theirs on
 * top, the owner takes all there are at once and turns them over. Nobody takes a single one, so there is
 * nothing that a letter which comes back early could confuse.
 *
 * The same word tells that the owner sleeps: it holds MAILBOX_ASLEEP instead of no letter. The sender that
 * replaces it, and that one alone, has to wake the owner (ring its bell, whatever that is); as long as the
 * owner is awake nobody rings. There is no second flag, so there is no order between two of them that could
 * be got wrong:
 *  - pushing is a compare-and-exchange with release: what was written to the letter before can be seen by who
 *    takes it;
 *  - taking is an exchange with acquire, and says in the same step that the owner is awake;
 *  - falling asleep is a compare-and-exchange of "none" for "asleep": a letter that came before it makes it
 * fail, one that comes after it finds the owner asleep. Several pushes by one thread are taken in their
 * order. */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mail {
    struct mail *next;
    uint8_t kind; /* the owner's own */
};

struct mailbox {
    _Atomic(struct mail *) head;
};

#define MAILBOX_ASLEEP                   ((struct mail *)(uintptr_t)1)
#define mail_entry(letter, type, member) ((type *)(void *)((uint8_t *)(letter)-offsetof(type, member)))

static inline void mailbox_init(struct mailbox *box)
{
    atomic_init(&box->head, NULL);
}

/* Letters that leave together: the first one that was written is the first one that is read. */
struct mail_bundle {
    struct mail *newest, *oldest; /* NULL: there is none */
};

static inline void mail_bundle_add(struct mail_bundle *b, struct mail *letter)
{
    letter->next = b->newest;
    b->newest = letter;
    if (!b->oldest)
        b->oldest = letter;
}

/* Any thread, also a signal handler. True: the owner sleeps, and the caller has to wake it. */
static inline bool mailbox_push(struct mailbox *box, const struct mail_bundle *b)
{
    struct mail *before = atomic_load_explicit(&box->head, memory_order_relaxed);
    do {
        b->oldest->next = before == MAILBOX_ASLEEP ? NULL : before;
    } while (!atomic_compare_exchange_weak_explicit(&box->head, &before, b->newest, memory_order_release,
                                                    memory_order_relaxed));
    return before == MAILBOX_ASLEEP;
}

static inline bool mailbox_push_one(struct mailbox *box, struct mail *letter)
{
    return mailbox_push(box, &(struct mail_bundle){letter, letter});
}

/* The owner: whether there is something to take. */
static inline bool mailbox_holds(const struct mailbox *box)
{
    const struct mail *head = atomic_load_explicit(&box->head, memory_order_relaxed);
    return head && head != MAILBOX_ASLEEP;
}

/* The owner, who is awake from now on: all letters, the oldest first; NULL if there is none. */
static inline struct mail *mailbox_take(struct mailbox *box)
{
    struct mail *letter = atomic_exchange_explicit(&box->head, NULL, memory_order_acquire), *first = NULL;
    if (letter == MAILBOX_ASLEEP)
        return NULL;
    while (letter) {
        struct mail *before = letter->next;
        letter->next = first;
        first = letter;
        letter = before;
    }
    return first;
}

/* The owner, before it sleeps. False: there are letters; it is not to. */
static inline bool mailbox_sleep(struct mailbox *box)
{
    struct mail *none = NULL;
    return atomic_compare_exchange_strong_explicit(&box->head, &none, MAILBOX_ASLEEP, memory_order_relaxed,
                                                   memory_order_relaxed) ||
           none == MAILBOX_ASLEEP;
}

#endif
