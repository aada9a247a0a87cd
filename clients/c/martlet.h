/* martlet.h - a client of the Martlet job server, in C.
 *
 * Two layers in one file:
 *
 *   messages    martlet_writer and martlet_reader turn messages into bytes and back. They own no
 *               socket and never wait: use them under any event loop.
 *   connection  `martlet` is a TCP connection on top of them, for one thread at a time. Requests can
 *               be pipelined (write many, flush once, read replies as they come), or made one by one
 *               with the blocking helpers at the end.
 *
 * What the messages mean is said in protocol/PROTOCOL.md; names here are the names there.
 *
 * Results     Functions that return int return MARTLET_OK (0, or a number that is said) or a negative
 *             MARTLET_E…; a server's refusal is MARTLET_E_REFUSED, and martlet_last_error() has its
 *             code and sentence.
 * Ownership   martlet_bytes borrows. What a decoded message points to is valid until the next call
 *             that reads from the same reader or connection. Arguments are copied before a call returns.
 * Units       lengths are bytes; times of day are milliseconds since 1970-01-01T00:00:00Z, 0 = none;
 *             durations are milliseconds. A `timeout` is in milliseconds too; below 0: for ever, 0: do not wait.
 * Text        is UTF-8, and never ends with a zero byte where it is martlet_bytes.
 *
 * Licence: Apache 2.0.
 */
#ifndef MARTLET_H
#define MARTLET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------- results and errors ---------- */

enum {
    MARTLET_OK = 0,
    MARTLET_E_SYSTEM = -1,   /* a system call failed; `system` has errno */
    MARTLET_E_CLOSED = -2,   /* the server closed the connection, or said that it will */
    MARTLET_E_PROTOCOL = -3, /* bytes that are no Martlet message, or not the one expected */
    MARTLET_E_MEMORY = -4,   /* malloc failed */
    MARTLET_E_ARGUMENT = -5, /* a text too long, too many items, calls out of order; nothing was written */
    MARTLET_E_TIMEOUT = -6,  /* no reply in time; it may still come */
    MARTLET_E_DAMAGED = -7,  /* a payload does not match its check value or its declared length */
    MARTLET_E_REFUSED = -8   /* the server answered with an error: `code` and below */
};

typedef struct {
    int result;           /* one of the above */
    int system;           /* errno, with MARTLET_E_SYSTEM */
    unsigned code;        /* the protocol's error code, with MARTLET_E_REFUSED and MARTLET_E_CLOSED; else 0 */
    int retryable;        /* the same request may succeed later */
    int closes;           /* the server closes the connection after this */
    uint32_t retry_after; /* ms; 0: no opinion */
    uint64_t limit, actual;
    char message[520];    /* a sentence, ended by a zero byte */
} martlet_error;

/* The protocol's codes that a program may want to tell apart; all are in PROTOCOL.md. */
enum {
    MARTLET_SESSION_TAKEN = 7, MARTLET_UNKNOWN_OPCODE = 10, MARTLET_QUEUE_NAME_INVALID = 20,
    MARTLET_PAYLOAD_TOO_LARGE = 23, MARTLET_SEQUENCE_FORGOTTEN = 29, MARTLET_DUPLICATE = 31,
    MARTLET_UNIQUE_TAKEN = 32, MARTLET_QUEUE_FULL = 34, MARTLET_JOB_NOT_FOUND = 40,
    MARTLET_LEASE_LOST = 42, MARTLET_QUEUE_NOT_FOUND = 43, MARTLET_WAIT_TIMEOUT = 44,
    MARTLET_STORE_FULL = 60, MARTLET_SERVER_DRAINING = 61, MARTLET_UNAVAILABLE = 62, MARTLET_DICTIONARY_UNKNOWN = 70
};

/* ---------- bytes and payloads ---------- */

typedef struct { const void *at; size_t length; } martlet_bytes;

