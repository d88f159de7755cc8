/* SPDX-License-Identifier: MIT */
/* The whole built-in target, from the accepted connection to its LUNs, against up to three initiators that
 * say anything: bytes as they come, or PDUs with numbers and tags that fit, or nearly. What must hold,
 * besides what the sanitizers see: each PDU of the target is whole, memory of commands stays within the
 * limit, and when all have left nothing is left of them. */
#include "base/bytes.h"
#include "fuzz.h"
#include "host/crypto.h"
#include "lu/workers.h"
#include "serve/target.h"
#include "stream/scan.h"

#define PEERS        3u
#define STEPS_MAX    300u
#define SECOND       1000000000ull
#define HELD_R2T     8u
#define DRAIN_ROUNDS 4096u

/* --- an engine that only does as it is told --- */

struct hand {
    struct engine engine;
    uint64_t now;
    struct link *(*accept)(void *owner, const struct engine_addr *from);
    void *owner;
};

struct listener {
    int unused;
};

static struct hand *hand_of(struct engine *e)
{
    return (struct hand *)(void *)e;
}

static uint64_t hand_now(struct engine *e)
{
    return hand_of(e)->now;
}

static int hand_listen(struct engine *e, struct engine_addr *where,
                       struct link *(*accept)(void *owner, const struct engine_addr *from), void *owner,
                       struct listener **out)
{
    static struct listener only;
    (void)where;
    hand_of(e)->accept = accept;
    hand_of(e)->owner = owner;
    *out = &only;
    return 0;
}

static void hand_unlisten(struct engine *e, struct listener *l)
{
    (void)e;
    (void)l;
}

static void hand_nothing(struct link *l)
{
    (void)l;
}

static void hand_close(struct link *l)
{
    l->state = 0;
    l->fd = -1;
}

static int hand_watch(struct engine *e, int fd, void (*ready)(void *owner), void *owner)
{
    (void)e;
    (void)fd;
    (void)ready;
    (void)owner;
    return 0;
}

static void hand_free(struct engine *e)
{
    (void)e;
}

static void hand_limits(struct engine_limits *limits)
{
    *limits =
        (struct engine_limits){.seg_kinds = 1u << BERTH_SEG_MEMORY, .send_kinds = 1u << BERTH_SEG_MEMORY};
}

static const struct engine_ops hand_ops = {.size = sizeof(struct engine_ops),
                                           .name = "hand",
                                           .caps = ENGINE_LISTENS,
                                           .limits = hand_limits,
                                           .now = hand_now,
                                           .listen = hand_listen,
                                           .unlisten = hand_unlisten,
                                           .kick = hand_nothing,
                                           .flush = hand_nothing,
                                           .close = hand_close,
                                           .watch = hand_watch,
                                           .free = hand_free};

/* --- the world --- */

struct r2t {
    uint32_t itt, ttt, offset, len;
};

struct peer {
    struct link *link; /* NULL: not connected */
    struct scan heard;
    uint32_t cmd_sn, exp_stat_sn, itt;
    bool deaf;
    struct r2t r2ts[HELD_R2T];
    uint32_t r2t_count;
};

struct world {
    const uint8_t *at, *end; /* of the input */
    struct hand hand;
    struct serve_config config;
    struct target *target;
    struct peer peers[PEERS];
};

static uint32_t draw(struct world *w)
{
    return w->at < w->end ? *w->at++ : 0;
}

static uint32_t draw32(struct world *w)
{
    return draw(w) << 24 | draw(w) << 16 | draw(w) << 8 | draw(w);
}

/* Mostly `value`, sometimes a neighbour, seldom anything. */
static uint32_t nearly(struct world *w, uint32_t value)
{
    uint32_t how = draw(w);
    if (how < 0xe0)
        return value;
    return how < 0xf8 ? value + (how & 7) - 4 : draw32(w);
}

/* --- what the target says --- */

static void on_pdu(void *owner, const struct scan_pdu *pdu)
{
    struct peer *p = owner;
    struct wire_r2t r;
    if (wire_opcode(pdu->bhs) != WIRE_R2T || p->r2t_count == HELD_R2T)
        return;
    get_r2t(pdu->bhs, &r);
    p->r2ts[p->r2t_count++] = (struct r2t){r.itt, r.ttt, r.buffer_offset, r.desired_len};
}

