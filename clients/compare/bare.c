/* bare.c - what this machine allows: the whole life of jobs over a redo log and LMDB in one loop, as the broker
 * keeps them, without sockets, threads, rules or checks.
 *
 * usage: bare DIRECTORY n=JOBS size=BYTES batch=JOBS_A_TURN
 *
 * Each turn stores a batch of jobs, leases the batch stored a turn ago and reads its payloads, and deletes the
 * batch leased a turn ago; then it is made durable by one synchronous append of its mutations to a pre-written
 * file. A job has a row of its own; what is ready and what is leased are one row a batch. The LMDB transaction
 * stays open over the turns and is committed, with LMDB's own sync, every 100 ms. */
#include "payload.h"
#include "martlet.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { LOG_BYTES = 256 << 20, MAP_BYTES_EXPONENT = 34, CHECKPOINT_NS = 100000000 };
enum { PUT = 1, DELETE = 2 };

static struct { uint64_t n; int size, batch; } A = { .n = 200000, .size = 256, .batch = 256 };

static MDB_env *env;
static MDB_txn *txn;
static MDB_dbi jobs, ready, leases, meta;
static int log_fd;
static off_t log_at;
static unsigned char *record; /* the turn's mutations, as they go to the log */
static size_t record_length;
static uint64_t turn, checkpoints;
static int64_t last_checkpoint;

static void need(int result, const char *what)
{
    if (result) die("%s: %s", what, mdb_strerror(result));
}

/* ---------- rows, noted in the record as they change ---------- */

static void note(int verb, MDB_dbi table, MDB_val key, MDB_val value)
{
    unsigned char *p = record + record_length;
    uint32_t sizes[3] = { (uint32_t)(verb << 8 | (int)table), (uint32_t)key.mv_size, (uint32_t)value.mv_size };
    memcpy(p, sizes, sizeof sizes);
    memcpy(p + sizeof sizes, key.mv_data, key.mv_size);
    if (value.mv_size) memcpy(p + sizeof sizes + key.mv_size, value.mv_data, value.mv_size);
    record_length += sizeof sizes + key.mv_size + value.mv_size;
}

static MDB_val key_of(uint64_t *space, uint64_t id)
{
    *space = __builtin_bswap64(id); /* so that rows stand in the order of ids */
    return (MDB_val){ sizeof *space, space };
}

static void put(MDB_dbi table, uint64_t id, void *at, size_t length, unsigned flags)
{
    uint64_t space;
    MDB_val key = key_of(&space, id), value = { length, at };
    note(PUT, table, key, value);
    need(mdb_put(txn, table, &key, &value, flags), "put");
}

static void delete(MDB_dbi table, uint64_t id)
{
    uint64_t space;
    MDB_val key = key_of(&space, id);
    note(DELETE, table, key, (MDB_val){ 0, NULL });
    need(mdb_del(txn, table, &key, NULL), "delete");
}

/* ---------- the three things that happen to a batch ---------- */

typedef struct { uint64_t submitted_at; uint16_t counters[4]; uint32_t raw_bytes, checksum; } job_head;

static void submit(uint64_t first, uint64_t count, char *space)
{
    for (uint64_t id = first; id < first + count; id++) {
        job_head head = { .submitted_at = (uint64_t)last_checkpoint, .raw_bytes = (uint32_t)A.size };
        payload(space + sizeof head, id, A.size);
        head.checksum = martlet_crc32c(0, space + sizeof head, (size_t)A.size);
        memcpy(space, &head, sizeof head);
        put(jobs, id, space, sizeof head + (size_t)A.size, MDB_APPEND);
    }
    put(ready, first, &count, sizeof count, 0);
}

static void lease(uint64_t first, uint64_t count, char *frame)
{
    uint64_t space, row[2] = { turn, count };
    MDB_cursor *cursor;
    MDB_val key = key_of(&space, first), value;
    delete(ready, first);
    put(leases, first, row, sizeof row, 0);
    need(mdb_cursor_open(txn, jobs, &cursor), "cursor");
    int found = mdb_cursor_get(cursor, &key, &value, MDB_SET);
    for (uint64_t i = 0; i < count; i++, found = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        need(found, "a job to deliver");
        memcpy(frame, value.mv_data, value.mv_size);
        frame += value.mv_size;
        if (i == count - 1) break;
    }
    mdb_cursor_close(cursor);
}