/* The bytes of a C string, without its zero; NULL gives none. */
martlet_bytes martlet_text(const char *);

enum { MARTLET_PLAIN = 0, MARTLET_ZSTD = 1, MARTLET_ZSTD_DICTIONARY = 2 };

/* Job parameters or a result, as carried. */
typedef struct {
    uint8_t codec;      /* MARTLET_PLAIN, MARTLET_ZSTD, or MARTLET_ZSTD_DICTIONARY */
    uint32_t raw_bytes; /* length before compression */
    uint32_t checksum;  /* CRC32C of `bytes` */
    martlet_bytes bytes;
} martlet_payload;

/* CRC32C of `length` bytes, continued from `crc` (0 to begin). */
uint32_t martlet_crc32c(uint32_t crc, const void *, size_t length);

/* `length` bytes as they are. Points to them: they must stay until the payload has been written. */
martlet_payload martlet_plain(const void *, size_t length);

/* The same compressed, if that saves an eighth at least; else plain. *buffer is NULL or what the
 * payload points to: free() it after writing. */
martlet_payload martlet_compressed(const void *, size_t length, void **buffer);

/* Check a payload that came and inflate it. A payload that says it is longer than `raw_bytes_max`, or
 * that would not inflate to just the length it declares, is MARTLET_E_DAMAGED, and nothing is allocated
 * for it. *out points into the payload when it is plain (then *buffer is NULL), else to *buffer, which is
 * yours to free(). */
int martlet_open_payload(const martlet_payload *, size_t raw_bytes_max, martlet_bytes *out, void **buffer);

/* The id of the dictionary without which a payload can't be opened; 0: it needs none. */
uint32_t martlet_dictionary_of(const martlet_payload *);
/* The same as martlet_open_payload() for a payload that needs this dictionary, or none; with another one it is
 * MARTLET_E_ARGUMENT. */
int martlet_open_payload_with(const martlet_payload *, martlet_bytes dictionary, size_t raw_bytes_max,
                              martlet_bytes *out, void **buffer);

/* People read job ids as 12 digits: `text` gets them and a zero byte. */
void martlet_format_id(uint64_t id, char text[13]);
/* The id that `text` says, in either case; 0 when it says none. */
uint64_t martlet_parse_id(const char *text);

/* ---------- writing messages ---------- */

/* Messages written one behind the other. Begin with all zero; free(at) at the end. After a call that
 * failed the bytes are what they were before it. */
typedef struct {
    unsigned char *at;
    size_t length, capacity;
    size_t frame_bytes;      /* messages with a longer body are cut into several frames; 0: 256 KiB */
    size_t start, count_at;  /* private: the message being written */
    unsigned count;
    uint64_t request;
    uint8_t opcode;
    int failed;
} martlet_writer;

enum {
    MARTLET_OP_HELLO = 0x01, MARTLET_OP_PING = 0x02, MARTLET_OP_BYE = 0x03,
    MARTLET_OP_SUBMIT = 0x10, MARTLET_OP_DICTIONARY_GET = 0x13, MARTLET_OP_SUBSCRIBE = 0x20, MARTLET_OP_UNSUBSCRIBE = 0x21,
    MARTLET_OP_CREDIT = 0x22, MARTLET_OP_HOLDING = 0x23, MARTLET_OP_SETTLE = 0x30,
    MARTLET_OP_PROGRESS = 0x31, MARTLET_OP_LOG = 0x32, MARTLET_OP_CHECKPOINT = 0x33,
    MARTLET_OP_GET = 0x40, MARTLET_OP_WAIT = 0x41, MARTLET_OP_QUEUES = 0x43,
    MARTLET_OP_DRAIN = 0x50, MARTLET_OP_ACT = 0x51,
    MARTLET_OP_DONE = 0x80, MARTLET_OP_WELCOME = 0x81, MARTLET_OP_PONG = 0x82,
    MARTLET_OP_SUBMITTED = 0x90, MARTLET_OP_DICTIONARY = 0x92, MARTLET_OP_JOBS = 0xa0, MARTLET_OP_CANCEL = 0xa1,
    MARTLET_OP_SETTLED = 0xb0, MARTLET_OP_JOB = 0xc0, MARTLET_OP_QUEUE_PAGE = 0xc3,
    MARTLET_OP_DRAINING = 0xd0, MARTLET_OP_ACTED = 0xd1, MARTLET_OP_ERROR = 0xff
};