static bool open(const struct peer *p)
{
    return p->link && p->link->fd >= 0;
}

/* The session is freed by whoever closes its link. */
static void look(struct world *w)
{
    for (uint32_t i = 0; i < PEERS; i++) {
        bool found = false;
        list_each (at, &w->target->sessions)
            found = found || &list_entry(at, struct target_session, link)->wire == w->peers[i].link;
        if (!found)
            w->peers[i].link = NULL;
    }
}

static void hear(struct peer *p, const struct berth_seg *segs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        fuzz_check(segs[i].kind == BERTH_SEG_MEMORY);
        scan_bytes(&p->heard, segs[i].base, segs[i].len);
    }
}

static void drain(struct world *w, struct peer *p)
{
    struct berth_seg segs[64];
    for (uint32_t round = 0; round < DRAIN_ROUNDS && open(p) && !p->deaf; round++) {
        uint32_t count = filter_tx_peek(p->link->filter, p->link->conn, segs, 64);
        if (count == 0)
            return;
        hear(p, segs, count);
        p->link->tx_bytes += segs_len(segs, count);
        filter_tx_done(p->link->filter, p->link->conn, segs_len(segs, count));
        p->link->owner->progress(p->link);
        look(w);
    }
}

static void settle(struct world *w)
{
    for (uint32_t i = 0; i < PEERS; i++)
        drain(w, &w->peers[i]);
    while (workers_busy(w->target->workers) > 0)
        workers_wait(w->target->workers);
    fuzz_check(w->target->pool.taken <= w->target->pool.limit);
}

/* --- what the initiators say --- */

static void feed(struct world *w, struct peer *p, const uint8_t *bytes, uint32_t len)
{
    struct berth_seg segs[8];
    while (len > 0 && open(p)) {
        uint32_t count = filter_rx_want(p->link->filter, p->link->conn, segs, 8), put = 0;
        for (uint32_t i = 0; i < count && len > 0; i++) {
            uint32_t n = segs[i].len < len ? (uint32_t)segs[i].len : len;
            memcpy(segs[i].base, bytes, n);
            bytes += n;
            len -= n;
            put += n;
        }
        if (put == 0)
            return; /* it wants to send first */
        filter_rx_done(p->link->filter, p->link->conn, put, w->hand.now);
        p->link->owner->progress(p->link);
        look(w);
        settle(w);
    }
}

/* The data are letters of the alphabet, padded. */
static void say(struct world *w, struct peer *p, uint8_t *bhs, const void *data, uint32_t len)
{
    static uint8_t pdu[WIRE_BHS_LEN + 9000];
    uint32_t room = len < 8192 ? len : 8192;
    wire_set_lengths(bhs, 0, nearly(w, room));
    memcpy(pdu, bhs, WIRE_BHS_LEN);
    memset(pdu + WIRE_BHS_LEN, 'x', sizeof pdu - WIRE_BHS_LEN);
    if (data)
        memcpy(pdu + WIRE_BHS_LEN, data, room);
    feed(w, p, pdu, WIRE_BHS_LEN + room + wire_padding(room));
}

static void connect_peer(struct world *w, struct peer *p)
{
    struct engine_addr from = {0};
    if (open(p))
        return;
    p->link = w->hand.accept(w->hand.owner, &from);
    fuzz_check(p->link);
    p->link->engine = &w->hand.engine;
    p->link->fd = 1000; /* nobody's */
    list_init(&p->link->node);
    list_init(&p->link->dirty);
    p->cmd_sn = p->exp_stat_sn = 1;
    p->r2t_count = 0;
    p->deaf = false;
    scan_init(&p->heard, host_crypto(), on_pdu, p);
    p->link->owner->up(p->link);
}

#define TEXT(s)                                                                                              \
    {                                                                                                        \
        s, sizeof s - 1                                                                                      \
    }