static void complete(uint64_t first, uint64_t count)
{
    for (uint64_t id = first; id < first + count; id++) delete(jobs, id);
    delete(leases, first);
}

/* ---------- durability ---------- */

static void begin(void) { need(mdb_txn_begin(env, NULL, 0, &txn), "begin"); }

static void checkpoint(void)
{
    MDB_val key = { 4, "turn" }, value = { sizeof turn, &turn };
    need(mdb_put(txn, meta, &key, &value, 0), "put");
    need(mdb_txn_commit(txn), "commit");
    begin();
    last_checkpoint = now_ns();
    checkpoints++;
}

static void append(void)
{
    uint64_t head[2] = { record_length, turn };
    uint32_t check = martlet_crc32c(0, record + 32, record_length - 32);
    memcpy(record, head, sizeof head);
    memcpy(record + sizeof head, &check, sizeof check);
    if (log_at + (off_t)record_length > LOG_BYTES) {
        checkpoint(); /* what the log holds is in LMDB now, and may be written over */
        log_at = 0;
    }
    if (pwrite(log_fd, record, record_length, log_at) != (ssize_t)record_length) die("append: %s", strerror(errno));
    log_at += (off_t)record_length;
    record_length = 32;
    turn++;
    if (now_ns() - last_checkpoint >= CHECKPOINT_NS) checkpoint();
}

static void open_log(const char *directory)
{
    char path[4096];
    static char zeros[1 << 20];
    snprintf(path, sizeof path, "%s/log", directory);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    if (fd < 0) die("%s: %s", path, strerror(errno));
    for (int i = 0; i < LOG_BYTES >> 20; i++)
        if (write(fd, zeros, sizeof zeros) != sizeof zeros) die("%s: %s", path, strerror(errno));
    if (fsync(fd)) die("fsync: %s", strerror(errno));
    close(fd);
    log_fd = open(path, O_WRONLY | O_DSYNC);
    if (log_fd < 0) die("%s: %s", path, strerror(errno));
}

static void open_store(const char *directory)
{
    need(mdb_env_create(&env), "environment");
    need(mdb_env_set_mapsize(env, (size_t)1 << MAP_BYTES_EXPONENT), "map size");
    need(mdb_env_set_maxdbs(env, 4), "tables");
    need(mdb_env_open(env, directory, 0, 0600), directory);
    begin();
    need(mdb_dbi_open(txn, "jobs", MDB_CREATE, &jobs), "table");
    need(mdb_dbi_open(txn, "ready", MDB_CREATE, &ready), "table");
    need(mdb_dbi_open(txn, "leases", MDB_CREATE, &leases), "table");
    need(mdb_dbi_open(txn, "meta", MDB_CREATE, &meta), "table");
    checkpoint();
}

int main(int argc, char **argv)
{
    if (argc < 2) die("usage: bare DIRECTORY n= size= batch=");
    for (int i = 2; i < argc; i++)
        if (sscanf(argv[i], "n=%lu", &A.n) + sscanf(argv[i], "size=%d", &A.size) + sscanf(argv[i], "batch=%d", &A.batch) < 1)
            die("unknown option %s", argv[i]);
    payload_init();
    size_t row = sizeof(job_head) + (size_t)A.size, batch = (size_t)A.batch;
    char *space = calloc(1, row + 256), *frame = malloc(row * batch);
    record = malloc((row + 64) * batch + 64 * batch + 4096);
    record_length = 32; /* room for the record's head */
    open_log(argv[1]);
    open_store(argv[1]);
    uint64_t turns = (A.n + batch - 1) / batch;
    int64_t begun = now_ns();
    for (uint64_t t = 0; t < turns + 2; t++) {
        if (t >= 2) complete(1 + (t - 2) * batch, batch);
        if (t >= 1 && t <= turns) lease(1 + (t - 1) * batch, batch, frame);
        if (t < turns) submit(1 + t * batch, batch, space);
        append();
    }
    double secs = (double)(now_ns() - begun) / 1e9;
    printf("{\"op\":\"bare\",\"size\":%d,\"batch\":%d,\"n\":%lu,\"secs\":%.6f,\"rate\":%.1f,\"checkpoints\":%lu}\n",
           A.size, A.batch, turns * batch, secs, (double)(turns * batch) / secs, checkpoints);
    return 0;
}
