/* The golden vectors: what the client writes is theirs to the byte; what they say a server sends is read
 * back field by field, however it is cut; and no truncation or damage of any of them does harm.
 *
 * usage: vectors DIRECTORY */
#include "../martlet.h"
#include "json.h"

#include <zdict.h>
#include <zstd.h>

#define DIE(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))

/* What is read from the vectors is kept until the end; the reader's and writer's memory is `live`'s to check. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }

static const char *now_in = ""; /* the vector that is looked at */
static unsigned checked;

static void same_number(const json *o, const char *key, uint64_t otherwise, uint64_t got)
{
    uint64_t want = json_number(json_get(o, key), otherwise);
    if (want != got) DIE("%s: %s is %llu, not %llu", now_in, key, (unsigned long long)got, (unsigned long long)want);
    checked++;
}
static void same_text(const json *o, const char *key, martlet_bytes got)
{
    const json *want = json_get(o, key);
    size_t n = want ? want->length : 0;
    if (n != got.length || (n && memcmp(want->text, got.at, n)))
        DIE("%s: %s is '%.*s'", now_in, key, (int)got.length, (const char *)got.at);
    checked++;
}
#define N(object, field, value) same_number(object, #field, 0, (value).field)

/* ---------- bytes ---------- */

static int digit(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

static martlet_bytes unhex(const char *s, size_t length)
{
    unsigned char *b = malloc(length / 2 + 1);
    for (size_t i = 0; i < length / 2; i++) b[i] = (unsigned char)(digit(s[2 * i]) << 4 | digit(s[2 * i + 1]));
    return (martlet_bytes){ b, length / 2 };
}
static martlet_bytes hex_of(const json *v) { return v ? unhex(v->text, v->length) : (martlet_bytes){ "", 0 }; }

/* The frames of a vector, joined. */
static martlet_bytes frames(const json *v)
{
    martlet_bytes all = { malloc(1 << 20), 0 };
    for (json *h = json_get(v, "hex")->first; h; h = h->next) {
        martlet_bytes b = hex_of(h);
        memcpy((unsigned char *)all.at + all.length, b.at, b.length);
        all.length += b.length;
    }
    return all;
}

static martlet_bytes text_of(const json *o, const char *key)
{
    const json *v = json_get(o, key);
    return v ? (martlet_bytes){ v->text, v->length } : (martlet_bytes){ "", 0 };
}
static uint64_t number_of(const json *o, const char *key) { return json_number(json_get(o, key), 0); }
static const char *string_of(const json *o, const char *key) { return json_get(o, key)->text; }

static size_t count_of(const json *list)
{
    size_t n = 0;
    for (json *m = list ? list->first : NULL; m; m = m->next) n++;
    return n;
}

static martlet_payload payload_of(const json *o)
{
    return (martlet_payload){ (uint8_t)number_of(o, "codec"), (uint32_t)number_of(o, "raw_bytes"),
                              (uint32_t)number_of(o, "checksum"), hex_of(json_get(o, "bytes")) };
}

/* ---------- what the client writes ---------- */

typedef int (*put)(martlet_writer *, uint64_t request, const json *);

static int put_hello(martlet_writer *w, uint64_t request, const json *m)
{
    const json *o = json_get(m, "options");
    martlet_hello h = {
        .client = text_of(m, "client"), .token = text_of(m, "token"), .session = number_of(m, "session"),
        .secret = number_of(m, "secret"), .zstd = (int)number_of(m, "codecs") & 1,
        .dictionaries = (int)number_of(m, "codecs") & 2, .host = text_of(o, "host"),
        .pid = (uint32_t)number_of(o, "pid"),
    };
    return martlet_put_hello(w, request, &h);
}
static int put_ping(martlet_writer *w, uint64_t request, const json *m)
{
    return martlet_put(w, MARTLET_OP_PING, request, hex_of(json_get(m, "bytes")));
}
static int put_bye(martlet_writer *w, uint64_t request, const json *m)
{
    (void)m;
    return martlet_put(w, MARTLET_OP_BYE, request, martlet_text(""));
}
static int put_drain(martlet_writer *w, uint64_t request, const json *m)
{
    (void)m;
    return martlet_put(w, MARTLET_OP_DRAIN, request, martlet_text(""));
}

static void lists_of(const json *o, martlet_job_options *out)
{
    static martlet_bytes tags[64];
    static martlet_header headers[64];
    const json *list = json_get(o, "tags");
    for (json *t = list ? list->first : NULL; t; t = t->next)
        tags[out->tag_count++] = (martlet_bytes){ t->text, t->length };
    list = json_get(o, "headers");
    for (json *h = list ? list->first : NULL; h; h = h->next)
        headers[out->header_count++] = (martlet_header){ text_of(h, "name"), text_of(h, "value") };
    out->tags = tags;
    out->headers = headers;
    if (out->tag_count) out->has |= MARTLET_HAS_TAGS;
    if (out->header_count) out->has |= MARTLET_HAS_HEADERS;
}

static martlet_job_options job_options_of(const json *o)
{
    martlet_job_options out = { .has = 0 };
    const json *v;
#define OPTION(field, bit) \
    if ((v = json_get(o, #field))) out.has |= bit, out.field = (__typeof__(out.field))json_number(v, 0)
    OPTION(max_attempts, MARTLET_HAS_MAX_ATTEMPTS);
    OPTION(retain_completed, MARTLET_HAS_RETAIN_COMPLETED);
    OPTION(retain_dead, MARTLET_HAS_RETAIN_DEAD);
    OPTION(retain_cancelled, MARTLET_HAS_RETAIN_CANCELLED);
    OPTION(retain_expired, MARTLET_HAS_RETAIN_EXPIRED);
    OPTION(max_crashes, MARTLET_HAS_MAX_CRASHES);
    OPTION(max_interruptions, MARTLET_HAS_MAX_INTERRUPTIONS);
    OPTION(priority, MARTLET_HAS_PRIORITY);
    OPTION(delay, MARTLET_HAS_DELAY);
    OPTION(run_at, MARTLET_HAS_RUN_AT);
    OPTION(expires, MARTLET_HAS_EXPIRES);
    OPTION(timeout, MARTLET_HAS_TIMEOUT);
    if ((v = json_get(o, "backoff"))) {
        out.has |= MARTLET_HAS_BACKOFF;
        out.backoff.kind = (uint8_t)number_of(v, "kind");
        out.backoff.jitter = (uint8_t)number_of(v, "jitter");
        out.backoff.factor = (uint16_t)number_of(v, "factor");
        out.backoff.base = (uint32_t)number_of(v, "base");
        out.backoff.cap = (uint32_t)number_of(v, "cap");
    }
    if ((v = json_get(o, "unique"))) {
        out.has |= MARTLET_HAS_UNIQUE;
        out.unique.scope = (uint8_t)number_of(v, "scope");
        out.unique.policy = (uint8_t)number_of(v, "policy");
        out.unique.flags = (uint8_t)number_of(v, "flags");
        out.unique.period = number_of(v, "period");
        out.unique.key = text_of(v, "key");
    }
    lists_of(o, &out);
    return out;
}

static int put_submit(martlet_writer *w, uint64_t request, const json *m)
{
    martlet_submission s = {
        .queue = string_of(m, "queue"), .type = string_of(m, "type"), .producer = number_of(m, "producer"),
        .sequence = number_of(m, "sequence"), .floor = number_of(m, "floor"),
        .durability = (uint8_t)number_of(m, "durability"), .flags = (uint8_t)number_of(m, "flags"),
    };
    int result = martlet_submit_begin(w, request, &s);
    for (json *i = json_get(m, "items")->first; i && !result; i = i->next) {
        martlet_payload p = payload_of(json_get(i, "payload"));
        martlet_job_options own = job_options_of(json_get(i, "options"));
        result = martlet_submit_add(w, &p, &own);
    }
    martlet_job_options all = job_options_of(json_get(m, "options"));
    return result ? result : martlet_submit_end(w, &all);
}

static int put_subscribe(martlet_writer *w, uint64_t request, const json *m)
{
    martlet_subscription s = {
        .subscription = (uint32_t)number_of(m, "subscription"), .queue = string_of(m, "queue"),
        .credit_jobs = (uint32_t)number_of(m, "credit_jobs"), .credit_bytes = (uint32_t)number_of(m, "credit_bytes"),
        .lease_milliseconds = (uint32_t)number_of(m, "lease_milliseconds"),
    };
    return martlet_put_subscribe(w, request, &s);
}
static int put_unsubscribe(martlet_writer *w, uint64_t request, const json *m)
{
    return martlet_put_unsubscribe(w, request, (uint32_t)number_of(m, "subscription"));
}
static int put_credit(martlet_writer *w, uint64_t request, const json *m)
{
    return martlet_put_credit(w, request, (uint32_t)number_of(m, "subscription"), (uint32_t)number_of(m, "credit_jobs"),
                              (uint32_t)number_of(m, "credit_bytes"));
}

static int put_holding(martlet_writer *w, uint64_t request, const json *m)
{
    const json *list = json_get(m, "runs");
    martlet_held_run *runs = calloc(count_of(list) + 1, sizeof *runs);
    size_t n = 0;
    for (json *r = list->first; r; r = r->next)
        runs[n++] = (martlet_held_run){ number_of(r, "token"), number_of(r, "first_id"),
                                        (uint16_t)number_of(r, "jobs") };
    return martlet_put_holding(w, request, (int)number_of(m, "flags"), runs, n);
}

static int put_outcome(martlet_writer *w, const json *i)
{
    const json *detail = json_get(i, "detail"), *o = json_get(detail, "options"), *result = json_get(detail, "result");
    uint64_t id = number_of(i, "id"), token = number_of(i, "token");
    martlet_failure f = {
        .message = text_of(detail, "message"), .error_class = text_of(o, "class"), .stack = text_of(o, "stack"),
        .has_retry_after = json_get(o, "retry_after") != NULL, .retry_after = number_of(o, "retry_after"),
        .discard = json_get(o, "discard") != NULL, .has_fingerprint = json_get(o, "fingerprint") != NULL,
        .fingerprint = number_of(o, "fingerprint"),
    };
    martlet_payload p = payload_of(result);
    switch (number_of(i, "outcome")) {
    case 1: return martlet_settle_complete(w, id, token, result ? &p : NULL);
    case 2: return martlet_settle_fail(w, id, token, &f);
    case 3: return martlet_settle_release(w, id, token);
    default: return martlet_settle_extend(w, id, token, (uint32_t)number_of(detail, "milliseconds"));
    }
}
static int put_settle(martlet_writer *w, uint64_t request, const json *m)
{
    int result = martlet_settle_begin(w, request);
    for (json *i = json_get(m, "items")->first; i && !result; i = i->next) result = put_outcome(w, i);
    return result ? result : martlet_settle_end(w);
}

static int put_progress(martlet_writer *w, uint64_t request, const json *m)
{
    return martlet_put_progress(w, request, number_of(m, "id"), number_of(m, "token"), (uint16_t)number_of(m, "done"),
                                text_of(m, "message"));
}
static int put_log(martlet_writer *w, uint64_t request, const json *m)
{
    const json *list = json_get(m, "lines");
    martlet_bytes *lines = calloc(count_of(list) + 1, sizeof *lines);
    size_t n = 0;
    for (json *l = list->first; l; l = l->next) lines[n++] = (martlet_bytes){ l->text, l->length };
    return martlet_put_log(w, request, number_of(m, "id"), number_of(m, "token"), lines, n);
}
static int put_checkpoint(martlet_writer *w, uint64_t request, const json *m)
{
    return martlet_put_checkpoint(w, request, number_of(m, "id"), number_of(m, "token"), hex_of(json_get(m, "bytes")));
}
static int put_get(martlet_writer *w, uint64_t request, const json *m)
{
    return martlet_put_get(w, request, number_of(m, "id"), (uint8_t)number_of(m, "flags"));
}
static int put_wait(martlet_writer *w, uint64_t request, const json *m)
{
    return martlet_put_wait(w, request, number_of(m, "id"), (uint32_t)number_of(m, "milliseconds"),
                            (uint8_t)number_of(m, "flags"));
}
static int put_queues(martlet_writer *w, uint64_t request, const json *m)
{
    return martlet_put_queues(w, request, string_of(m, "queue"), hex_of(json_get(m, "cursor")));
}
static int put_dictionary_get(martlet_writer *w, uint64_t request, const json *m)
{
    return martlet_put_dictionary_get(w, request, (uint32_t)number_of(m, "id"), string_of(m, "type"),
                                      (uint32_t)number_of(m, "known"));
}
static int put_act(martlet_writer *w, uint64_t request, const json *m)
{
    const json *o = json_get(m, "options"), *list = json_get(m, "ids");
    uint64_t *ids = calloc(count_of(list) + 1, sizeof *ids);
    size_t n = 0;
    for (json *i = list->first; i; i = i->next) ids[n++] = json_number(i, 0);
    martlet_act_options options = {
        .reason = text_of(o, "reason"), .has_grace = json_get(o, "grace") != NULL,
        .grace = (uint32_t)number_of(o, "grace"),
        .keep_counters = json_get(o, "keep_counters") != NULL, .has_priority = json_get(o, "priority") != NULL,
        .priority = (uint8_t)number_of(o, "priority"), .run_at = number_of(o, "run_at"),
    };
    return martlet_put_act(w, request, (uint8_t)number_of(m, "action"), ids, n, &options);
}

/* Not a client's: the channel and link flag of a gateway, and what only newer senders write. */
static int is_written(const json *v)
{
    const json *flags = json_get(json_get(v, "message"), "flags");
    return !json_get(v, "read_only") && !json_get(v, "channel") &&
           !(strcmp(now_in, "hello") == 0 && json_number(flags, 0));
}

static unsigned check_written(const char *directory, const char *name, put write)
{
    unsigned n = 0;
    now_in = name;
    for (json *v = json_file(directory, name)->first; v; v = v->next) {
        if (!is_written(v)) continue;
        martlet_writer w = { .frame_bytes = (size_t)number_of(v, "split_bytes") };
        martlet_bytes want = frames(v);
        int result = write(&w, number_of(v, "request_id"), json_get(v, "message"));
        if (result) DIE("%s, %s: result %d", name, string_of(v, "name"), result);
        if (w.length != want.length || memcmp(w.at, want.at, want.length))
            DIE("%s, %s: other bytes", name, string_of(v, "name"));
        free(w.at);
        n++;
    }
    if (!n) DIE("%s: nothing written", name);
    return n;
}

/* ---------- what the client reads ---------- */

typedef void (*get)(const martlet_message *, const json *);
#define GOT(what) if (what) DIE("%s: not read", now_in)

static void get_welcome(const martlet_message *m, const json *want)
{
    martlet_welcome w;
    GOT(martlet_get_welcome(m, &w));
    N(want, version, w); N(want, session, w); N(want, secret, w); N(want, resumed, w); N(want, server_time, w);
    N(want, frame_bytes_max, w); N(want, message_bytes_max, w); N(want, payload_bytes_max, w); N(want, batch_max, w);
    N(want, requests_in_flight_max, w); N(want, bytes_in_flight_max, w); N(want, subscriptions_max, w);
    N(want, idle_milliseconds, w); N(want, lease_milliseconds, w); N(want, grace_milliseconds, w);
    same_text(want, "server", w.server);
}
static void get_pong(const martlet_message *m, const json *want)
{
    martlet_bytes b = hex_of(json_get(want, "bytes"));
    if (m->opcode != MARTLET_OP_PONG || b.length != m->body.length || memcmp(b.at, m->body.at, b.length)) DIE("pong");
}
static void get_done(const martlet_message *m, const json *want)
{
    (void)want;
    if (m->opcode != MARTLET_OP_DONE || m->body.length) DIE("done");
}
static void get_draining(const martlet_message *m, const json *want)
{
    struct { uint32_t milliseconds; } d;
    GOT(martlet_get_draining(m, &d.milliseconds));
    N(want, milliseconds, d);
}

static void same_error(const json *want, const martlet_error *e)
{
    same_number(want, "retry_after", 0, e->retry_after);
    same_number(want, "limit", 0, e->limit);
    same_number(want, "actual", 0, e->actual);
    same_number(want, "flags", 0, (uint64_t)(e->retryable | e->closes << 1));
    same_text(want, "message", martlet_text(e->message));
}
static void get_error(const martlet_message *m, const json *want)
{
    martlet_error e;
    GOT(martlet_get_error(m, &e));
    same_number(want, "code", 0, e.code);
    same_error(want, &e);
}
static void get_answers(const martlet_message *m, const json *want)
{
    martlet_answers all;
    martlet_answer run;
    GOT(martlet_get_answers(m, &all));
    N(want, durability, all); N(want, flags, all); N(want, count, all);
    for (json *r = json_get(want, "runs")->first; r; r = r->next) {
        const json *result = json_get(r, "result");
        if (martlet_next_answer(&all, &run) != 1) DIE("%s: no run", now_in);
        N(r, items, run); N(r, code, run); N(result, first_id, run); N(result, state, run);
        if (run.code) same_error(json_get(result, "error"), &run.error);
    }
    GOT(martlet_next_answer(&all, &run));
}

static void same_payload(const json *want, const martlet_payload *p)
{
    martlet_bytes b = hex_of(json_get(want, "bytes"));
    same_number(want, "codec", 0, p->codec);
    same_number(want, "raw_bytes", 0, p->raw_bytes);
    same_number(want, "checksum", 0, p->checksum);
    if (b.length != p->bytes.length || memcmp(b.at, p->bytes.at, b.length)) DIE("%s: payload", now_in);
}
static void same_tags(const json *want, martlet_bytes tags)
{
    martlet_bytes tag;
    for (json *t = want ? want->first : NULL; t; t = t->next)
        if (martlet_next_tag(&tags, &tag) != 1 || tag.length != t->length || memcmp(tag.at, t->text, tag.length))
            DIE("%s: tag", now_in);
    GOT(martlet_next_tag(&tags, &tag));
}
static void same_headers(const json *want, martlet_bytes headers)
{
    martlet_header header;
    for (json *h = want ? want->first : NULL; h; h = h->next) {
        if (martlet_next_header(&headers, &header) != 1) DIE("%s: header", now_in);
        same_text(h, "name", header.name);
        same_text(h, "value", header.value);
    }
    GOT(martlet_next_header(&headers, &header));
}

static void get_jobs(const martlet_message *m, const json *want)
{
    martlet_jobs all;
    martlet_delivery d;
    GOT(martlet_get_jobs(m, &all));
    N(want, subscription, all); N(want, token, all); N(want, lease_milliseconds, all);
    for (json *w = json_get(want, "deliveries")->first; w; w = w->next) {
        const json *o = json_get(w, "options"), *type = json_get(want, "types")->first;
        if (martlet_next_delivery(&all, &d) != 1) DIE("%s: no delivery", now_in);
        for (uint64_t i = number_of(w, "type"); i; i--) type = type->next;
        if (type->length != d.type.length || memcmp(type->text, d.type.at, d.type.length)) DIE("%s: type", now_in);
        N(want, token, d); N(w, id, d); N(w, failures, d); N(w, crashes, d); N(w, interruptions, d);
        N(w, max_attempts, d); N(w, created_at, d); N(o, timeout, d);
        same_number(o, "priority", 128, d.priority);
        same_payload(json_get(w, "payload"), &d.payload);
        same_tags(json_get(o, "tags"), d.tags);
        same_headers(json_get(o, "headers"), d.headers);
        martlet_bytes checkpoint = hex_of(json_get(o, "checkpoint"));
        if (checkpoint.length != d.checkpoint.length ||
            memcmp(checkpoint.at, d.checkpoint.at ? d.checkpoint.at : "", checkpoint.length))
            DIE("%s: checkpoint", now_in);
    }
    GOT(martlet_next_delivery(&all, &d));
}

static void get_cancels(const martlet_message *m, const json *want)
{
    martlet_cancels all;
    martlet_cancel k;
    GOT(martlet_get_cancels(m, &all));
    for (json *w = json_get(want, "items")->first; w; w = w->next) {
        if (martlet_next_cancel(&all, &k) != 1) DIE("%s: no item", now_in);
        N(w, id, k); N(w, token, k); N(w, grace, k);
        same_text(w, "reason", k.reason);
    }
    GOT(martlet_next_cancel(&all, &k));
}

static void same_job_options(const json *o, const martlet_job *j)
{
    const json *progress = json_get(o, "progress"), *unique = json_get(o, "unique"), *cancel = json_get(o, "cancel");
    const json *retried = json_get(o, "retried"), *lines = json_get(o, "log_lines");
    same_text(o, "error", j->error);
    same_text(o, "error_class", j->error_class);
    same_text(o, "error_stack", j->error_stack);
    same_text(o, "worker", j->worker);
    same_number(progress, "done", 0, j->progress);
    same_text(progress, "message", j->progress_message);
    N(o, lease_ends, *j); N(o, session, *j); N(o, expires_at, *j); N(o, vanishes_at, *j); N(o, fingerprint, *j);
    N(o, timeout, *j); N(o, checkpoint_bytes, *j);
    same_number(o, "priority", 128, j->priority);
    N(unique, scope, j->unique); N(unique, held, j->unique); N(unique, until, j->unique);
    same_text(unique, "key", j->unique.key);
    N(cancel, requested, j->cancel); N(cancel, grace_ends, j->cancel);
    same_text(cancel, "reason", j->cancel.reason);
    N(retried, times, j->retried); N(retried, last, j->retried); N(retried, state, j->retried);
    N(lines, first, j->log_lines); N(lines, next, j->log_lines);
    same_tags(json_get(o, "tags"), j->tags);
    same_headers(json_get(o, "headers"), j->headers);
    if (j->has_payload != (json_get(o, "payload") != NULL) || j->has_result != (json_get(o, "result") != NULL))
        DIE("%s: payloads", now_in);
    if (j->has_payload) same_payload(json_get(o, "payload"), &j->payload);
    if (j->has_result) same_payload(json_get(o, "result"), &j->result);
}
static void get_job(const martlet_message *m, const json *want)
{
    martlet_job j;
    GOT(martlet_get_job(m, &j));
    N(want, id, j); N(want, state, j); N(want, attempts, j); N(want, failures, j); N(want, crashes, j);
    N(want, interruptions, j); N(want, max_attempts, j); N(want, created_at, j); N(want, due_at, j);
    N(want, started_at, j); N(want, finished_at, j); N(want, payload_bytes, j);
    same_text(want, "queue", j.queue);
    same_text(want, "type", j.type);
    same_job_options(json_get(want, "options"), &j);
}
static void get_dictionary(const martlet_message *m, const json *want)
{
    martlet_dictionary d;
    GOT(martlet_get_dictionary(m, &d));
    const json *info = json_get(want, "info");
    N(info, id, d); N(info, version, d); N(info, state, d); N(info, created_at, d); N(info, retired_at, d);
    N(info, length, d); N(info, checksum, d); N(info, references, d);
    same_text(info, "type", d.type);
    martlet_bytes bytes = hex_of(json_get(want, "bytes"));
    if (bytes.length != d.bytes.length || memcmp(bytes.at, d.bytes.at, bytes.length)) DIE("%s: bytes", now_in);
}
static void get_queues(const martlet_message *m, const json *want)
{
    martlet_queues all;
    martlet_queue q;
    GOT(martlet_get_queues(m, &all));
    martlet_bytes cursor = hex_of(json_get(want, "cursor"));
    if (cursor.length != all.cursor.length || memcmp(cursor.at, all.cursor.at, cursor.length))
        DIE("%s: cursor", now_in);
    for (json *w = json_get(want, "queues")->first; w; w = w->next) {
        if (martlet_next_queue(&all, &q) != 1) DIE("%s: no queue", now_in);
        same_text(w, "name", q.name);
        N(w, ready, q); N(w, running, q); N(w, scheduled, q); N(w, held, q); N(w, dead, q); N(w, completed, q);
        N(w, retained, q); N(w, oldest_ready, q); N(w, subscribers, q);
    }
    GOT(martlet_next_queue(&all, &q));
}

static int give(martlet_reader *r, const void *at, size_t length)
{
    void *room;
    size_t n;
    if (martlet_reader_room(r, length, &room, &n)) DIE("no memory");
    memcpy(room, at, length);
    martlet_reader_add(r, length);
    return 0;
}

/* The vector in pieces of `step` bytes, which must be one message. */
static void read_in_steps(const json *v, size_t step, get read)
{
    martlet_bytes b = frames(v);
    martlet_reader r = { 0 };
    martlet_message m;
    for (size_t at = 0; at < b.length; at += step) {
        size_t n = b.length - at < step ? b.length - at : step;
        give(&r, (const unsigned char *)b.at + at, n);
        int got = martlet_reader_next(&r, &m);
        if (got != (at + n == b.length))
            DIE("%s, %s: %d after %zu of %zu bytes", now_in, string_of(v, "name"), got, at + n, b.length);
    }
    if (m.request != number_of(v, "request_id")) DIE("%s: request id", now_in);
    read(&m, json_get(v, "message"));
    if (martlet_reader_next(&r, &m)) DIE("%s: a second message", now_in);
    martlet_reader_free(&r);
    free((void *)b.at);
}

static void refuse_channel(const json *v)
{
    martlet_bytes b = frames(v);
    martlet_reader r = { 0 };
    martlet_message m;
    give(&r, b.at, b.length);
    if (martlet_reader_next(&r, &m) != MARTLET_E_PROTOCOL) DIE("%s: a channel is accepted", now_in);
    martlet_reader_free(&r);
}

static unsigned check_read(const char *directory, const char *name, get read)
{
    unsigned n = 0;
    now_in = name;
    for (json *v = json_file(directory, name)->first; v; v = v->next) {
        if (json_get(v, "channel")) {
            refuse_channel(v);
            continue;
        }
        read_in_steps(v, 1 << 20, read);
        read_in_steps(v, 7, read);
        read_in_steps(v, 1, read);
        n++;
    }
    if (!n) DIE("%s: nothing read", name);
    return n;
}

/* ---------- what is hostile ---------- */

/* Whatever the bytes of a message are, reading it through ends, within them. */
static void read_all(martlet_message m)
{
    union {
        martlet_welcome w; martlet_error e; uint32_t ms; martlet_answer a; martlet_delivery d; martlet_cancel c;
        martlet_job j; martlet_queue q; martlet_header h;
        martlet_dictionary dictionary;
    } u;
    martlet_answers answers;
    martlet_jobs jobs;
    martlet_cancels cancels;
    martlet_queues queues;
    martlet_bytes tag, out;
    void *buffer;
    martlet_get_welcome(&m, &u.w);
    martlet_get_error(&m, &u.e);
    martlet_get_draining(&m, &u.ms);
    static const uint8_t answered[] = { MARTLET_OP_SUBMITTED, MARTLET_OP_SETTLED, MARTLET_OP_ACTED };
    for (int i = 0; i < 3; i++) {
        m.opcode = answered[i];
        if (!martlet_get_answers(&m, &answers)) while (martlet_next_answer(&answers, &u.a) > 0) {}
    }
    if (!martlet_get_jobs(&m, &jobs))
        while (martlet_next_delivery(&jobs, &u.d) > 0) {
            martlet_delivery d = u.d;
            if (!martlet_open_payload(&d.payload, 1 << 20, &out, &buffer)) free(buffer);
            while (martlet_next_tag(&d.tags, &tag) > 0) {}
            while (martlet_next_header(&d.headers, &u.h) > 0) {}
        }
    if (!martlet_get_cancels(&m, &cancels)) while (martlet_next_cancel(&cancels, &u.c) > 0) {}
    if (!martlet_get_queues(&m, &queues)) while (martlet_next_queue(&queues, &u.q) > 0) {}
    martlet_get_dictionary(&m, &u.dictionary);
    if (!martlet_get_job(&m, &u.j)) {
        martlet_job j = u.j;
        while (martlet_next_tag(&j.tags, &tag) > 0) {}
        while (martlet_next_header(&j.headers, &u.h) > 0) {}
        if (j.has_result && !martlet_open_payload(&j.result, 1 << 20, &out, &buffer)) free(buffer);
    }
}

static void read_stream(const unsigned char *at, size_t length)
{
    martlet_reader r = { 0 };
    martlet_message m;
    give(&r, at, length);
    while (martlet_reader_next(&r, &m) > 0) {
        /* A copy of the exact size, so that a sanitizer sees a single byte read past its end. */
        void *body = malloc(m.body.length ? m.body.length : 1);
        memcpy(body, m.body.at, m.body.length);
        m.body.at = body;
        read_all(m);
        free(body);
    }
    martlet_reader_free(&r);
}

static uint64_t random_state = 0x9e3779b97f4a7c15;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static void break_vector(const json *v)
{
    martlet_bytes b = frames(v);
    unsigned char *broken = malloc(b.length + 1);
    read_stream(b.at, b.length);
    /* Ended early, with a header that says so, at each of the first bytes and some later ones. */
    for (size_t n = 0; n + 16 <= b.length; n += n < 256 ? 1 : 1 + next_random() % 512) {
        memcpy(broken, b.at, b.length);
        for (int i = 0; i < 4; i++) broken[i] = (unsigned char)(n >> (8 * i));
        broken[5] = 0;
        read_stream(broken, 16 + n);
    }
    for (int i = 0; i < 200; i++) {
        memcpy(broken, b.at, b.length);
        for (int k = 0; k < 1 + i % 4; k++) broken[next_random() % b.length] = (unsigned char)next_random();
        if (i % 2 && b.length >= 4) for (int k = 0; k < 4; k++) broken[k] = ((const unsigned char *)b.at)[k];
        read_stream(broken, b.length);
    }
    free(broken);
    free((void *)b.at);
}

static unsigned check_hostile(const char *directory, const char *name)
{
    unsigned n = 0;
    for (json *v = json_file(directory, name)->first; v; v = v->next, n++) break_vector(v);
    return n;
}

/* ---------- payloads, ids and the writer ---------- */

/* Made by zstd from its command line's training: what a server would send. */
static void check_dictionary(void)
{
    enum { SAMPLES = 400 };
    static char samples[SAMPLES * 64], dictionary[4096];
    size_t sizes[SAMPLES], all = 0;
    for (int i = 0; i < SAMPLES; i++, all += sizes[i - 1])
        sizes[i] = (size_t)snprintf(samples + all, 64, "{\"user\":%d,\"action\":\"send\",\"address\":\"%x\"}", i * 7919,
                                    (unsigned)next_random());
    size_t length = ZDICT_trainFromBuffer(dictionary, sizeof dictionary, samples, sizes, SAMPLES);
    if (ZDICT_isError(length)) DIE("no dictionary: %s", ZDICT_getErrorName(length));
    char packed[256];
    ZSTD_CCtx *context = ZSTD_createCCtx();
    size_t n = ZSTD_compress_usingDict(context, packed, sizeof packed, samples, sizes[0], dictionary, length, 3);
    ZSTD_freeCCtx(context);
    martlet_payload p = { MARTLET_ZSTD_DICTIONARY, (uint32_t)sizes[0], martlet_crc32c(0, packed, n), { packed, n } };
    martlet_bytes out, bytes = { dictionary, length };
    void *buffer;
    if (martlet_dictionary_of(&p) != ZDICT_getDictID(dictionary, length)) DIE("the dictionary's id");
    if (martlet_open_payload(&p, 256, &out, &buffer) != MARTLET_E_ARGUMENT) DIE("without its dictionary");
    if (martlet_open_payload_with(&p, bytes, 256, &out, &buffer) || out.length != sizes[0] ||
        memcmp(out.at, samples, sizes[0]))
        DIE("with its dictionary");
    free(buffer);
    p.codec = MARTLET_ZSTD;
    if (martlet_dictionary_of(&p) || martlet_open_payload_with(&p, bytes, 256, &out, &buffer) != MARTLET_E_DAMAGED)
        DIE("a dictionary that the codec does not name");
}

static void check_payloads(void)
{
    char text[4000], noise[4000];
    martlet_bytes out;
    void *packed, *buffer;
    now_in = "payloads";
    for (size_t i = 0; i < sizeof text; i++) text[i] = "martlet "[i % 8], noise[i] = (char)next_random();
    if (martlet_crc32c(0, "123456789", 9) != 0xe3069283) DIE("CRC32C");
    if (martlet_crc32c(martlet_crc32c(0, text, 1001), text + 1001, 2999) != martlet_crc32c(0, text, 4000))
        DIE("CRC32C in pieces");
    martlet_payload p = martlet_compressed(text, sizeof text, &packed);
    if (p.codec != MARTLET_ZSTD || p.bytes.length > 200) DIE("not compressed");
    if (martlet_open_payload(&p, 4000, &out, &buffer) || out.length != 4000 || memcmp(out.at, text, 4000))
        DIE("not inflated");
    free(buffer);
    if (martlet_open_payload(&p, 3999, &out, &buffer) != MARTLET_E_DAMAGED) DIE("above its bound");
    p.raw_bytes--;
    if (martlet_open_payload(&p, 4000, &out, &buffer) != MARTLET_E_DAMAGED) DIE("another length");
    p.raw_bytes++;
    p.checksum++;
    if (martlet_open_payload(&p, 4000, &out, &buffer) != MARTLET_E_DAMAGED) DIE("damaged");
    free(packed);
    p = martlet_compressed(noise, sizeof noise, &packed);
    if (p.codec != MARTLET_PLAIN || packed) DIE("noise is compressed");
    if (martlet_open_payload(&p, 4000, &out, &buffer) || out.at != noise || buffer) DIE("plain");
    check_dictionary();
}

static void check_ids(void)
{
    char text[13];
    martlet_format_id(0x57a8f1, text);
    if (strcmp(text, "00000005fa7h") || martlet_parse_id("00000005FA7H") != 0x57a8f1) DIE("id %s", text);
    if (martlet_parse_id("ooooooooooil") != 33 || martlet_parse_id("0000000000u1") || martlet_parse_id("12"))
        DIE("ids by hand");
}

static int give_frame(martlet_reader *r, uint32_t length, int flags, uint8_t request)
{
    unsigned char frame[16 + 100] = { (unsigned char)length, (unsigned char)(length >> 8), 0, 0, MARTLET_OP_JOBS,
                                      (unsigned char)flags, 0, 0, request };
    martlet_message m;
    give(r, frame, 16 + (length < 100 ? length : 100));
    return martlet_reader_next(r, &m);
}

/* Memory is bounded whatever the peer sends. */
static void check_bounds(void)
{
    martlet_reader r = { .frame_bytes_max = 80, .message_bytes_max = 100 };
    if (give_frame(&r, 80, 0, 1) != 1 || give_frame(&r, 81, 0, 1) != MARTLET_E_PROTOCOL) DIE("a frame above its limit");
    martlet_reader_free(&r);
    r = (martlet_reader){ .frame_bytes_max = 80, .message_bytes_max = 100 };
    if (give_frame(&r, 60, 1, 1) || give_frame(&r, 40, 0, 1) != 1) DIE("a message of its limit in two frames");
    if (give_frame(&r, 60, 1, 1) || give_frame(&r, 41, 1, 1) != MARTLET_E_PROTOCOL) DIE("a message above its limit");
    martlet_reader_free(&r);
    r = (martlet_reader){ 0 };
    for (uint8_t i = 1; i <= 8; i++)
        if (give_frame(&r, 10, 1, i)) DIE("eight unfinished messages");
    if (give_frame(&r, 10, 0, 3) != 1 || give_frame(&r, 10, 1, 9)) DIE("one of them ended, another begun");
    if (give_frame(&r, 10, 1, 10) != MARTLET_E_PROTOCOL) DIE("a ninth unfinished message");
    martlet_reader_free(&r);
}

/* A message that fails leaves what was written before it, and the next one is whole. */
static void check_writer(void)
{
    martlet_writer w = { 0 };
    char *longest = calloc(1, 70000);
    memset(longest, 'q', 300);
    martlet_put(&w, MARTLET_OP_BYE, 1, martlet_text(""));
    size_t before = w.length;
    martlet_subscription s = { .queue = longest };
    if (martlet_put_subscribe(&w, 2, &s) != MARTLET_E_ARGUMENT || w.length != before) DIE("a name of 300 bytes");
    memset(longest, 'q', 69999);
    if (martlet_put_progress(&w, 2, 1, 1, 0, martlet_text(longest)) != MARTLET_E_ARGUMENT || w.length != before)
        DIE("a text of 69,999 bytes");
    if (martlet_settle_release(&w, 1, 1) != MARTLET_E_ARGUMENT) DIE("an outcome before its message");
    if (martlet_settle_begin(&w, 2) || martlet_put(&w, MARTLET_OP_BYE, 3, martlet_text("")) != MARTLET_E_ARGUMENT)
        DIE("a message in a message");
    if (martlet_settle_release(&w, 1, 1) || martlet_settle_end(&w) || w.length != before + 16 + 23)
        DIE("a message after failures");
    free(longest);
    free(w.at);
}

int main(int argc, char **argv)
{
    static const struct { const char *name; put write; } written[] = {
        { "hello", put_hello }, { "ping", put_ping }, { "bye", put_bye }, { "submit", put_submit },
        { "subscribe", put_subscribe }, { "unsubscribe", put_unsubscribe }, { "credit", put_credit },
        { "holding", put_holding }, { "settle", put_settle }, { "progress", put_progress }, { "log", put_log },
        { "checkpoint", put_checkpoint }, { "get", put_get }, { "wait", put_wait }, { "queues", put_queues },
        { "drain", put_drain }, { "act", put_act }, { "dictionary_get", put_dictionary_get },
    };
    static const struct { const char *name; get read; } read[] = {
        { "welcome", get_welcome }, { "pong", get_pong }, { "done", get_done }, { "submitted", get_answers },
        { "jobs", get_jobs }, { "cancel", get_cancels }, { "settled", get_answers }, { "job", get_job },
        { "queue_page", get_queues }, { "draining", get_draining }, { "acted", get_answers }, { "error", get_error },
        { "dictionary", get_dictionary },
    };
    static const char *const others[] = {
        "malformed", "events", "job_page", "explanation", "times_page", "group_page", "submit", "settle",
        "dictionary_page",
    };
    if (argc != 2) DIE("usage: vectors DIRECTORY");
    unsigned out = 0, in = 0, hostile = 0;
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        out += check_written(argv[1], written[i].name, written[i].write);
    for (size_t i = 0; i < sizeof read / sizeof *read; i++) in += check_read(argv[1], read[i].name, read[i].read);
    for (size_t i = 0; i < sizeof read / sizeof *read; i++) hostile += check_hostile(argv[1], read[i].name);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) hostile += check_hostile(argv[1], others[i]);
    check_payloads();
    check_ids();
    check_writer();
    check_bounds();
    printf("%u messages written, %u read, %u broken in all ways, %u fields compared\n", out, in, hostile, checked);
    return 0;
}