static const struct {
    const char *at;
    uint32_t len;
} texts[] = {
    TEXT("InitiatorName=iqn.2026-11.test:a\0SessionType=Normal\0TargetName=iqn.2026-11.io.berth:serve\0"),
    TEXT("InitiatorName=iqn.2026-11.test:b\0SessionType=Normal\0TargetName=iqn.2026-11.io.berth:serve\0"
         "InitialR2T=Yes\0ImmediateData=No\0MaxBurstLength=2048\0MaxRecvDataSegmentLength=512\0"),
    TEXT("InitiatorName=iqn.2026-11.test:a\0SessionType=Discovery\0MaxRecvDataSegmentLength=512\0"),
    TEXT("InitiatorName=iqn.2026-11.test:c\0SessionType=Normal\0TargetName=iqn.2026-11.io.berth:other\0"
         "InitialR2T=No\0FirstBurstLength=1024\0"),
    TEXT("SendTargets=All\0"),
    TEXT("MaxRecvDataSegmentLength=700\0"),
    TEXT("SendTargets=\0"),
};
#define TEXTS (sizeof texts / sizeof texts[0])

static void say_login(struct world *w, struct peer *p)
{
    uint8_t bhs[WIRE_BHS_LEN];
    uint32_t which = draw(w) % TEXTS;
    struct wire_login_request r = {.transit = draw(w) < 0xe0,
                                   .csg = (uint8_t)nearly(w, WIRE_STAGE_OPERATIONAL),
                                   .nsg = (uint8_t)nearly(w, WIRE_STAGE_FULL_FEATURE),
                                   .itt = nearly(w, 0),
                                   .cmd_sn = p->cmd_sn,
                                   .exp_stat_sn = p->exp_stat_sn};
    r.isid[0] = 0x80;
    r.isid[5] = (uint8_t)(draw(w) % 2);
    put_login_request(bhs, &r);
    say(w, p, bhs, texts[which].at, texts[which].len);
}

static void say_text(struct world *w, struct peer *p)
{
    uint8_t bhs[WIRE_BHS_LEN];
    uint32_t which = draw(w) % TEXTS;
    struct wire_text_request t = {.immediate = true,
                                  .final = draw(w) < 0xf0,
                                  .itt = ++p->itt,
                                  .ttt = draw(w) < 0xc0 ? WIRE_TAG_NONE : draw(w) % 4,
                                  .cmd_sn = p->cmd_sn};
    put_text_request(bhs, &t);
    say(w, p, bhs, texts[which].at, texts[which].len);
}

/* Operation codes the target knows; the rest of the CDB is small numbers, which mostly fit. */
static void draw_cdb(struct world *w, uint8_t *cdb)
{
    static const uint8_t ops[] = {0x28, 0x2a, 0x88, 0x8a, 0x2f, 0x8f, 0x89, 0x42, 0x93, 0x41, 0x5f,
                                  0x5e, 0x12, 0x1a, 0x15, 0x35, 0xa0, 0xa3, 0x9e, 0x16, 0x8b, 0x2e};
    cdb[0] = draw(w) < 0xf0 ? ops[draw(w) % sizeof ops] : (uint8_t)draw(w);
    for (uint32_t i = 1; i < WIRE_CDB_LEN; i++)
        cdb[i] = draw(w) < 0xa0 ? 0 : (uint8_t)draw(w);
}

static void say_command(struct world *w, struct peer *p)
{
    uint8_t bhs[WIRE_BHS_LEN];
    uint32_t kind = draw(w);
    struct wire_scsi_command c = {.immediate = kind >= 0xf0,
                                  .final = kind & 1,
                                  .read = kind & 2,
                                  .write = kind & 4,
                                  .attr = (uint8_t)(kind >> 3 & 7),
                                  .lun = (uint64_t)(draw(w) % 5) << 48,
                                  .itt = nearly(w, ++p->itt),
                                  .edtl = draw(w) * 128,
                                  .cmd_sn = nearly(w, p->cmd_sn),
                                  .exp_stat_sn = p->exp_stat_sn};
    draw_cdb(w, c.cdb);
    put_scsi_command(bhs, &c);
    if (!c.immediate)
        p->cmd_sn++;
    say(w, p, bhs, NULL, c.write ? draw(w) * 32 : 0);
}

static void say_data(struct world *w, struct peer *p)
{
    uint8_t bhs[WIRE_BHS_LEN];
    bool asked = p->r2t_count > 0;
    struct r2t *r = asked ? &p->r2ts[draw(w) % p->r2t_count] : NULL;
    uint32_t len = asked ? r->len : draw(w) * 16;
    struct wire_data_out d = {.final = draw(w) < 0xe0,
                              .itt = nearly(w, asked ? r->itt : p->itt),
                              .ttt = nearly(w, asked ? r->ttt : WIRE_TAG_NONE),
                              .data_sn = nearly(w, 0),
                              .buffer_offset = nearly(w, asked ? r->offset : 0)};
    put_data_out(bhs, &d);
    if (asked)
        *r = p->r2ts[--p->r2t_count];
    say(w, p, bhs, NULL, len);
}