/* `request` is yours to choose and comes back in the reply; 0: no reply is wanted. On a connection take
 * martlet_request(). */

/* What comes before the first message on a connection: 8 bytes. */
int martlet_put_preface(martlet_writer *);

typedef struct {
    martlet_bytes client;     /* name and version of your program, for the server's logs */
    martlet_bytes token;      /* empty when none */
    uint64_t session, secret; /* of the session to resume; 0 */
    int zstd;                 /* compressed payloads are understood */
    int dictionaries;         /* those that need a dictionary, too */
    martlet_bytes host;       /* where this program runs; empty when not said */
    uint32_t pid;             /* 0: not said */
} martlet_hello;
int martlet_put_hello(martlet_writer *, uint64_t request, const martlet_hello *);

/* PING (with a body of at most 64 bytes), BYE and DRAIN (without one), and whatever has no function of its own
 * here: `body` as PROTOCOL.md says. */
int martlet_put(martlet_writer *, uint8_t opcode, uint64_t request, martlet_bytes body);

typedef struct { martlet_bytes name, value; } martlet_header;

/* Options of a job. `has` tells which fields count: MARTLET_HAS_… joined by |. Meaning, ranges and
 * defaults: the table at SUBMIT in PROTOCOL.md. */
enum {
    MARTLET_HAS_MAX_ATTEMPTS = 1 << 1, MARTLET_HAS_BACKOFF = 1 << 2,
    MARTLET_HAS_RETAIN_COMPLETED = 1 << 3, MARTLET_HAS_RETAIN_DEAD = 1 << 4,
    MARTLET_HAS_RETAIN_CANCELLED = 1 << 5, MARTLET_HAS_RETAIN_EXPIRED = 1 << 6,
    MARTLET_HAS_MAX_CRASHES = 1 << 7, MARTLET_HAS_MAX_INTERRUPTIONS = 1 << 8,
    MARTLET_HAS_PRIORITY = 1 << 9, MARTLET_HAS_DELAY = 1 << 10, MARTLET_HAS_RUN_AT = 1 << 11,
    MARTLET_HAS_EXPIRES = 1 << 12, MARTLET_HAS_TIMEOUT = 1 << 13, MARTLET_HAS_UNIQUE = 1 << 14,
    MARTLET_HAS_TAGS = 1 << 15, MARTLET_HAS_HEADERS = 1 << 16
};
typedef struct {
    unsigned has;
    uint16_t max_attempts, max_crashes, max_interruptions;
    struct { uint8_t kind, jitter; uint16_t factor; uint32_t base, cap; } backoff;
    uint64_t retain_completed, retain_dead, retain_cancelled, retain_expired;
    uint8_t priority;
    uint64_t delay, run_at, expires;
    uint32_t timeout;
    struct { uint8_t scope, policy, flags; uint64_t period; martlet_bytes key; } unique;
    const martlet_bytes *tags;
    size_t tag_count;
    const martlet_header *headers;
    size_t header_count;
} martlet_job_options;

enum { MARTLET_MEMORY = 1, MARTLET_DISK = 2 }; /* durability: acknowledged before, when it is on disk */
enum { MARTLET_ATOMIC = 1 };                   /* flags: all jobs or none */

typedef struct {
    const char *queue, *type;
    uint64_t producer, sequence, floor; /* against duplicates; 0, 0, 0: none (PROTOCOL.md, "Exactly once") */
    uint8_t durability;                 /* 0 is MARTLET_DISK */
    uint8_t flags;                      /* 0 or MARTLET_ATOMIC */
} martlet_submission;

