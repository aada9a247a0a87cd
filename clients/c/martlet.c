/* martlet.c - see martlet.h. Order: payloads, writer, messages out, reader, messages in, connection. */
#define _POSIX_C_SOURCE 200809L
#include "martlet.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

enum { HEADER = 16, MORE = 1, PIECE = 256 * 1024, READ = 64 * 1024 };

/* ---------- payloads ---------- */

martlet_bytes martlet_text(const char *s)
{
    return (martlet_bytes){ s, s ? strlen(s) : 0 };
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t crc, const unsigned char *at, size_t n)
{
    uint64_t state = crc;
    for (; n >= 8; n -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        state = __builtin_ia32_crc32di(state, word);
    }
    for (; n; n--) state = __builtin_ia32_crc32qi((uint32_t)state, *at++);
    return (uint32_t)state;
}
#define HAS_CRC_INSTRUCTION __builtin_cpu_supports("sse4.2")
#else
#define crc_by_instruction crc_by_digit
#define HAS_CRC_INSTRUCTION 0
#endif

static uint32_t crc_by_digit(uint32_t crc, const unsigned char *at, size_t n)
{
    static const uint32_t digits[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    while (n--) {
        crc ^= *at++;
        crc = (crc >> 4) ^ digits[crc & 15];
        crc = (crc >> 4) ^ digits[crc & 15];
    }
    return crc;
}

uint32_t martlet_crc32c(uint32_t crc, const void *at, size_t length)
{
    return ~(HAS_CRC_INSTRUCTION ? crc_by_instruction : crc_by_digit)(~crc, at, length);
}

martlet_payload martlet_plain(const void *at, size_t length)
{
    return (martlet_payload){ MARTLET_PLAIN, (uint32_t)length, martlet_crc32c(0, at, length), { at, length } };
}

martlet_payload martlet_compressed(const void *at, size_t length, void **buffer)
{
    *buffer = NULL;
    if (length < 128 || length > UINT32_MAX) return martlet_plain(at, length);
    size_t most = length - length / 8; /* what takes more room than this does not pay */
    void *packed = malloc(most);
    size_t n = packed ? ZSTD_compress(packed, most, at, length, 3) : 0;
    if (!packed || ZSTD_isError(n)) {
        free(packed);
        return martlet_plain(at, length);
    }
    *buffer = packed;
    return (martlet_payload){ MARTLET_ZSTD, (uint32_t)length, martlet_crc32c(0, packed, n), { packed, n } };
}

int martlet_open_payload(const martlet_payload *p, size_t raw_bytes_max, martlet_bytes *out, void **buffer)
{
    return martlet_open_payload_with(p, (martlet_bytes){ "", 0 }, raw_bytes_max, out, buffer);
}

uint32_t martlet_dictionary_of(const martlet_payload *p)
{
    return p->codec == MARTLET_ZSTD_DICTIONARY ? ZSTD_getDictID_fromFrame(p->bytes.at, p->bytes.length) : 0;
}

static size_t inflate(const martlet_payload *p, martlet_bytes dictionary, void *raw)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (!context) return 0;
    size_t n = ZSTD_decompress_usingDict(context, raw, p->raw_bytes, p->bytes.at, p->bytes.length, dictionary.at,
                                         dictionary.length);
    ZSTD_freeDCtx(context);
    return n;
}

int martlet_open_payload_with(const martlet_payload *p, martlet_bytes dictionary, size_t raw_bytes_max,
                              martlet_bytes *out, void **buffer)
{
    const martlet_bytes *b = &p->bytes;
    uint32_t needed = martlet_dictionary_of(p);
    *buffer = NULL;
    *out = (martlet_bytes){ NULL, 0 };
    if (p->raw_bytes > raw_bytes_max || martlet_crc32c(0, b->at, b->length) != p->checksum) return MARTLET_E_DAMAGED;
    if (p->codec == MARTLET_PLAIN) {
        if (p->raw_bytes != b->length) return MARTLET_E_DAMAGED;
        *out = *b;
        return MARTLET_OK;
    }
    if (p->codec > MARTLET_ZSTD_DICTIONARY || (p->codec == MARTLET_ZSTD_DICTIONARY) != (needed != 0) || ZSTD_getFrameContentSize(b->at, b->length) != p->raw_bytes ||
        ZSTD_findFrameCompressedSize(b->at, b->length) != b->length)
        return MARTLET_E_DAMAGED;
    if (needed && ZSTD_getDictID_fromDict(dictionary.at, dictionary.length) != needed) return MARTLET_E_ARGUMENT;
    void *raw = malloc(p->raw_bytes ? p->raw_bytes : 1);
    if (!raw) return MARTLET_E_MEMORY;
    if (inflate(p, needed ? dictionary : (martlet_bytes){ "", 0 }, raw) != p->raw_bytes) {
        free(raw);
        return MARTLET_E_DAMAGED;
    }
    *buffer = raw;
    *out = (martlet_bytes){ raw, p->raw_bytes };
    return MARTLET_OK;
}

static const char DIGITS[] = "0123456789abcdefghjkmnpqrstvwxyz";

void martlet_format_id(uint64_t id, char text[13])
{
    for (int i = 11; i >= 0; i--, id >>= 5) text[i] = DIGITS[id & 31];
    text[12] = 0;
}

uint64_t martlet_parse_id(const char *text)
{
    uint64_t id = 0;
    if (strlen(text) != 12) return 0;
    for (; *text; text++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
        const char *digit = strchr(DIGITS, c == 'i' || c == 'l' ? '1' : c == 'o' ? '0' : c);
        if (!digit) return 0;
        id = id << 5 | (uint64_t)(digit - DIGITS);
    }
    return id;
}

/* ---------- writer ---------- */

/* Room for n more bytes, counted as written; NULL when the message has failed. */
static unsigned char *grow(martlet_writer *w, size_t n)
{
    if (w->failed) return NULL;
    if (w->capacity - w->length < n) {
        size_t capacity = w->length + n < 2048 ? 4096 : (w->length + n) * 2;
        unsigned char *at = realloc(w->at, capacity);
        if (!at) {
            w->failed = MARTLET_E_MEMORY;
            return NULL;
        }
        w->at = at;
        w->capacity = capacity;
    }
    w->length += n;
    return w->at + w->length - n;
}

static void store(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++, value >>= 8) at[i] = (unsigned char)value;
}
static void u8(martlet_writer *w, uint64_t v) { unsigned char *p = grow(w, 1); if (p) store(p, v, 1); }
static void u16(martlet_writer *w, uint64_t v) { unsigned char *p = grow(w, 2); if (p) store(p, v, 2); }
static void u32(martlet_writer *w, uint64_t v) { unsigned char *p = grow(w, 4); if (p) store(p, v, 4); }
static void u64(martlet_writer *w, uint64_t v) { unsigned char *p = grow(w, 8); if (p) store(p, v, 8); }

static void raw(martlet_writer *w, martlet_bytes b)
{
    unsigned char *p = grow(w, b.length);
    if (p && b.length) memcpy(p, b.at, b.length);
}

/* `b` behind its length, which takes `bytes` bytes. */
static void sized(martlet_writer *w, int bytes, martlet_bytes b)
{
    if (bytes < 8 && (uint64_t)b.length >> (8 * bytes)) {
        w->failed = MARTLET_E_ARGUMENT;
        return;
    }
    unsigned char *p = grow(w, (size_t)bytes);
    if (p) store(p, b.length, bytes);
    raw(w, b);
}

static void option(martlet_writer *w, unsigned tag, martlet_bytes b)
{
    u16(w, tag);
    sized(w, 4, b);
}
static void option_int(martlet_writer *w, unsigned tag, uint64_t value, int bytes)
{
    unsigned char b[8];
    store(b, value, bytes);
    option(w, tag, (martlet_bytes){ b, (size_t)bytes });
}

