/* Martlet through its C client: SUBMIT frames of up to 128 jobs, several under way; jobs are pushed by
 * credit, and each take settles the batch before it in one SETTLE. Payloads go as they are, since the other
 * queues' do; finished jobs are not kept. opt=N: at most N jobs a frame. opt=memory: acknowledged before it is
 * on disk. */
#include "bench.h"
#include "martlet.h"

enum { SUBSCRIPTION = 1 };

struct conn {
    martlet *m;
    int filling, np, confirming; /* jobs in the open SUBMIT; taken, to be settled; settlements not yet answered */
    uint64_t id[4096], token[4096];
    uint32_t credit;
};

static const martlet_job_options UNKEPT = { .has = MARTLET_HAS_RETAIN_COMPLETED, .retain_completed = 0 };

static int in_memory(void) { return !strcmp(A.opt, "memory"); }
static int frame_jobs(void) { return atoi(A.opt) ? atoi(A.opt) : 128; }

static void need(conn *c, int result, const char *what)
{
    if (result < 0) die("%s: %s", what, martlet_last_error(c->m)->message);
}

void q_setup(void) { martlet_close(q_open(PRODUCER)->m); }

conn *q_open(int role)
{
    martlet_error e;
    conn *c = calloc(1, sizeof *c);
    (void)role;
    c->m = martlet_connect(&(martlet_settings){ .port = (uint16_t)A.port, .client = "compare" }, &e);
    if (!c->m) die("connect: %s", e.message);
    return c;
}

static void end_submit(conn *c)
{
    if (c->filling && martlet_submit_end(martlet_output(c->m), &UNKEPT)) die("SUBMIT does not end");
    c->filling = 0;
}

void q_put(conn *c, uint64_t id, const char *body, int len)
{
    (void)id;
    martlet_writer *w = martlet_output(c->m);
    martlet_payload p = martlet_plain(body, (size_t)len);
    if (!c->filling) {
        martlet_submission s = { .queue = "q", .type = "t", .durability = in_memory() ? MARTLET_MEMORY : MARTLET_DISK };
        if (martlet_submit_begin(w, martlet_request(c->m), &s)) die("SUBMIT does not begin");
    }
    if (martlet_submit_add(w, &p, NULL)) die("a job does not fit");
    if (++c->filling == frame_jobs()) end_submit(c);
}

static int count_submitted(const martlet_message *m)
{
    martlet_answers all;
    martlet_answer run;
    int n = 0, got;
    if (m->opcode != MARTLET_OP_SUBMITTED || martlet_get_answers(m, &all)) die("SUBMIT: answered %02x", m->opcode);
    if (all.durability != (in_memory() ? MARTLET_MEMORY : MARTLET_DISK)) die("durability %d", all.durability);
    while ((got = martlet_next_answer(&all, &run)) > 0) {
        if (run.code) die("SUBMIT: %s", run.error.message);
        n += run.items;
    }
    if (got) die("SUBMITTED is no such message");
    return n;
}

int q_acks(conn *c, int want)
{
    martlet_message m;
    int n = 0, got = 1;
    end_submit(c);
    need(c, martlet_flush(c->m, -1), "submit");
    while (got && (n < want || want == 0 || martlet_pending(c->m))) {
        need(c, got = martlet_receive(c->m, &m, n < want ? -1 : 0), "submit");
        if (got) n += count_submitted(&m);
    }
    return n;
}

static void settle(conn *c)
{
    martlet_writer *w = martlet_output(c->m);
    if (!c->np) return;
    if (martlet_settle_begin(w, martlet_request(c->m))) die("SETTLE does not begin");
    for (int i = 0; i < c->np; i++)
        if (martlet_settle_complete(w, c->id[i], c->token[i], NULL)) die("SETTLE is full");
    if (martlet_settle_end(w)) die("SETTLE does not end");
    c->confirming += c->np;
    c->np = 0;
}

static void count_settled(conn *c, const martlet_message *m)
{
    martlet_answers all;
    martlet_answer run;
    int got;
    if (martlet_get_answers(m, &all)) die("SETTLED is no such message");
    while ((got = martlet_next_answer(&all, &run)) > 0) {
        if (run.code) die("SETTLE: %s", run.error.message);
        c->confirming -= run.items;
    }
    if (got) die("SETTLED is no such message");
}

static void jobs(conn *c, const martlet_message *m, worker *w)
{
    martlet_jobs l;
    martlet_delivery d;
    martlet_bytes body;
    void *inflated;
    int got = martlet_get_jobs(m, &l);
    while (!got && (got = martlet_next_delivery(&l, &d)) > 0) {
        if (martlet_open_payload(&d.payload, 1 << 20, &body, &inflated) || inflated) die("payload damaged");
        job_in(w, body.at, (int)body.length);
        c->id[c->np] = d.id;
        c->token[c->np++] = d.token;
        got = 0;
    }
    if (got) die("JOBS is no such message");
}

/* A reply or a push; counts what it says. */
static void dispatch(conn *c, const martlet_message *m, worker *w)
{
    if (m->opcode == MARTLET_OP_JOBS) jobs(c, m, w);
    else if (m->opcode == MARTLET_OP_SETTLED) count_settled(c, m);
    else if (m->opcode != MARTLET_OP_DONE) die("unexpected message %02x", m->opcode);
}

static void subscribe(conn *c, uint32_t credit)
{
    martlet_subscription s = { .subscription = SUBSCRIPTION, .queue = "q", .credit_jobs = credit, .credit_bytes = 64 << 20 };
    if (c->credit) return;
    c->credit = credit;
    if (martlet_put_subscribe(martlet_output(c->m), martlet_request(c->m), &s)) die("SUBSCRIBE");
}

/* Up to 2 × max jobs are on their way; what has come is one batch. */
int q_take(conn *c, int max, int ms, worker *w)
{
    martlet_message m;
    int got;
    subscribe(c, max > 1 ? 2 * (uint32_t)max : 1);
    settle(c);
    do {
        need(c, got = martlet_receive(c->m, &m, ms), "take");
        if (got) dispatch(c, &m, w);
    } while (got && (!c->np || martlet_pending(c->m)) && c->np < max);
    return c->np;
}

/* DRAIN first: the credit that the last settlement gives back would bring one more job. */
void q_done(conn *c)
{
    martlet_message m;
    if (martlet_put(martlet_output(c->m), MARTLET_OP_DRAIN, martlet_request(c->m), martlet_text(""))) die("DRAIN");
    settle(c);
    while (c->confirming) {
        int got;
        need(c, got = martlet_receive(c->m, &m, 10000), "settle");
        if (!got) die("settle: no answer");
        if (m.opcode == MARTLET_OP_JOBS) die("a job after the last");
        dispatch(c, &m, NULL);
    }
}

void q_idle(conn *c)
{
    subscribe(c, 1);
    need(c, martlet_flush(c->m, -1), "subscribe");
}

long q_left(void)
{
    conn *c = q_open(CONSUMER);
    martlet_message m;
    martlet_queues l;
    martlet_queue q;
    if (martlet_put_queues(martlet_output(c->m), martlet_request(c->m), "q", martlet_text(""))) die("QUEUES");
    need(c, martlet_receive(c->m, &m, -1), "queues");
    if (m.opcode != MARTLET_OP_QUEUE_PAGE || martlet_get_queues(&m, &l) || martlet_next_queue(&l, &q) != 1) die("QUEUES");
    long n = (long)(q.ready + q.running + q.scheduled + q.held + q.dead);
    martlet_close(c->m);
    free(c);
    return n;
}