/* SUBMIT, job by job: begin, add 1 … batch_max jobs, end. `own` (of this job) and `all` (of every job of
 * the message) may be NULL. Nothing else may be written in between. When an add fails the message is gone. */
int martlet_submit_begin(martlet_writer *, uint64_t request, const martlet_submission *);
int martlet_submit_add(martlet_writer *, const martlet_payload *, const martlet_job_options *own);
int martlet_submit_end(martlet_writer *, const martlet_job_options *all);

typedef struct {
    uint32_t subscription;       /* your number for it */
    const char *queue;
    uint32_t credit_jobs;        /* most jobs unsettled at a time, 0 … 65,535 */
    uint32_t credit_bytes;       /* most payload bytes unsettled at a time */
    uint32_t lease_milliseconds; /* 0: the server's default */
} martlet_subscription;
int martlet_put_subscribe(martlet_writer *, uint64_t request, const martlet_subscription *);
int martlet_put_unsubscribe(martlet_writer *, uint64_t request, uint32_t subscription);
int martlet_put_credit(martlet_writer *, uint64_t request, uint32_t subscription, uint32_t jobs, uint32_t bytes);

/* SETTLE, outcome by outcome: begin, add 1 … batch_max of these, end. */
int martlet_settle_begin(martlet_writer *, uint64_t request);
int martlet_settle_complete(martlet_writer *, uint64_t id, uint64_t token, const martlet_payload *result_or_null);
typedef struct {
    martlet_bytes message, error_class, stack; /* empty class and stack are not sent */
    int has_retry_after, discard, has_fingerprint;
    uint64_t retry_after;                 /* instead of the backoff */
    uint64_t fingerprint;
} martlet_failure;
int martlet_settle_fail(martlet_writer *, uint64_t id, uint64_t token, const martlet_failure *);
int martlet_settle_release(martlet_writer *, uint64_t id, uint64_t token);
int martlet_settle_extend(martlet_writer *, uint64_t id, uint64_t token, uint32_t milliseconds);
int martlet_settle_end(martlet_writer *);

typedef struct { uint64_t token, first_id; uint16_t jobs; } martlet_held_run;
int martlet_put_holding(martlet_writer *, uint64_t request, int complete, const martlet_held_run *, size_t count);

/* done: in 1/10,000 */
int martlet_put_progress(martlet_writer *, uint64_t request, uint64_t id, uint64_t token, uint16_t done, martlet_bytes);
int martlet_put_log(martlet_writer *, uint64_t request, uint64_t id, uint64_t token, const martlet_bytes *lines,
                    size_t count);
int martlet_put_checkpoint(martlet_writer *, uint64_t request, uint64_t id, uint64_t token, martlet_bytes);

enum { MARTLET_WITH_PAYLOAD = 1, MARTLET_WITH_RESULT = 2 }; /* flags */
int martlet_put_get(martlet_writer *, uint64_t request, uint64_t id, uint8_t flags);
int martlet_put_wait(martlet_writer *, uint64_t request, uint64_t id, uint32_t milliseconds, uint8_t flags);
/* id 0: the active one of `type`. The bytes of `known` are not sent again. */
int martlet_put_dictionary_get(martlet_writer *, uint64_t request, uint32_t id, const char *type, uint32_t known);
/* queue "": all */
int martlet_put_queues(martlet_writer *, uint64_t request, const char *queue, martlet_bytes cursor);

enum { MARTLET_ACT_CANCEL = 1, MARTLET_ACT_RETRY, MARTLET_ACT_DELETE, MARTLET_ACT_REPRIORITISE, MARTLET_ACT_PURGE };
typedef struct {
    martlet_bytes reason;
    int has_grace, keep_counters, has_priority;
    uint32_t grace;
    uint8_t priority;
    uint64_t run_at; /* 0: not said */
} martlet_act_options;
/* options may be NULL */
int martlet_put_act(martlet_writer *, uint64_t request, uint8_t action, const uint64_t *ids, size_t count,
                    const martlet_act_options *);