/* Where a length of `bytes` bytes will stand, and later what stands behind it. */
static size_t begin_sized(martlet_writer *w, int bytes)
{
    grow(w, (size_t)bytes);
    return w->length;
}
static void end_sized(martlet_writer *w, size_t begin, int bytes)
{
    if (w->failed) return;
    size_t n = w->length - begin;
    if ((uint64_t)n >> (8 * bytes)) w->failed = MARTLET_E_ARGUMENT;
    else store(w->at + begin - bytes, n, bytes);
}

static int begin(martlet_writer *w, uint8_t opcode, uint64_t request)
{
    if (w->opcode) return MARTLET_E_ARGUMENT;
    w->failed = 0;
    w->start = w->length;
    w->opcode = opcode;
    w->request = request;
    w->count = 0;
    grow(w, HEADER);
    return MARTLET_OK;
}

static int give_up(martlet_writer *w, int result)
{
    w->length = w->start;
    w->opcode = 0;
    w->failed = 0;
    return result;
}

static void header(martlet_writer *w, unsigned char *at, size_t length, int flags)
{
    store(at, length, 4);
    at[4] = w->opcode;
    at[5] = (unsigned char)flags;
    store(at + 6, 0, 2);
    store(at + 8, w->request, 8);
}

static int finish(martlet_writer *w)
{
    if (w->failed) return give_up(w, w->failed);
    size_t most = w->frame_bytes ? w->frame_bytes : PIECE;
    size_t body = w->length - w->start - HEADER;
    size_t frames = body > most ? (body + most - 1) / most : 1;
    if (!grow(w, (frames - 1) * HEADER)) return give_up(w, w->failed);
    /* Cut from the back, so that no piece overwrites one that has not been moved. */
    for (size_t i = frames; i-- > 0;) {
        unsigned char *first = w->at + w->start, *at = first + i * (HEADER + most);
        size_t n = i == frames - 1 ? body - i * most : most;
        if (i) memmove(at + HEADER, first + HEADER + i * most, n);
        header(w, at, n, i == frames - 1 ? 0 : MORE);
    }
    w->opcode = 0;
    return MARTLET_OK;
}

/* ---------- messages out ---------- */

int martlet_put_preface(martlet_writer *w)
{
    if (w->opcode) return MARTLET_E_ARGUMENT;
    w->start = w->length;
    raw(w, (martlet_bytes){ "MARTLET\1", 8 });
    return w->failed ? give_up(w, w->failed) : MARTLET_OK;
}

int martlet_put_hello(martlet_writer *w, uint64_t request, const martlet_hello *h)
{
    if (begin(w, MARTLET_OP_HELLO, request)) return MARTLET_E_ARGUMENT;
    sized(w, 1, h->client);
    sized(w, 2, h->token);
    u64(w, h->session);
    u64(w, h->secret);
    u8(w, (h->zstd ? 1 : 0) | (h->dictionaries ? 2 : 0));
    u8(w, 0);
    if (h->host.length) option(w, 1, h->host);
    if (h->pid) option_int(w, 2, h->pid, 4);
    return finish(w);
}

int martlet_put(martlet_writer *w, uint8_t opcode, uint64_t request, martlet_bytes body)
{
    if (begin(w, opcode, request)) return MARTLET_E_ARGUMENT;
    raw(w, body);
    return finish(w);
}

static void put_payload(martlet_writer *w, const martlet_payload *p)
{
    unsigned char *at = grow(w, 13);
    if (!at) return;
    if (p->bytes.length > UINT32_MAX) {
        w->failed = MARTLET_E_ARGUMENT;
        return;
    }
    at[0] = p->codec;
    store(at + 1, p->raw_bytes, 4);
    store(at + 5, p->checksum, 4);
    store(at + 9, p->bytes.length, 4);
    raw(w, p->bytes);
}

static void put_lists(martlet_writer *w, const martlet_job_options *o)
{
    if (o->has & MARTLET_HAS_TAGS) {
        u16(w, 15);
        size_t at = begin_sized(w, 4);
        for (size_t i = 0; i < o->tag_count; i++) sized(w, 1, o->tags[i]);
        end_sized(w, at, 4);
    }
    if (o->has & MARTLET_HAS_HEADERS) {
        u16(w, 16);
        size_t at = begin_sized(w, 4);
        for (size_t i = 0; i < o->header_count; i++) {
            sized(w, 1, o->headers[i].name);
            sized(w, 2, o->headers[i].value);
        }
        end_sized(w, at, 4);
    }
}

static void put_job_options(martlet_writer *w, const martlet_job_options *o)
{
    if (!o || !o->has) return;
    if (o->has & MARTLET_HAS_MAX_ATTEMPTS) option_int(w, 1, o->max_attempts, 2);
    if (o->has & MARTLET_HAS_BACKOFF) {
        unsigned char b[12] = { o->backoff.kind, o->backoff.jitter };
        store(b + 2, o->backoff.factor, 2);
        store(b + 4, o->backoff.base, 4);
        store(b + 8, o->backoff.cap, 4);
        option(w, 2, (martlet_bytes){ b, sizeof b });
    }
    if (o->has & MARTLET_HAS_RETAIN_COMPLETED) option_int(w, 3, o->retain_completed, 8);
    if (o->has & MARTLET_HAS_RETAIN_DEAD) option_int(w, 4, o->retain_dead, 8);
    if (o->has & MARTLET_HAS_RETAIN_CANCELLED) option_int(w, 5, o->retain_cancelled, 8);
    if (o->has & MARTLET_HAS_RETAIN_EXPIRED) option_int(w, 6, o->retain_expired, 8);
    if (o->has & MARTLET_HAS_MAX_CRASHES) option_int(w, 7, o->max_crashes, 2);
    if (o->has & MARTLET_HAS_MAX_INTERRUPTIONS) option_int(w, 8, o->max_interruptions, 2);
    if (o->has & MARTLET_HAS_PRIORITY) option_int(w, 9, o->priority, 1);
    if (o->has & MARTLET_HAS_DELAY) option_int(w, 10, o->delay, 8);
    if (o->has & MARTLET_HAS_RUN_AT) option_int(w, 11, o->run_at, 8);
    if (o->has & MARTLET_HAS_EXPIRES) option_int(w, 12, o->expires, 8);
    if (o->has & MARTLET_HAS_TIMEOUT) option_int(w, 13, o->timeout, 4);
    if (o->has & MARTLET_HAS_UNIQUE) {
        u16(w, 14);
        size_t at = begin_sized(w, 4);
        u8(w, o->unique.scope);
        u8(w, o->unique.policy);
        u8(w, o->unique.flags);
        u64(w, o->unique.period);
        sized(w, 1, o->unique.key);
        end_sized(w, at, 4);
    }
    put_lists(w, o);
}

int martlet_submit_begin(martlet_writer *w, uint64_t request, const martlet_submission *s)
{
    if (begin(w, MARTLET_OP_SUBMIT, request)) return MARTLET_E_ARGUMENT;
    sized(w, 1, martlet_text(s->queue));
    sized(w, 1, martlet_text(s->type));
    u64(w, s->producer);
    u64(w, s->sequence);
    u64(w, s->floor);
    u8(w, s->durability ? s->durability : MARTLET_DISK);
    u8(w, s->flags);
    w->count_at = w->length;
    u16(w, 0);
    return w->failed ? give_up(w, w->failed) : MARTLET_OK;
}

