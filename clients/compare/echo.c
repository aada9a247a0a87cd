/* The client of echo_server: SUBMIT frames as martlet.c writes them, which come back as they are. A job that came
 * back was carried in and out once, as in W3; the check over its bytes stands for the worker's. */
#include "bench.h"
#include "martlet.h"

enum { FRAME_JOBS = 128, FRAMES = 1024 };

struct conn {
    sock s;
    martlet_writer w;
    martlet_reader r;
    int filling;
    uint64_t frames;
    uint32_t check[FRAMES];
    int jobs[FRAMES];
};

void q_setup(void) {}

conn *q_open(int role)
{
    (void)role;
    conn *c = calloc(1, sizeof *c);
    s_open(&c->s);
    return c;
}

static void end_submit(conn *c)
{
    if (!c->filling) return;
    size_t start = c->w.start;
    if (martlet_submit_end(&c->w, NULL)) die("SUBMIT does not end");
    c->jobs[c->frames % FRAMES] = c->filling;
    c->check[c->frames % FRAMES] = martlet_crc32c(0, c->w.at + start + 16, c->w.length - start - 16);
    c->filling = 0;
}

void q_put(conn *c, uint64_t id, const char *body, int len)
{
    (void)id;
    martlet_payload p = martlet_plain(body, (size_t)len);
    if (!c->filling) {
        martlet_submission s = { .queue = "q", .type = "t" };
        c->w.frame_bytes = 1 << 20; /* a frame is checked as a whole */
        if (martlet_submit_begin(&c->w, ++c->frames, &s)) die("SUBMIT does not begin");
    }
    if (martlet_submit_add(&c->w, &p, NULL)) die("a job does not fit");
    if (++c->filling == FRAME_JOBS) end_submit(c);
}

static int came_back(conn *c, const martlet_message *m)
{
    uint64_t i = m->request % FRAMES;
    if (m->opcode != MARTLET_OP_SUBMIT || martlet_crc32c(0, m->body.at, m->body.length) != c->check[i]) die("another frame");
    return c->jobs[i];
}

int q_acks(conn *c, int want)
{
    martlet_message m;
    int n = 0;
    end_submit(c);
    s_put(&c->s, c->w.at, c->w.length);
    c->w.length = 0;
    s_flush(&c->s);
    for (;;) {
        while (martlet_reader_next(&c->r, &m) > 0) n += came_back(c, &m);
        if (n >= want) return n;
        void *at;
        size_t room;
        if (martlet_reader_room(&c->r, 65536, &at, &room)) die("no memory");
        ssize_t k = recv(c->s.fd, at, room, 0);
        if (k <= 0) die("recv: %s", k ? strerror(errno) : "the server closed the connection");
        martlet_reader_add(&c->r, (size_t)k);
    }
}

int q_take(conn *c, int max, int ms, worker *w) { (void)c; (void)max; (void)ms; (void)w; die("an echo has no jobs"); }
void q_done(conn *c) { (void)c; }
void q_idle(conn *c) { (void)c; }
long q_left(void) { return 0; }