/* ---------- reading messages ---------- */

typedef struct {
    uint8_t opcode;
    uint64_t request; /* of a reply: yours; of a push (JOBS, CANCEL, DRAINING): the server's count */
    martlet_bytes body;
} martlet_message;

/* Bytes in, messages out. Begin with all zero; martlet_reader_free() at the end. Memory is bounded by the
 * two limits, which a connection sets from WELCOME; 0: 1 MiB and 33 MiB. */
typedef struct {
    uint32_t frame_bytes_max, message_bytes_max;
    unsigned char *at; /* private from here */
    size_t begin, end, capacity;
    struct { unsigned char *at; size_t length, capacity; uint64_t request; uint8_t opcode; } parts[8];
    unsigned char *joined;
} martlet_reader;

/* Room for at least `least` bytes at *at; *room says how many fit. Then say with _add how many came. Moves
 * what earlier messages point to. */
int martlet_reader_room(martlet_reader *, size_t least, void **at, size_t *room);
void martlet_reader_add(martlet_reader *, size_t length);
/* 1 and the next message; 0: more bytes are needed; MARTLET_E_PROTOCOL: framing is lost for good. */
int martlet_reader_next(martlet_reader *, martlet_message *);
void martlet_reader_free(martlet_reader *);

/* Each martlet_get_… is for one opcode: MARTLET_OK, or MARTLET_E_PROTOCOL when the body is not such a message. */

typedef struct {
    uint16_t version;
    uint64_t session, secret;
    uint8_t resumed;
    uint64_t server_time;
    uint32_t frame_bytes_max, message_bytes_max, payload_bytes_max, batch_max, requests_in_flight_max,
        bytes_in_flight_max, subscriptions_max, idle_milliseconds, lease_milliseconds, grace_milliseconds;
    martlet_bytes server;
} martlet_welcome;
int martlet_get_welcome(const martlet_message *, martlet_welcome *);
int martlet_get_error(const martlet_message *, martlet_error *);
int martlet_get_draining(const martlet_message *, uint32_t *milliseconds);

/* SUBMITTED, SETTLED and ACTED answer item by item, in runs of items with the same answer. */
typedef struct {
    uint8_t opcode, durability, flags; /* the last two of SUBMITTED: the level reached; bit 0: given before */
    uint16_t count, runs;              /* items; runs still to be read */
    const unsigned char *at, *end;     /* private from here */
    uint16_t items_left;
} martlet_answers;
typedef struct {
    uint16_t items;
    uint16_t code;        /* 0: done */
    uint64_t first_id;    /* of SUBMITTED: ids of the run ascend by one from here */
    uint8_t state;        /* of ACTED: the jobs' state now; 0: gone */
    martlet_error error;  /* with a code */
} martlet_answer;
int martlet_get_answers(const martlet_message *, martlet_answers *);
/* 1 and the next run; 0 at the end; MARTLET_E_PROTOCOL. */
int martlet_next_answer(martlet_answers *, martlet_answer *);

/* A job that was delivered. */
typedef struct {
    uint32_t subscription, lease_milliseconds; /* the lease counts from now */
    uint64_t id, token;                        /* both are named when it is settled */
    martlet_bytes type;
    uint16_t failures, crashes, interruptions, max_attempts;
    uint64_t created_at;
    martlet_payload payload;                   /* martlet_open_payload() before use */
    martlet_bytes headers, tags, checkpoint;   /* lists: martlet_next_header(), martlet_next_tag() */
    uint32_t timeout;                          /* 0: none */
    uint8_t priority;
} martlet_delivery;
typedef struct {
    uint32_t subscription, lease_milliseconds;
    uint64_t token;
    uint16_t count;                /* deliveries still to be read */
    const unsigned char *at, *end; /* private */
    const unsigned char *types, *types_end, *type_at;
    uint16_t type_count, type_index;
} martlet_jobs;
int martlet_get_jobs(const martlet_message *, martlet_jobs *);
/* 1 and the next delivery; 0 at the end; MARTLET_E_PROTOCOL. */
int martlet_next_delivery(martlet_jobs *, martlet_delivery *);