/* After each item of a list: it is one more, or the message is gone. */
static int counted(martlet_writer *w)
{
    if (!w->failed && ++w->count > UINT16_MAX) w->failed = MARTLET_E_ARGUMENT;
    return w->failed ? give_up(w, w->failed) : MARTLET_OK;
}

int martlet_submit_add(martlet_writer *w, const martlet_payload *p, const martlet_job_options *own)
{
    if (w->opcode != MARTLET_OP_SUBMIT) return MARTLET_E_ARGUMENT;
    put_payload(w, p);
    size_t at = begin_sized(w, 2);
    put_job_options(w, own);
    end_sized(w, at, 2);
    return counted(w);
}

int martlet_submit_end(martlet_writer *w, const martlet_job_options *all)
{
    if (w->opcode != MARTLET_OP_SUBMIT) return MARTLET_E_ARGUMENT;
    store(w->at + w->count_at, w->count, 2);
    put_job_options(w, all);
    return finish(w);
}

int martlet_put_subscribe(martlet_writer *w, uint64_t request, const martlet_subscription *s)
{
    if (begin(w, MARTLET_OP_SUBSCRIBE, request)) return MARTLET_E_ARGUMENT;
    u32(w, s->subscription);
    sized(w, 1, martlet_text(s->queue));
    u32(w, s->credit_jobs);
    u32(w, s->credit_bytes);
    u32(w, s->lease_milliseconds);
    return finish(w);
}

int martlet_put_unsubscribe(martlet_writer *w, uint64_t request, uint32_t subscription)
{
    if (begin(w, MARTLET_OP_UNSUBSCRIBE, request)) return MARTLET_E_ARGUMENT;
    u32(w, subscription);
    return finish(w);
}

int martlet_put_credit(martlet_writer *w, uint64_t request, uint32_t subscription, uint32_t jobs, uint32_t bytes)
{
    if (begin(w, MARTLET_OP_CREDIT, request)) return MARTLET_E_ARGUMENT;
    u32(w, subscription);
    u32(w, jobs);
    u32(w, bytes);
    return finish(w);
}

int martlet_settle_begin(martlet_writer *w, uint64_t request)
{
    if (begin(w, MARTLET_OP_SETTLE, request)) return MARTLET_E_ARGUMENT;
    w->count_at = w->length;
    u16(w, 0);
    return w->failed ? give_up(w, w->failed) : MARTLET_OK;
}

enum { COMPLETE = 1, FAIL, RELEASE, EXTEND };

/* An outcome up to its detail, which is to be ended with end_sized(…, 4). */
static size_t outcome(martlet_writer *w, int kind, uint64_t id, uint64_t token)
{
    unsigned char *at = grow(w, 21);
    if (at) {
        at[0] = (unsigned char)kind;
        store(at + 1, id, 8);
        store(at + 9, token, 8);
        store(at + 17, 0, 4);
    }
    return w->length;
}

int martlet_settle_complete(martlet_writer *w, uint64_t id, uint64_t token, const martlet_payload *result)
{
    if (w->opcode != MARTLET_OP_SETTLE) return MARTLET_E_ARGUMENT;
    size_t at = outcome(w, COMPLETE, id, token);
    if (result) {
        put_payload(w, result);
        end_sized(w, at, 4);
    }
    return counted(w);
}

int martlet_settle_fail(martlet_writer *w, uint64_t id, uint64_t token, const martlet_failure *f)
{
    if (w->opcode != MARTLET_OP_SETTLE) return MARTLET_E_ARGUMENT;
    size_t at = outcome(w, FAIL, id, token);
    sized(w, 2, f->message);
    if (f->error_class.length) option(w, 1, f->error_class);
    if (f->stack.length) option(w, 2, f->stack);
    if (f->has_retry_after) option_int(w, 3, f->retry_after, 8);
    if (f->discard) option(w, 4, (martlet_bytes){ NULL, 0 });
    if (f->has_fingerprint) option_int(w, 5, f->fingerprint, 8);
    end_sized(w, at, 4);
    return counted(w);
}

int martlet_settle_release(martlet_writer *w, uint64_t id, uint64_t token)
{
    if (w->opcode != MARTLET_OP_SETTLE) return MARTLET_E_ARGUMENT;
    outcome(w, RELEASE, id, token);
    return counted(w);
}

int martlet_settle_extend(martlet_writer *w, uint64_t id, uint64_t token, uint32_t milliseconds)
{
    if (w->opcode != MARTLET_OP_SETTLE) return MARTLET_E_ARGUMENT;
    size_t at = outcome(w, EXTEND, id, token);
    u32(w, milliseconds);
    end_sized(w, at, 4);
    return counted(w);
}

int martlet_settle_end(martlet_writer *w)
{
    if (w->opcode != MARTLET_OP_SETTLE) return MARTLET_E_ARGUMENT;
    store(w->at + w->count_at, w->count, 2);
    return finish(w);
}

int martlet_put_holding(martlet_writer *w, uint64_t request, int complete, const martlet_held_run *runs, size_t count)
{
    if (count > UINT16_MAX || begin(w, MARTLET_OP_HOLDING, request)) return MARTLET_E_ARGUMENT;
    u8(w, complete ? 1 : 0);
    u16(w, count);
    for (size_t i = 0; i < count; i++) {
        u64(w, runs[i].token);
        u64(w, runs[i].first_id);
        u16(w, runs[i].jobs);
    }
    return finish(w);
}

int martlet_put_progress(martlet_writer *w, uint64_t request, uint64_t id, uint64_t token, uint16_t done,
                         martlet_bytes message)
{
    if (begin(w, MARTLET_OP_PROGRESS, request)) return MARTLET_E_ARGUMENT;
    u64(w, id);
    u64(w, token);
    u16(w, done);
    sized(w, 2, message);
    return finish(w);
}

int martlet_put_log(martlet_writer *w, uint64_t request, uint64_t id, uint64_t token, const martlet_bytes *lines,
                    size_t count)
{
    if (count > UINT16_MAX || begin(w, MARTLET_OP_LOG, request)) return MARTLET_E_ARGUMENT;
    u64(w, id);
    u64(w, token);
    u16(w, count);
    for (size_t i = 0; i < count; i++) sized(w, 2, lines[i]);
    return finish(w);
}

int martlet_put_checkpoint(martlet_writer *w, uint64_t request, uint64_t id, uint64_t token, martlet_bytes bytes)
{
    if (begin(w, MARTLET_OP_CHECKPOINT, request)) return MARTLET_E_ARGUMENT;
    u64(w, id);
    u64(w, token);
    sized(w, 4, bytes);
    return finish(w);
}

int martlet_put_get(martlet_writer *w, uint64_t request, uint64_t id, uint8_t flags)
{
    if (begin(w, MARTLET_OP_GET, request)) return MARTLET_E_ARGUMENT;
    u64(w, id);
    u8(w, flags);
    return finish(w);
}

int martlet_put_wait(martlet_writer *w, uint64_t request, uint64_t id, uint32_t milliseconds, uint8_t flags)
{
    if (begin(w, MARTLET_OP_WAIT, request)) return MARTLET_E_ARGUMENT;
    u64(w, id);
    u32(w, milliseconds);
    u8(w, flags);
    return finish(w);
}

int martlet_put_dictionary_get(martlet_writer *w, uint64_t request, uint32_t id, const char *type, uint32_t known)
{
    if (begin(w, MARTLET_OP_DICTIONARY_GET, request)) return MARTLET_E_ARGUMENT;
    u32(w, id);
    sized(w, 1, martlet_text(type));
    u32(w, known);
    return finish(w);
}

int martlet_put_queues(martlet_writer *w, uint64_t request, const char *queue, martlet_bytes cursor)
{
    if (begin(w, MARTLET_OP_QUEUES, request)) return MARTLET_E_ARGUMENT;
    sized(w, 1, martlet_text(queue));
    sized(w, 1, cursor);
    return finish(w);
}