static void say_tmf(struct world *w, struct peer *p)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_tmf_request t = {.immediate = draw(w) < 0xe0,
                                 .function = (uint8_t)(draw(w) % 14),
                                 .lun = (uint64_t)(draw(w) % 5) << 48,
                                 .itt = ++p->itt,
                                 .referenced_tag = p->itt - draw(w) % 8,
                                 .cmd_sn = p->cmd_sn};
    put_tmf_request(bhs, &t);
    if (!t.immediate)
        p->cmd_sn++;
    say(w, p, bhs, NULL, 0);
}

static void say_small(struct world *w, struct peer *p)
{
    uint8_t bhs[WIRE_BHS_LEN];
    struct wire_nop_out ping = {
        .immediate = true, .itt = draw(w) & 1 ? ++p->itt : WIRE_TAG_NONE, .ttt = nearly(w, WIRE_TAG_NONE)};
    struct wire_logout_request out = {.immediate = true, .reason = (uint8_t)nearly(w, 0), .itt = ++p->itt};
    if (draw(w) < 0xf0)
        put_nop_out(bhs, &ping);
    else
        put_logout_request(bhs, &out);
    say(w, p, bhs, NULL, draw(w));
}

static void say_anything(struct world *w, struct peer *p)
{
    uint8_t bytes[256];
    uint32_t len = draw(w);
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)draw(w);
    feed(w, p, bytes, len);
}

/* --- what else happens --- */

static void leave(struct world *w, struct peer *p)
{
    if (open(p))
        p->link->owner->down(p->link, BERTH_E_RESET);
    p->link = NULL;
    settle(w);
}

static void listen_or_not(struct world *w, struct peer *p)
{
    p->deaf = !p->deaf;
    settle(w);
}

static void pass_time(struct world *w, struct peer *p)
{
    (void)p;
    w->hand.now += draw(w) * SECOND / 4;
    target_tick(w->target, w->hand.now);
    look(w);
    settle(w);
}

static void (*const steps[])(struct world *w, struct peer *p) = {
    connect_peer, say_login, say_command, say_command, say_command, say_data,      say_data,  say_tmf,
    say_small,    say_text,  say_login,   say_data,    leave,       listen_or_not, pass_time, say_anything,
};

/* --- from the input's beginning to its end --- */

static void begin(struct world *w)
{
    static char why[256];
    struct reason reason = {why, sizeof why};
    w->config = (struct serve_config){
        .targets = {{.iqn = SERVE_IQN}, {.iqn = "iqn.2026-11.io.berth:other", .alias = "another"}},
        .target_count = 2,
        .luns = {{.spec = "ram:1M"},
                 {.spec = "ram:256K,block=4096", .number = 1},
                 {.spec = "null:64M", .number = 3},
                 {.spec = "ram:64K,ro", .target = 1}},
        .lun_count = 4,
        .allowed = {{.name = "iqn.2026-11.test:c*", .target = 1}},
        .allowed_count = 1,
        .stop_fd = -1,
    };
    w->hand.engine.ops = &hand_ops;
    list_init(&w->hand.engine.links);
    list_init(&w->hand.engine.dirty);
    w->hand.now = SECOND;
    w->target = target_new(&w->config, &w->hand.engine);
    fuzz_check(w->target);
    fuzz_check(target_open(w->target, &reason) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    w.at = data;
    w.end = data + size;
    begin(&w);
    for (uint32_t step = 0; step < STEPS_MAX && w.at < w.end; step++) {
        uint32_t what = draw(&w);
        struct peer *p = &w.peers[what >> 4 < 12 ? 0 : what >> 4 & 1 ? 1 : 2];
        if (!open(p) && what % 16 != 0)
            connect_peer(&w, p);
        steps[what % 16](&w, p);
    }
    for (uint32_t i = 0; i < PEERS; i++)
        leave(&w, &w.peers[i]);
    fuzz_check(list_empty(&w.target->sessions) && list_empty(&w.target->ending));
    fuzz_check(w.target->pool.taken == 0);
    target_free(w.target);
    return 0;
}