/* 1 and the next of a list, which is shortened; 0 at the end; MARTLET_E_PROTOCOL. */
int martlet_next_tag(martlet_bytes *list, martlet_bytes *tag);
int martlet_next_header(martlet_bytes *list, martlet_header *);

/* CANCEL: jobs that somebody cancelled while they run here. */
typedef struct { uint64_t id, token; uint32_t grace; martlet_bytes reason; } martlet_cancel;
typedef struct { uint16_t count; const unsigned char *at, *end; } martlet_cancels;
int martlet_get_cancels(const martlet_message *, martlet_cancels *);
int martlet_next_cancel(martlet_cancels *, martlet_cancel *);

enum {
    MARTLET_SCHEDULED = 1, MARTLET_READY, MARTLET_RUNNING, MARTLET_HELD, MARTLET_COMPLETED, MARTLET_DEAD,
    MARTLET_CANCELLED, MARTLET_EXPIRED
};
/* JOB: the answer to GET and WAIT. What the server did not say is empty, 0, or priority 128. */
typedef struct {
    uint64_t id;
    uint8_t state;
    uint16_t attempts, failures, crashes, interruptions, max_attempts;
    uint64_t created_at, due_at, started_at, finished_at;
    uint32_t payload_bytes;
    martlet_bytes queue, type;
    martlet_bytes error, error_class, error_stack; /* of the last failure or crash */
    uint16_t progress;                             /* in 1/10,000 */
    martlet_bytes progress_message;
    int has_payload, has_result;
    martlet_payload payload, result;
    uint64_t lease_ends, session, expires_at, vanishes_at, fingerprint;
    uint8_t priority;
    martlet_bytes tags, headers, worker;
    struct { uint8_t scope, held; uint64_t until; martlet_bytes key; } unique;
    uint32_t timeout, checkpoint_bytes;
    struct { uint64_t requested, grace_ends; martlet_bytes reason; } cancel;
    struct { uint16_t times; uint64_t last; uint8_t state; } retried;
    struct { uint64_t first, next; } log_lines;
} martlet_job;
int martlet_get_job(const martlet_message *, martlet_job *);

typedef struct {
    martlet_bytes name;
    uint64_t ready, running, scheduled, held, dead, completed, retained;
    uint64_t oldest_ready;
    uint32_t subscribers;
    martlet_bytes options; /* as in PROTOCOL.md, undecoded */
} martlet_queue;
typedef struct { uint16_t count; martlet_bytes cursor; const unsigned char *at, *end; } martlet_queues;
/* `cursor` is for the next page; empty: this was the last. */
int martlet_get_queues(const martlet_message *, martlet_queues *);
int martlet_next_queue(martlet_queues *, martlet_queue *);

/* A dictionary: `bytes` are for martlet_open_payload_with(), and point into the message. */
typedef struct {
    uint32_t id, version, length, checksum;
    martlet_bytes type, bytes;
    uint8_t state; /* 1 active, 2 retired */
    uint64_t created_at, retired_at, references;
} martlet_dictionary;
int martlet_get_dictionary(const martlet_message *, martlet_dictionary *);

/* ---------- connection ---------- */

typedef struct martlet martlet;

typedef struct {
    const char *host;         /* name or address; NULL: 127.0.0.1 */
    uint16_t port;            /* 0: 7410 */
    const char *token;        /* NULL: none */
    const char *client;       /* name and version of your program; NULL: martlet-c */
    uint64_t session, secret; /* to resume a session whose connection broke; 0 */
    int timeout;              /* for connecting and for each blocking helper; 0: 30 seconds */
} martlet_settings;