int martlet_put_act(martlet_writer *w, uint64_t request, uint8_t action, const uint64_t *ids, size_t count,
                    const martlet_act_options *o)
{
    if (count > UINT16_MAX || begin(w, MARTLET_OP_ACT, request)) return MARTLET_E_ARGUMENT;
    u8(w, action);
    u16(w, count);
    for (size_t i = 0; i < count; i++) u64(w, ids[i]);
    if (o && o->reason.length) option(w, 1, o->reason);
    if (o && o->has_grace) option_int(w, 2, o->grace, 4);
    if (o && o->keep_counters) option(w, 3, (martlet_bytes){ NULL, 0 });
    if (o && o->has_priority) option_int(w, 4, o->priority, 1);
    if (o && o->run_at) option_int(w, 5, o->run_at, 8);
    return finish(w);
}

/* ---------- reader ---------- */

static uint64_t load(const unsigned char *at, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) v |= (uint64_t)at[i] << (8 * i);
    return v;
}

int martlet_reader_room(martlet_reader *r, size_t least, void **at, size_t *room)
{
    if (r->begin == r->end) r->begin = r->end = 0;
    if (r->capacity - r->end < least) {
        memmove(r->at ? r->at : (unsigned char *)"", r->at ? r->at + r->begin : (unsigned char *)"", r->end - r->begin);
        r->end -= r->begin;
        r->begin = 0;
    }
    if (r->capacity - r->end < least) {
        size_t capacity = r->end + least < 2 * READ ? 2 * READ : (r->end + least) * 2;
        unsigned char *p = realloc(r->at, capacity);
        if (!p) return MARTLET_E_MEMORY;
        r->at = p;
        r->capacity = capacity;
    }
    *at = r->at + r->end;
    *room = r->capacity - r->end;
    return MARTLET_OK;
}

void martlet_reader_add(martlet_reader *r, size_t length) { r->end += length; }

void martlet_reader_free(martlet_reader *r)
{
    free(r->at);
    free(r->joined);
    for (int i = 0; i < 8; i++) free(r->parts[i].at);
    memset(r, 0, sizeof *r);
}

/* The place of the message that a frame is part of: where its first frames are, or with `more` a free one. */
static int part_of(const martlet_reader *r, uint8_t opcode, uint64_t request, int more)
{
    int free_one = -1;
    for (int i = 0; i < 8; i++) {
        if (!r->parts[i].opcode) free_one = i;
        else if (r->parts[i].opcode == opcode && r->parts[i].request == request) return i;
    }
    return more ? free_one : -1;
}

/* A frame of a message in several: 1 when it was the last, and *m is the message. */
static int join(martlet_reader *r, int part, const unsigned char *body, size_t length, int more, martlet_message *m)
{
    size_t most = r->message_bytes_max ? r->message_bytes_max : 33u << 20;
    size_t have = r->parts[part].length;
    if (length > most - have) return MARTLET_E_PROTOCOL;
    r->parts[part].opcode = m->opcode;
    r->parts[part].request = m->request;
    if (r->parts[part].capacity - have < length) {
        size_t capacity = (have + length) * 2 < most ? (have + length) * 2 : most;
        unsigned char *p = realloc(r->parts[part].at, capacity);
        if (!p) return MARTLET_E_MEMORY;
        r->parts[part].at = p;
        r->parts[part].capacity = capacity;
    }
    if (length) memcpy(r->parts[part].at + have, body, length);
    r->parts[part].length += length;
    if (more) return 0;
    r->joined = r->parts[part].at;
    m->body = (martlet_bytes){ r->joined, r->parts[part].length };
    memset(&r->parts[part], 0, sizeof r->parts[part]);
    return 1;
}

int martlet_reader_next(martlet_reader *r, martlet_message *m)
{
    free(r->joined);
    r->joined = NULL;
    while (r->end - r->begin >= HEADER) {
        const unsigned char *at = r->at + r->begin;
        size_t length = (size_t)load(at, 4), most = r->frame_bytes_max ? r->frame_bytes_max : 1u << 20;
        int more = at[5] & MORE;
        if (length > most || (at[5] & ~MORE) || at[6] || at[7]) return MARTLET_E_PROTOCOL;
        if (r->end - r->begin - HEADER < length) return 0;
        m->opcode = at[4];
        m->request = load(at + 8, 8);
        if (!m->opcode) return MARTLET_E_PROTOCOL;
        r->begin += HEADER + length;
        int part = part_of(r, m->opcode, m->request, more);
        if (part < 0 && more) return MARTLET_E_PROTOCOL;
        if (part < 0) {
            m->body = (martlet_bytes){ at + HEADER, length };
            return 1;
        }
        int joined = join(r, part, at + HEADER, length, more, m);
        if (joined) return joined;
    }
    return 0;
}

/* ---------- messages in ---------- */

/* Reads from the front; what is not there reads as zero and sets `bad`. */
typedef struct { const unsigned char *at, *end; int bad; unsigned tag; } cursor;

static cursor cursor_of(martlet_bytes b) { return (cursor){ b.at, (const unsigned char *)b.at + b.length, 0, 0 }; }

static martlet_bytes take(cursor *c, uint64_t n)
{
    if ((uint64_t)(c->end - c->at) < n) {
        c->bad = 1;
        c->at = c->end;
        return (martlet_bytes){ c->at, 0 };
    }
    c->at += n;
    return (martlet_bytes){ c->at - n, (size_t)n };
}
static uint64_t take_int(cursor *c, int bytes)
{
    martlet_bytes b = take(c, (uint64_t)bytes);
    return b.length ? load(b.at, bytes) : 0;
}
#define TAKE8(c) ((uint8_t)take_int((c), 1))
#define TAKE16(c) ((uint16_t)take_int((c), 2))
#define TAKE32(c) ((uint32_t)take_int((c), 4))
#define TAKE64(c) take_int((c), 8)

static martlet_bytes take_sized(cursor *c, int bytes) { return take(c, take_int(c, bytes)); }
static martlet_bytes take_rest(cursor *c) { return take(c, (uint64_t)(c->end - c->at)); }
static int ended(const cursor *c) { return c->bad || c->at != c->end ? MARTLET_E_PROTOCOL : MARTLET_OK; }

static martlet_payload take_payload(cursor *c)
{
    martlet_payload p;
    p.codec = TAKE8(c);
    p.raw_bytes = TAKE32(c);
    p.checksum = TAKE32(c);
    p.bytes = take_sized(c, 4);
    return p;
}

/* The next tagged field; tags must ascend. */
static int take_option(cursor *c, unsigned *tag, cursor *value)
{
    if (c->bad || c->at == c->end) return 0;
    *tag = TAKE16(c);
    *value = cursor_of(take_sized(c, 4));
    if (*tag <= c->tag) c->bad = 1;
    c->tag = *tag;
    return !c->bad;
}

static int skip_options(cursor *c)
{
    unsigned tag;
    cursor value;
    while (take_option(c, &tag, &value)) {}
    return ended(c);
}

/* After the fields of a known option: none may be missing, and none left over. */
static void option_ended(cursor *options, const cursor *value)
{
    if (ended(value)) options->bad = 1;
}

