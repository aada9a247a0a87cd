/* The client against a server: what people do with it, what a server refuses, and malformed.json sent to the
 * server, whose errors the client must read.
 *
 * usage: live PORT DIRECTORY */
#define _POSIX_C_SOURCE 200809L
#include "../martlet.h"
#include "json.h"

#include <sys/socket.h>
#include <unistd.h>

#define DIE(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), _exit(1))
#define EXPECT(c, condition) \
    ((condition) ? (void)0 : DIE("line %d: not %s (%s)", __LINE__, #condition, martlet_last_error(c)->message))

static uint16_t port;

static martlet *connected(uint64_t session, uint64_t secret)
{
    martlet_error e;
    martlet *c = martlet_connect(&(martlet_settings){ .port = port, .session = session, .secret = secret }, &e);
    if (!c) DIE("%s", e.message);
    return c;
}

static void *noise(size_t length)
{
    unsigned char *b = malloc(length);
    uint64_t x = 0x9e3779b97f4a7c15;
    for (size_t i = 0; i < length; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        b[i] = (unsigned char)(x >> 32);
    }
    return b;
}

static void submit_fetch_complete_wait(void)
{
    martlet *app = connected(0, 0), *worker = connected(0, 0);
    martlet_delivery d;
    martlet_bytes payload;
    martlet_job job;
    martlet_bytes result;
    void *buffer;
    uint64_t id;
    static char text[3000];
    memset(text, 'x', sizeof text);
    EXPECT(app, !martlet_submit(app, "mail", "send", text, sizeof text, NULL, &id));
    EXPECT(app, martlet_wait(app, id, 1, &job) == MARTLET_E_REFUSED);
    EXPECT(app, martlet_last_error(app)->code == MARTLET_WAIT_TIMEOUT);
    EXPECT(worker, !martlet_subscribe(worker, 1, "mail", 4));
    EXPECT(worker, martlet_fetch(worker, &d, &payload, 10000) == 1);
    EXPECT(worker, d.id == id && payload.length == sizeof text && !memcmp(payload.at, text, sizeof text));
    EXPECT(worker, d.payload.codec == MARTLET_ZSTD && d.type.length == 4 && !memcmp(d.type.at, "send", 4));
    EXPECT(worker, !martlet_extend(worker, d.id, d.token, 60000));
    EXPECT(worker, !martlet_complete(worker, d.id, d.token, "42", 2));
    EXPECT(worker, martlet_complete(worker, d.id, d.token, "43", 2) == MARTLET_E_REFUSED);
    EXPECT(worker, martlet_last_error(worker)->code == MARTLET_LEASE_LOST);
    EXPECT(app, !martlet_wait(app, id, 10000, &job) && job.state == MARTLET_COMPLETED && job.has_result);
    EXPECT(app, !martlet_open_payload(&job.result, 100, &result, &buffer));
    EXPECT(app, result.length == 2 && !memcmp(result.at, "42", 2));
    EXPECT(worker, martlet_fetch(worker, &d, &payload, 0) == 0);
    EXPECT(worker, !martlet_bye(worker));
    martlet_close(worker);
    martlet_close(app);
}

static void fail_release_and_unique(void)
{
    martlet *c = connected(0, 0);
    martlet_delivery d;
    martlet_bytes payload;
    martlet_job job;
    uint64_t first, second;
    martlet_job_options o = {
        .has = MARTLET_HAS_MAX_ATTEMPTS | MARTLET_HAS_UNIQUE, .max_attempts = 1,
        .unique = { .scope = 2, .policy = 1, .key = martlet_text("invoice 17") },
    };
    EXPECT(c, !martlet_submit(c, "pdf", "render", "a", 1, &o, &first));
    EXPECT(c, !martlet_submit(c, "pdf", "render", "a", 1, &o, &second) && second == first);
    EXPECT(c, !martlet_subscribe(c, 7, "pdf", 1));
    EXPECT(c, martlet_fetch(c, &d, &payload, 10000) == 1 && d.subscription == 7);
    EXPECT(c, !martlet_release(c, d.id, d.token));
    EXPECT(c, martlet_fetch(c, &d, &payload, 10000) == 1 && d.interruptions == 1);
    EXPECT(c, !martlet_fail(c, d.id, d.token, "page 17 is torn"));
    EXPECT(c, !martlet_look(c, first, &job) && job.state == MARTLET_DEAD && job.failures == 1);
    EXPECT(c, job.error.length == 15 && !memcmp(job.error.at, "page 17 is torn", 15));
    EXPECT(c, martlet_look(c, 999999, &job) == MARTLET_E_REFUSED);
    EXPECT(c, martlet_last_error(c)->code == MARTLET_JOB_NOT_FOUND);
    martlet_close(c);
}

static void refusals_leave_the_connection_whole(void)
{
    martlet *c = connected(0, 0);
    martlet_error e;
    uint64_t id;
    char *longest = calloc(1, 400);
    memset(longest, 'q', 399);
    EXPECT(c, martlet_submit(c, "no spaces", "send", "a", 1, NULL, &id) == MARTLET_E_REFUSED);
    EXPECT(c, martlet_last_error(c)->code == MARTLET_QUEUE_NAME_INVALID && strlen(martlet_last_error(c)->message) > 10);
    EXPECT(c, martlet_submit(c, longest, "send", "a", 1, NULL, &id) == MARTLET_E_ARGUMENT);
    EXPECT(c, martlet_submit(c, "mail", "send", "", 0, NULL, &id) == MARTLET_E_REFUSED);
    EXPECT(c, martlet_submit(c, "refused", "send", "a", 1, NULL, &id) == MARTLET_OK);
    EXPECT(c, !martlet_connect(&(martlet_settings){ .port = 1 }, &e) && e.result == MARTLET_E_SYSTEM);
    free(longest);
    martlet_close(c);
}

/* Above a frame's length both ways, with more in flight than a socket takes at once. */
static void large_payloads_in_both_directions(void)
{
    enum { LENGTH = 5 << 20, JOBS = 6 };
    martlet *c = connected(0, 0);
    unsigned char *body = noise(LENGTH + JOBS);
    martlet_message m;
    martlet_delivery d;
    martlet_bytes payload;
    int answered = 0;
    unsigned seen = 0;
    for (int i = 0; i < JOBS; i++) {
        martlet_payload p = martlet_plain(body + i, LENGTH);
        martlet_submission s = { .queue = "large", .type = "t", .durability = MARTLET_MEMORY };
        EXPECT(c, !martlet_submit_begin(martlet_output(c), martlet_request(c), &s));
        EXPECT(c, !martlet_submit_add(martlet_output(c), &p, NULL) && !martlet_submit_end(martlet_output(c), NULL));
    }
    while (answered < JOBS) {
        EXPECT(c, martlet_receive(c, &m, 30000) == 1 && m.opcode == MARTLET_OP_SUBMITTED);
        answered++;
    }
    EXPECT(c, !martlet_subscribe(c, 1, "large", JOBS));
    for (int i = 0; i < JOBS; i++) {
        EXPECT(c, martlet_fetch(c, &d, &payload, 30000) == 1 && payload.length == LENGTH);
        int which = 0; /* large ones may overtake each other */
        while (which < JOBS && memcmp(payload.at, body + which, LENGTH)) which++;
        EXPECT(c, which < JOBS && !(seen & 1u << which));
        seen |= 1u << which;
        EXPECT(c, !martlet_complete(c, d.id, d.token, payload.at, payload.length));
    }
    free(body);
    martlet_close(c);
}

/* Many requests written, one flush; replies in any order, pushes between them. */
static void pipelined_batches(void)
{
    enum { FRAMES = 40, JOBS = 100 };
    martlet *c = connected(0, 0);
    martlet_writer *w = martlet_output(c);
    martlet_message m;
    uint64_t first = 0;
    int submitted = 0, delivered = 0, done = 0, settled = 0;
    martlet_subscription s = { .subscription = 1, .queue = "many", .credit_jobs = 1000, .credit_bytes = 1 << 20 };
    EXPECT(c, !martlet_put_subscribe(w, martlet_request(c), &s));
    for (int i = 0; i < FRAMES; i++) {
        EXPECT(c, !martlet_submit_begin(w, martlet_request(c), &(martlet_submission){ .queue = "many", .type = "t" }));
        for (int k = 0; k < JOBS; k++) {
            martlet_payload p = martlet_plain(&k, sizeof k);
            EXPECT(c, !martlet_submit_add(w, &p, NULL));
        }
        EXPECT(c, !martlet_submit_end(w, NULL));
    }
    while (settled < FRAMES * JOBS) {
        EXPECT(c, martlet_receive(c, &m, 30000) == 1);
        martlet_answers all;
        martlet_answer run;
        martlet_jobs jobs;
        martlet_delivery d;
        if (m.opcode == MARTLET_OP_DONE) done++;
        else if (m.opcode == MARTLET_OP_JOBS) {
            EXPECT(c, !martlet_get_jobs(&m, &jobs) && !martlet_settle_begin(w, martlet_request(c)));
            for (; martlet_next_delivery(&jobs, &d) == 1; delivered++)
                EXPECT(c, !martlet_settle_complete(w, d.id, d.token, NULL));
            EXPECT(c, !martlet_settle_end(w));
        } else {
            EXPECT(c, !martlet_get_answers(&m, &all));
            while (martlet_next_answer(&all, &run) == 1) {
                EXPECT(c, !run.code);
                if (m.opcode == MARTLET_OP_SETTLED) settled += run.items;
                else submitted += run.items, first = first ? first : run.first_id;
            }
        }
    }
    EXPECT(c, submitted == FRAMES * JOBS && delivered == submitted && done == 1 && first);
    martlet_close(c);
}

/* A session outlives its connection: the lease still holds on the next one. */
static void a_session_is_resumed(void)
{
    martlet *c = connected(0, 0), *next;
    martlet_delivery d;
    martlet_bytes payload;
    martlet_message m;
    uint64_t id, session = martlet_server(c)->session, secret = martlet_server(c)->secret;
    EXPECT(c, !martlet_submit(c, "kept", "t", "a", 1, NULL, &id) && !martlet_subscribe(c, 1, "kept", 1));
    EXPECT(c, martlet_fetch(c, &d, &payload, 10000) == 1);
    next = connected(session, secret);
    EXPECT(next, martlet_server(next)->resumed == 1);
    EXPECT(c, martlet_receive(c, &m, 10000) == MARTLET_E_CLOSED);
    EXPECT(c, martlet_last_error(c)->code == MARTLET_SESSION_TAKEN);
    martlet_held_run held = { d.token, d.id, 1 };
    EXPECT(next, !martlet_put_holding(martlet_output(next), martlet_request(next), 1, &held, 1));
    EXPECT(next, martlet_receive(next, &m, 10000) == 1 && m.opcode == MARTLET_OP_SETTLED);
    EXPECT(next, !martlet_complete(next, d.id, d.token, NULL, 0));
    martlet_close(next);
    martlet_close(c);
}

static void send_hex(int fd, const json *hex)
{
    size_t n = hex->length / 2;
    unsigned char *b = malloc(n + 1);
    for (size_t i = 0; i < n; i++) {
        char two[3] = { hex->text[2 * i], hex->text[2 * i + 1], 0 };
        b[i] = (unsigned char)strtoul(two, NULL, 16);
    }
    for (size_t sent = 0; sent < n;) {
        ssize_t k = send(fd, b + sent, n - sent, MSG_NOSIGNAL);
        if (k <= 0) break; /* the server may have closed by then */
        sent += (size_t)k;
    }
    free(b);
}

static void same_items(const json *v, const martlet_message *m)
{
    martlet_answers all;
    martlet_answer run = { 0 };
    if (martlet_get_answers(m, &all)) DIE("%s: no items", json_get(v, "name")->text);
    for (json *i = json_get(v, "items")->first; i; i = i->next) {
        if (!run.items && martlet_next_answer(&all, &run) != 1) DIE("%s: no run", json_get(v, "name")->text);
        if (m->opcode == MARTLET_OP_SUBMITTED && run.code != json_number(i, 0))
            DIE("%s: code %u", json_get(v, "name")->text, run.code);
        run.items--;
    }
}

static int malformed_messages_are_answered(const char *directory)
{
    int n = 0;
    for (json *v = json_file(directory, "malformed")->first; v; v = v->next) {
        const char *name = json_get(v, "name")->text;
        const json *answer = json_get(v, "answer");
        martlet_message m;
        if (strcmp(json_get(v, "stage")->text, "open")) continue;
        martlet *c = connected(0, 0);
        for (json *h = json_get(v, "hex")->first; h; h = h->next) send_hex(martlet_socket(c), h);
        int got;
        martlet_error e = { 0 };
        do {
            got = martlet_receive(c, &m, 10000);
        } while (got == 1 && answer && m.opcode != MARTLET_OP_ERROR);
        if (got == MARTLET_E_CLOSED) e = *martlet_last_error(c);
        else if (got != 1 || (answer && martlet_get_error(&m, &e))) DIE("%s: result %d", name, got);
        if (answer && e.code != json_number(json_get(answer, "code"), 0))
            DIE("%s: error %u, %s", name, e.code, e.message);
        const json *limit = json_get(answer, "limit"), *actual = json_get(answer, "actual");
        if ((limit && e.limit != json_number(limit, 0)) || (actual && e.actual != json_number(actual, 0)))
            DIE("%s: limits", name);
        if (json_get(v, "items")) same_items(v, &m);
        martlet_close(c);
        n++;
    }
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 3) DIE("usage: live PORT DIRECTORY");
    port = (uint16_t)atoi(argv[1]);
    submit_fetch_complete_wait();
    fail_release_and_unique();
    refusals_leave_the_connection_whole();
    large_payloads_in_both_directions();
    pipelined_batches();
    a_session_is_resumed();
    printf("all as it should be; %d malformed messages answered\n", malformed_messages_are_answered(argv[2]));
    return 0;
}