/* Connect and say hello. NULL: *error says why; `error` may be NULL. */
martlet *martlet_connect(const martlet_settings *, martlet_error *error);

/* Close the socket and free everything. What this session holds stays leased for the server's grace; call
 * martlet_bye() before to give it back at once. NULL is fine. */
void martlet_close(martlet *);

/* What the server said: limits, session. Valid as long as the connection. */
const martlet_welcome *martlet_server(const martlet *);

/* Why the last call on this connection failed. */
const martlet_error *martlet_last_error(const martlet *);

/* -- pipelined -- */

/* A request id not used before on this connection. */
uint64_t martlet_request(martlet *);

/* Where to write messages to; martlet_flush() sends them. */
martlet_writer *martlet_output(martlet *);

/* Send what was written. MARTLET_OK: all is sent; 1: some is left, since the socket takes no more just now
 * (`timeout` is over). What comes in meanwhile is kept for martlet_receive(). */
int martlet_flush(martlet *, int timeout);

/* 1 and the next message; 0: none within `timeout`. Sends what was written before, and PING when the connection
 * would look dead otherwise: call it every third of the server's idle_milliseconds at least. An ERROR that closes
 * is MARTLET_E_CLOSED; other errors are messages. */
int martlet_receive(martlet *, martlet_message *, int timeout);

/* Whether more has been read already: martlet_receive() will not ask the socket for it. */
int martlet_pending(const martlet *);

/* To wait for in poll(), epoll …: readable means martlet_receive(…, 0) until it returns 0. Take all messages
 * out before you wait: some may be pending. */
int martlet_socket(const martlet *);

/* -- blocking helpers -- */

/* Write nothing else, call, get the reply: for programs that do one thing at a time. Pushes and replies to
 * pipelined requests that come meanwhile are kept for martlet_receive(); martlet_fetch() alone drops all but jobs. */

/* Submit one job, compressed when that pays. options may be NULL. *id is its id (or the holder's, when the
 * unique key is taken by a job that serves as well). */
int martlet_submit(martlet *, const char *queue, const char *type, const void *payload, size_t length,
                   const martlet_job_options *options, uint64_t *id);

/* Ask for jobs of a queue, at most `credit` at a time. */
int martlet_subscribe(martlet *, uint32_t subscription, const char *queue, uint32_t credit);

/* 1 and the next job delivered; 0: none within `timeout`. *payload is checked and inflated; it and the
 * delivery are valid until the next martlet_fetch(). Jobs whose payload is damaged are
 * failed and passed over. */
int martlet_fetch(martlet *, martlet_delivery *, martlet_bytes *payload, int timeout);

/* Settle it. With MARTLET_LEASE_LOST in the error's code somebody else has the job by now. */
int martlet_complete(martlet *, uint64_t id, uint64_t token, const void *result, size_t length);
int martlet_fail(martlet *, uint64_t id, uint64_t token, const char *message);
int martlet_release(martlet *, uint64_t id, uint64_t token);
/* The lease ends that long from now: call it in time when a job takes longer than its lease. */
int martlet_extend(martlet *, uint64_t id, uint64_t token, uint32_t milliseconds);

/* Wait at most `milliseconds` until the job is finished. *job (with its result) is valid until the next call
 * that reads. MARTLET_E_REFUSED with MARTLET_WAIT_TIMEOUT: it is not finished yet. */
int martlet_wait(martlet *, uint64_t id, uint32_t milliseconds, martlet_job *job);
/* The job as it is now, with payload and result. */
int martlet_look(martlet *, uint64_t id, martlet_job *job);

/* End the session: what it holds goes back to its queues at once. Then martlet_close(). */
int martlet_bye(martlet *);

#ifdef __cplusplus
}
#endif

#endif