int martlet_get_welcome(const martlet_message *m, martlet_welcome *w)
{
    cursor c = cursor_of(m->body);
    w->version = TAKE16(&c);
    w->session = TAKE64(&c);
    w->secret = TAKE64(&c);
    w->resumed = TAKE8(&c);
    w->server_time = TAKE64(&c);
    w->frame_bytes_max = TAKE32(&c);
    w->message_bytes_max = TAKE32(&c);
    w->payload_bytes_max = TAKE32(&c);
    w->batch_max = TAKE32(&c);
    w->requests_in_flight_max = TAKE32(&c);
    w->bytes_in_flight_max = TAKE32(&c);
    w->subscriptions_max = TAKE32(&c);
    w->idle_milliseconds = TAKE32(&c);
    w->lease_milliseconds = TAKE32(&c);
    w->grace_milliseconds = TAKE32(&c);
    w->server = take_sized(&c, 1);
    return skip_options(&c);
}

/* What an error code alone does not say: flags, retry after, limit, actual, sentence. */
static void take_error(cursor *c, unsigned code, martlet_error *e)
{
    memset(e, 0, sizeof *e);
    e->result = MARTLET_E_REFUSED;
    e->code = code;
    uint8_t flags = TAKE8(c);
    e->retryable = flags & 1;
    e->closes = flags >> 1 & 1;
    e->retry_after = TAKE32(c);
    e->limit = TAKE64(c);
    e->actual = TAKE64(c);
    martlet_bytes text = take_sized(c, 2);
    size_t n = text.length < sizeof e->message ? text.length : sizeof e->message - 1;
    if (n) memcpy(e->message, text.at, n);
}

int martlet_get_error(const martlet_message *m, martlet_error *e)
{
    cursor c = cursor_of(m->body);
    unsigned code = TAKE16(&c);
    take_error(&c, code, e);
    return ended(&c);
}

int martlet_get_draining(const martlet_message *m, uint32_t *milliseconds)
{
    cursor c = cursor_of(m->body);
    *milliseconds = TAKE32(&c);
    return ended(&c);
}

int martlet_get_answers(const martlet_message *m, martlet_answers *a)
{
    cursor c = cursor_of(m->body);
    memset(a, 0, sizeof *a);
    a->opcode = m->opcode;
    if (m->opcode == MARTLET_OP_SUBMITTED) {
        a->durability = TAKE8(&c);
        a->flags = TAKE8(&c);
    }
    a->count = a->items_left = TAKE16(&c);
    a->runs = TAKE16(&c);
    a->at = c.at;
    a->end = c.end;
    return c.bad ? MARTLET_E_PROTOCOL : MARTLET_OK;
}

int martlet_next_answer(martlet_answers *a, martlet_answer *run)
{
    cursor c = { a->at, a->end, 0, 0 };
    if (!a->runs) return a->items_left || c.at != c.end ? MARTLET_E_PROTOCOL : 0;
    run->items = TAKE16(&c);
    run->code = TAKE16(&c);
    run->first_id = 0;
    run->state = 0;
    if (run->code) take_error(&c, run->code, &run->error);
    else if (a->opcode == MARTLET_OP_SUBMITTED) run->first_id = TAKE64(&c);
    else if (a->opcode == MARTLET_OP_ACTED) run->state = TAKE8(&c);
    if (c.bad || !run->items || run->items > a->items_left) return MARTLET_E_PROTOCOL;
    a->items_left = (uint16_t)(a->items_left - run->items);
    a->runs--;
    a->at = c.at;
    return 1;
}

int martlet_get_jobs(const martlet_message *m, martlet_jobs *j)
{
    cursor c = cursor_of(m->body);
    memset(j, 0, sizeof *j);
    j->subscription = TAKE32(&c);
    j->token = TAKE64(&c);
    j->lease_milliseconds = TAKE32(&c);
    j->type_count = TAKE16(&c);
    j->types = j->type_at = c.at;
    for (unsigned i = 0; i < j->type_count && !c.bad; i++) take_sized(&c, 1);
    j->types_end = c.at;
    j->count = TAKE16(&c);
    j->at = c.at;
    j->end = c.end;
    return c.bad ? MARTLET_E_PROTOCOL : MARTLET_OK;
}

static martlet_bytes type_name(martlet_jobs *j, uint16_t index)
{
    if (index < j->type_index) {
        j->type_index = 0;
        j->type_at = j->types;
    }
    for (; j->type_index < index; j->type_index++) j->type_at += 1 + *j->type_at;
    return (martlet_bytes){ j->type_at + 1, *j->type_at };
}

static void take_delivery_options(cursor *c, martlet_delivery *d)
{
    unsigned tag;
    cursor v;
    while (take_option(c, &tag, &v)) {
        switch (tag) {
        case 1: d->headers = take_rest(&v); break;
        case 2: d->checkpoint = take_rest(&v); break;
        case 3: d->timeout = TAKE32(&v); break;
        case 4: d->tags = take_rest(&v); break;
        case 5: d->priority = TAKE8(&v); break;
        default: take_rest(&v);
        }
        option_ended(c, &v);
    }
}

int martlet_next_delivery(martlet_jobs *j, martlet_delivery *d)
{
    cursor c = { j->at, j->end, 0, 0 };
    if (!j->count) return c.at != c.end ? MARTLET_E_PROTOCOL : 0;
    memset(d, 0, sizeof *d);
    d->subscription = j->subscription;
    d->token = j->token;
    d->lease_milliseconds = j->lease_milliseconds;
    d->priority = 128;
    d->id = TAKE64(&c);
    uint16_t type = TAKE16(&c);
    d->failures = TAKE16(&c);
    d->crashes = TAKE16(&c);
    d->interruptions = TAKE16(&c);
    d->max_attempts = TAKE16(&c);
    d->created_at = TAKE64(&c);
    d->payload = take_payload(&c);
    cursor options = cursor_of(take_sized(&c, 4));
    take_delivery_options(&options, d);
    if (c.bad || options.bad || type >= j->type_count) return MARTLET_E_PROTOCOL;
    d->type = type_name(j, type);
    j->count--;
    j->at = c.at;
    return 1;
}

int martlet_next_tag(martlet_bytes *list, martlet_bytes *tag)
{
    cursor c = cursor_of(*list);
    if (!list->length) return 0;
    *tag = take_sized(&c, 1);
    *list = take_rest(&c);
    return c.bad ? MARTLET_E_PROTOCOL : 1;
}

int martlet_next_header(martlet_bytes *list, martlet_header *h)
{
    cursor c = cursor_of(*list);
    if (!list->length) return 0;
    h->name = take_sized(&c, 1);
    h->value = take_sized(&c, 2);
    *list = take_rest(&c);
    return c.bad ? MARTLET_E_PROTOCOL : 1;
}

int martlet_get_cancels(const martlet_message *m, martlet_cancels *l)
{
    cursor c = cursor_of(m->body);
    l->count = TAKE16(&c);
    l->at = c.at;
    l->end = c.end;
    return c.bad ? MARTLET_E_PROTOCOL : MARTLET_OK;
}

int martlet_next_cancel(martlet_cancels *l, martlet_cancel *k)
{
    cursor c = { l->at, l->end, 0, 0 };
    if (!l->count) return c.at != c.end ? MARTLET_E_PROTOCOL : 0;
    k->id = TAKE64(&c);
    k->token = TAKE64(&c);
    k->grace = TAKE32(&c);
    k->reason = take_sized(&c, 2);
    if (c.bad) return MARTLET_E_PROTOCOL;
    l->count--;
    l->at = c.at;
    return 1;
}

static void take_job_option(unsigned tag, cursor *v, martlet_job *j)
{
    switch (tag) {
    case 1: j->error = take_rest(v); break;
    case 2: j->progress = TAKE16(v); j->progress_message = take_sized(v, 2); break;
    case 3: j->has_payload = 1; j->payload = take_payload(v); break;
    case 4: j->has_result = 1; j->result = take_payload(v); break;
    case 5: j->lease_ends = TAKE64(v); break;
    case 6: j->session = TAKE64(v); break;
    case 7: j->priority = TAKE8(v); break;
    case 8: j->tags = take_rest(v); break;
    case 9: j->headers = take_rest(v); break;
    case 10:
        j->unique.scope = TAKE8(v);
        j->unique.held = TAKE8(v);
        j->unique.until = TAKE64(v);
        j->unique.key = take_sized(v, 1);
        break;
    case 11: j->timeout = TAKE32(v); break;
    case 12: j->expires_at = TAKE64(v); break;
    case 13: j->error_class = take_rest(v); break;
    case 14: j->error_stack = take_rest(v); break;
    case 15: j->fingerprint = TAKE64(v); break;
    case 16:
        j->cancel.requested = TAKE64(v);
        j->cancel.grace_ends = TAKE64(v);
        j->cancel.reason = take_sized(v, 2);
        break;
    case 17: j->checkpoint_bytes = TAKE32(v); break;
    case 18:
        j->retried.times = TAKE16(v);
        j->retried.last = TAKE64(v);
        j->retried.state = TAKE8(v);
        break;
    case 19: j->log_lines.first = TAKE64(v); j->log_lines.next = TAKE64(v); break;
    case 20: j->worker = take_rest(v); break;
    case 21: j->vanishes_at = TAKE64(v); break;
    default: take_rest(v);
    }
}

int martlet_get_job(const martlet_message *m, martlet_job *j)
{
    cursor c = cursor_of(m->body), v;
    unsigned tag;
    memset(j, 0, sizeof *j);
    j->priority = 128;
    j->id = TAKE64(&c);
    j->state = TAKE8(&c);
    j->attempts = TAKE16(&c);
    j->failures = TAKE16(&c);
    j->crashes = TAKE16(&c);
    j->interruptions = TAKE16(&c);
    j->max_attempts = TAKE16(&c);
    j->created_at = TAKE64(&c);
    j->due_at = TAKE64(&c);
    j->started_at = TAKE64(&c);
    j->finished_at = TAKE64(&c);
    j->payload_bytes = TAKE32(&c);
    j->queue = take_sized(&c, 1);
    j->type = take_sized(&c, 1);
    while (take_option(&c, &tag, &v)) {
        take_job_option(tag, &v, j);
        option_ended(&c, &v);
    }
    return ended(&c);
}

int martlet_get_queues(const martlet_message *m, martlet_queues *q)
{
    cursor c = cursor_of(m->body);
    q->count = TAKE16(&c);
    q->at = c.at;
    for (unsigned i = 0; i < q->count && !c.bad; i++) take_sized(&c, 4);
    q->end = c.at;
    q->cursor = take_sized(&c, 1);
    return ended(&c);
}

int martlet_get_dictionary(const martlet_message *m, martlet_dictionary *d)
{
    cursor c = cursor_of(m->body);
    d->id = TAKE32(&c);
    d->type = take_sized(&c, 1);
    d->version = TAKE32(&c);
    d->state = TAKE8(&c);
    d->created_at = TAKE64(&c);
    d->retired_at = TAKE64(&c);
    d->length = TAKE32(&c);
    d->checksum = TAKE32(&c);
    d->references = TAKE64(&c);
    d->bytes = take_sized(&c, 4);
    return ended(&c);
}

int martlet_next_queue(martlet_queues *l, martlet_queue *q)
{
    cursor list = { l->at, l->end, 0, 0 };
    if (!l->count) return 0;
    cursor c = cursor_of(take_sized(&list, 4));
    q->name = take_sized(&c, 1);
    q->ready = TAKE64(&c);
    q->running = TAKE64(&c);
    q->scheduled = TAKE64(&c);
    q->held = TAKE64(&c);
    q->dead = TAKE64(&c);
    q->completed = TAKE64(&c);
    q->retained = TAKE64(&c);
    q->oldest_ready = TAKE64(&c);
    q->subscribers = TAKE32(&c);
    q->options = (martlet_bytes){ c.at, (size_t)(c.end - c.at) };
    if (list.bad || skip_options(&c)) return MARTLET_E_PROTOCOL;
    l->count--;
    l->at = list.at;
    return 1;
}

/* ---------- connection ---------- */

/* A message that came while something else was waited for. */
struct aside {
    struct aside *next;
    martlet_message message;
    unsigned char body[];
};

struct martlet {
    int fd, timeout, welcomed;
    martlet_writer out;
    size_t sent; /* bytes of `out` that the socket has taken */
    martlet_reader in;
    uint64_t requests;
    int64_t last_sent;
    martlet_welcome welcome;
    char server[256];
    martlet_error error;
    struct aside *first, **last, *current;
    struct aside *fetched; /* the JOBS that martlet_fetch() is reading, and the payload it handed out last */
    martlet_jobs jobs;
    void *opened;
};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int failed(martlet *c, int result, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int failed(martlet *c, int result, const char *format, ...)
{
    va_list ap;
    memset(&c->error, 0, sizeof c->error);
    c->error.result = result;
    if (result == MARTLET_E_SYSTEM) c->error.system = errno;
    va_start(ap, format);
    vsnprintf(c->error.message, sizeof c->error.message, format, ap);
    va_end(ap);
    return result;
}
static int failed_as(martlet *c, int result)
{
    const char *why = result == MARTLET_E_MEMORY     ? "out of memory"
                      : result == MARTLET_E_ARGUMENT ? "a text or list is too long, or a message is not ended"
                                                     : "what the server sent is no Martlet message";
    return failed(c, result, "%s", why);
}

uint64_t martlet_request(martlet *c) { return ++c->requests; }
martlet_writer *martlet_output(martlet *c) { return &c->out; }
int martlet_socket(const martlet *c) { return c->fd; }
const martlet_welcome *martlet_server(const martlet *c) { return &c->welcome; }
const martlet_error *martlet_last_error(const martlet *c) { return &c->error; }

/* Read what is there into the reader: bytes read, 0 when there is none (or none in time). */
static int fill(martlet *c, int flags)
{
    void *at;
    size_t room;
    if (martlet_reader_room(&c->in, READ, &at, &room)) return failed_as(c, MARTLET_E_MEMORY);
    for (;;) {
        ssize_t n = recv(c->fd, at, room, flags);
        if (n > 0) {
            martlet_reader_add(&c->in, (size_t)n);
            return 1;
        }
        if (n == 0) return failed(c, MARTLET_E_CLOSED, "the server closed the connection");
        if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
        if (errno != EINTR) return failed(c, MARTLET_E_SYSTEM, "receiving: %s", strerror(errno));
    }
}

static int remaining(int timeout, int64_t since)
{
    if (timeout <= 0) return timeout;
    int64_t left = since + timeout - now();
    return left > 0 ? (int)left : 0;
}

int martlet_flush(martlet *c, int timeout)
{
    martlet_writer *w = &c->out;
    if (w->opcode) return failed_as(c, MARTLET_E_ARGUMENT);
    if (c->sent == w->length) return MARTLET_OK;
    int64_t begun = c->last_sent = now();
    while (c->sent < w->length) {
        ssize_t n = send(c->fd, w->at + c->sent, w->length - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            c->sent += (size_t)n;
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) return failed(c, MARTLET_E_SYSTEM, "sending: %s", strerror(errno));
        /* The server may be waiting for us to read its replies before it takes more. */
        struct pollfd p = { c->fd, POLLIN | POLLOUT, 0 };
        int left = remaining(timeout, begun);
        if (left == 0 || poll(&p, 1, left) == 0) {
            memmove(w->at, w->at + c->sent, w->length - c->sent);
            w->length -= c->sent;
            c->sent = 0;
            return 1;
        }
        if (p.revents & (POLLIN | POLLHUP | POLLERR)) {
            int got = fill(c, MSG_DONTWAIT);
            if (got < 0) return got;
        }
    }
    w->length = c->sent = 0;
    return MARTLET_OK;
}

/* The longest that a client should be silent; 0: the server does not mind. */
static int ping_milliseconds(const martlet *c) { return (int)(c->welcome.idle_milliseconds / 3); }

/* Say that we live when nothing was sent for that long. */
static int keep_alive(martlet *c)
{
    int64_t rhythm = ping_milliseconds(c);
    if (c->out.opcode || !rhythm || now() - c->last_sent < rhythm) return MARTLET_OK;
    martlet_put(&c->out, MARTLET_OP_PING, 0, (martlet_bytes){ NULL, 0 });
    return martlet_flush(c, 0);
}

/* Wait for input: 1 when there is some, 0 when the time is over. */
static int wait_for_input(martlet *c, int timeout, int64_t begun)
{
    for (;;) {
        int result = keep_alive(c);
        if (result < 0) return result;
        if (timeout == 0) return fill(c, MSG_DONTWAIT);
        if (timeout < 0) { /* the socket's own limit wakes us in time for a PING */
            result = fill(c, 0);
            if (result) return result;
            continue;
        }
        struct pollfd p = { c->fd, POLLIN, 0 };
        int left = remaining(timeout, begun), ping = ping_milliseconds(c);
        int n = poll(&p, 1, ping && left > ping ? ping : left);
        if (n < 0 && errno != EINTR) return failed(c, MARTLET_E_SYSTEM, "waiting: %s", strerror(errno));
        if (n > 0 || remaining(timeout, begun) == 0) return fill(c, MSG_DONTWAIT);
    }
}

/* The server's limits have come, at first or changed. */
static int take_welcome(martlet *c, const martlet_message *m)
{
    martlet_welcome w;
    if (martlet_get_welcome(m, &w)) return failed_as(c, MARTLET_E_PROTOCOL);
    memcpy(c->server, w.server.at, w.server.length);
    w.server.at = c->server;
    c->welcome = w;
    c->in.frame_bytes_max = c->welcome.frame_bytes_max;
    c->in.message_bytes_max = c->welcome.message_bytes_max;
    c->out.frame_bytes = c->welcome.frame_bytes_max < PIECE ? c->welcome.frame_bytes_max : PIECE;
    int ping = ping_milliseconds(c);
    struct timeval t = { ping / 1000, ping % 1000 * 1000 };
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    return MARTLET_OK;
}

/* The next message from the socket, whatever was set aside. */
static int next_message(martlet *c, martlet_message *m, int timeout)
{
    int64_t begun = timeout > 0 ? now() : 0;
    int sent = martlet_flush(c, timeout);
    if (sent < 0) return sent;
    for (;;) {
        int got = martlet_reader_next(&c->in, m);
        if (got < 0) return failed_as(c, got);
        if (got == 0) {
            got = wait_for_input(c, timeout, begun);
            if (got <= 0) return got;
            continue;
        }
        if (m->opcode == MARTLET_OP_ERROR) {
            martlet_error e;
            if (martlet_get_error(m, &e)) return failed_as(c, MARTLET_E_PROTOCOL);
            if (!e.closes) return 1;
            c->error = e;
            return c->error.result = MARTLET_E_CLOSED;
        }
        if (m->opcode != MARTLET_OP_WELCOME) return 1;
        int result = take_welcome(c, m);
        if (result) return result;
        if (!c->welcomed) return c->welcomed = 1;
    }
}

static struct aside *copy(const martlet_message *m)
{
    struct aside *a = malloc(sizeof *a + m->body.length);
    if (!a) return NULL;
    a->next = NULL;
    a->message = *m;
    a->message.body.at = a->body;
    if (m->body.length) memcpy(a->body, m->body.at, m->body.length);
    return a;
}

int martlet_receive(martlet *c, martlet_message *m, int timeout)
{
    free(c->current);
    c->current = c->first;
    if (!c->current) return next_message(c, m, timeout);
    c->first = c->current->next;
    if (!c->first) c->last = &c->first;
    *m = c->current->message;
    return 1;
}

int martlet_pending(const martlet *c)
{
    size_t n = c->in.end - c->in.begin;
    return c->first || (n >= HEADER && n - HEADER >= load(c->in.at + c->in.begin, 4));
}

static int is_push(uint8_t opcode)
{
    return (opcode & 0xf0) == 0xa0 || opcode == MARTLET_OP_DRAINING;
}

/* The reply to a request; whatever else comes is set aside. */
static int await(martlet *c, uint64_t request, uint8_t opcode, int timeout, martlet_message *m)
{
    int64_t begun = now();
    for (;;) {
        int got = next_message(c, m, remaining(timeout, begun));
        if (got < 0) return got;
        if (got == 0) return failed(c, MARTLET_E_TIMEOUT, "no reply within %d ms", timeout);
        if (!is_push(m->opcode) && m->request == request) break;
        struct aside *a = copy(m);
        if (!a) return failed_as(c, MARTLET_E_MEMORY);
        *c->last = a;
        c->last = &a->next;
    }
    if (m->opcode == opcode) return MARTLET_OK;
    if (m->opcode != MARTLET_OP_ERROR) return failed_as(c, MARTLET_E_PROTOCOL);
    martlet_get_error(m, &c->error);
    return MARTLET_E_REFUSED;
}

static int say_hello(martlet *c, const martlet_settings *s)
{
    char host[256] = "";
    martlet_message m;
    gethostname(host, sizeof host - 1);
    martlet_hello hello = {
        .client = martlet_text(s->client ? s->client : "martlet-c"), .token = martlet_text(s->token),
        .session = s->session, .secret = s->secret, .zstd = 1,
        .host = martlet_text(host), .pid = (uint32_t)getpid(),
    };
    int result = martlet_put_preface(&c->out);
    if (!result) result = martlet_put_hello(&c->out, martlet_request(c), &hello);
    if (result) return failed_as(c, result);
    return await(c, 1, MARTLET_OP_WELCOME, c->timeout, &m);
}

static int open_socket(martlet *c, const martlet_settings *s)
{
    char port[8];
    const char *host = s->host ? s->host : "127.0.0.1";
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    snprintf(port, sizeof port, "%u", s->port ? s->port : 7410u);
    int lookup = getaddrinfo(host, port, &hints, &found);
    if (lookup) return failed(c, MARTLET_E_SYSTEM, "%s: %s", host, gai_strerror(lookup));
    struct timeval t = { c->timeout / 1000, c->timeout % 1000 * 1000 };
    int one = 1, result = failed(c, MARTLET_E_SYSTEM, "%s: no address", host);
    for (struct addrinfo *a = found; a && result; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t); /* connect() obeys it too */
        if (fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen)) {
            result = failed(c, MARTLET_E_SYSTEM, "cannot reach %s:%s: %s. Is the server running?", host, port,
                            strerror(errno));
            if (fd >= 0) close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->fd = fd;
        result = MARTLET_OK;
    }
    freeaddrinfo(found);
    return result;
}

martlet *martlet_connect(const martlet_settings *s, martlet_error *error)
{
    martlet *c = calloc(1, sizeof *c);
    if (!c) {
        if (error) *error = (martlet_error){ .result = MARTLET_E_MEMORY, .message = "out of memory" };
        return NULL;
    }
    c->fd = -1;
    c->timeout = s->timeout ? s->timeout : 30000;
    c->last = &c->first;
    c->welcome.idle_milliseconds = 60000;
    if (!open_socket(c, s) && !say_hello(c, s)) return c;
    if (error) *error = c->error;
    martlet_close(c);
    return NULL;
}

void martlet_close(martlet *c)
{
    if (!c) return;
    if (c->fd >= 0) close(c->fd);
    free(c->out.at);
    martlet_reader_free(&c->in);
    while (c->first) {
        struct aside *next = c->first->next;
        free(c->first);
        c->first = next;
    }
    free(c->current);
    free(c->fetched);
    free(c->opened);
    free(c);
}

/* ---------- blocking helpers ---------- */

/* The one answer that a reply to one item has. */
static int one_answer(martlet *c, const martlet_message *m, martlet_answer *a)
{
    martlet_answers all;
    if (martlet_get_answers(m, &all) || all.count != 1 || martlet_next_answer(&all, a) != 1)
        return failed_as(c, MARTLET_E_PROTOCOL);
    if (!a->code) return MARTLET_OK;
    c->error = a->error;
    return MARTLET_E_REFUSED;
}

int martlet_submit(martlet *c, const char *queue, const char *type, const void *payload, size_t length,
                   const martlet_job_options *options, uint64_t *id)
{
    void *buffer;
    martlet_message m;
    martlet_answer a;
    uint64_t request = martlet_request(c);
    if (length > c->welcome.payload_bytes_max)
        return failed(c, MARTLET_E_ARGUMENT, "the payload has %zu bytes, the server's limit is %u", length,
                      (unsigned)c->welcome.payload_bytes_max);
    martlet_payload p = martlet_compressed(payload, length, &buffer);
    int result = martlet_submit_begin(&c->out, request, &(martlet_submission){ .queue = queue, .type = type });
    if (!result) result = martlet_submit_add(&c->out, &p, options);
    if (!result) result = martlet_submit_end(&c->out, NULL);
    free(buffer);
    if (result) return failed_as(c, result);
    result = await(c, request, MARTLET_OP_SUBMITTED, c->timeout, &m);
    if (!result) result = one_answer(c, &m, &a);
    if (result == MARTLET_E_REFUSED && c->error.code == MARTLET_DUPLICATE) {
        *id = c->error.actual;
        return MARTLET_OK;
    }
    if (!result) *id = a.first_id;
    return result;
}

/* Send what was written as `request`, whose reply says only that it was done. */
static int confirmed(martlet *c, uint64_t request, int written)
{
    martlet_message m;
    return written ? failed_as(c, written) : await(c, request, MARTLET_OP_DONE, c->timeout, &m);
}

int martlet_subscribe(martlet *c, uint32_t subscription, const char *queue, uint32_t credit)
{
    uint64_t request = martlet_request(c);
    martlet_subscription s = {
        .subscription = subscription, .queue = queue, .credit_jobs = credit, .credit_bytes = 64u << 20,
    };
    return confirmed(c, request, martlet_put_subscribe(&c->out, request, &s));
}

/* The next JOBS message, in memory of its own: settling reads from the connection too. */
static int fetch_jobs(martlet *c, int timeout)
{
    martlet_message m;
    int64_t begun = now();
    free(c->fetched);
    c->fetched = NULL;
    do {
        int got = martlet_receive(c, &m, remaining(timeout, begun));
        if (got <= 0) return got;
    } while (m.opcode != MARTLET_OP_JOBS);
    c->fetched = copy(&m);
    if (!c->fetched) return failed_as(c, MARTLET_E_MEMORY);
    return martlet_get_jobs(&c->fetched->message, &c->jobs) ? failed_as(c, MARTLET_E_PROTOCOL) : 1;
}

int martlet_fetch(martlet *c, martlet_delivery *d, martlet_bytes *payload, int timeout)
{
    int64_t begun = now();
    free(c->opened);
    c->opened = NULL;
    for (;;) {
        int got = c->fetched ? martlet_next_delivery(&c->jobs, d) : 0;
        if (got < 0) return failed_as(c, got);
        if (got == 0) {
            got = fetch_jobs(c, remaining(timeout, begun));
            if (got <= 0) return got;
            continue;
        }
        int result = martlet_open_payload(&d->payload, c->welcome.payload_bytes_max, payload, &c->opened);
        if (!result) return 1;
        if (result != MARTLET_E_DAMAGED) return failed_as(c, result);
        martlet_failure why = {
            .message = martlet_text("the payload does not match its check value or length"),
            .error_class = martlet_text("PayloadDamaged"),
        };
        result = martlet_settle_begin(&c->out, 0);
        if (!result) result = martlet_settle_fail(&c->out, d->id, d->token, &why);
        if (!result) result = martlet_settle_end(&c->out);
        if (result) return failed_as(c, result);
    }
}

/* Send the one outcome that was written as `request`. */
static int settled(martlet *c, uint64_t request, int written)
{
    martlet_message m;
    martlet_answer a;
    int result = written ? written : martlet_settle_end(&c->out);
    if (result) return failed_as(c, result);
    result = await(c, request, MARTLET_OP_SETTLED, c->timeout, &m);
    return result ? result : one_answer(c, &m, &a);
}

int martlet_complete(martlet *c, uint64_t id, uint64_t token, const void *result, size_t length)
{
    void *buffer = NULL;
    uint64_t request = martlet_request(c);
    martlet_payload p;
    if (length) p = martlet_compressed(result, length, &buffer);
    int written = martlet_settle_begin(&c->out, request);
    if (!written) written = martlet_settle_complete(&c->out, id, token, length ? &p : NULL);
    free(buffer);
    return settled(c, request, written);
}

int martlet_fail(martlet *c, uint64_t id, uint64_t token, const char *message)
{
    uint64_t request = martlet_request(c);
    int written = martlet_settle_begin(&c->out, request);
    martlet_failure why = { .message = martlet_text(message) };
    if (!written) written = martlet_settle_fail(&c->out, id, token, &why);
    return settled(c, request, written);
}

int martlet_release(martlet *c, uint64_t id, uint64_t token)
{
    uint64_t request = martlet_request(c);
    int written = martlet_settle_begin(&c->out, request);
    if (!written) written = martlet_settle_release(&c->out, id, token);
    return settled(c, request, written);
}

int martlet_extend(martlet *c, uint64_t id, uint64_t token, uint32_t milliseconds)
{
    uint64_t request = martlet_request(c);
    int written = martlet_settle_begin(&c->out, request);
    if (!written) written = martlet_settle_extend(&c->out, id, token, milliseconds);
    return settled(c, request, written);
}

static int answered(martlet *c, uint64_t request, int written, int timeout, martlet_job *job)
{
    martlet_message m;
    int result = written ? failed_as(c, written) : await(c, request, MARTLET_OP_JOB, timeout, &m);
    if (result) return result;
    return martlet_get_job(&m, job) ? failed_as(c, MARTLET_E_PROTOCOL) : MARTLET_OK;
}

int martlet_wait(martlet *c, uint64_t id, uint32_t milliseconds, martlet_job *job)
{
    uint64_t request = martlet_request(c);
    int written = martlet_put_wait(&c->out, request, id, milliseconds, MARTLET_WITH_RESULT);
    int most = milliseconds < 3600000 ? (int)milliseconds : 3600000; /* a longer wait is refused at once */
    return answered(c, request, written, c->timeout < 0 ? -1 : c->timeout + most, job);
}

int martlet_look(martlet *c, uint64_t id, martlet_job *job)
{
    uint64_t request = martlet_request(c);
    int written = martlet_put_get(&c->out, request, id, MARTLET_WITH_PAYLOAD | MARTLET_WITH_RESULT);
    return answered(c, request, written, c->timeout, job);
}

int martlet_bye(martlet *c)
{
    uint64_t request = martlet_request(c);
    return confirmed(c, request, martlet_put(&c->out, MARTLET_OP_BYE, request, (martlet_bytes){ NULL, 0 }));
}
