/* payload.h - what every program here shares: how it fails, clock, histogram, and the payloads of jobs. */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

__attribute__((noreturn, format(printf, 1, 2), unused))
static void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "FAIL: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    _exit(1);
}

/* ---------- clock ---------- */

static inline int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

__attribute__((unused)) static void sleep_until(int64_t ns)
{
    struct timespec t = { ns / 1000000000, ns % 1000000000 };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {}
}

/* ---------- histogram: log-linear, 64 steps per power of two (<= 1.6 % error) ---------- */

typedef struct { uint64_t n, max, b[60 * 64]; } hist;

__attribute__((unused)) static void h_add(hist *h, int64_t v)
{
    uint64_t u = v < 0 ? 0 : (uint64_t)v;
    int e = u < 64 ? 0 : 63 - __builtin_clzll(u) - 5;
    h->b[e ? e * 64 + ((u >> (e - 1)) & 63) : u]++;
    h->n++;
    if (u > h->max) h->max = u;
}

__attribute__((unused)) static double h_us(const hist *h, double q) /* quantile in microseconds */
{
    uint64_t want = (uint64_t)(q * (double)h->n + 0.5), seen = 0;
    if (want < 1) want = 1;
    for (int i = 0; i < 60 * 64; i++)
        if ((seen += h->b[i]) >= want) {
            uint64_t v = i < 64 ? (uint64_t)i : ((uint64_t)(64 + i % 64) << (i / 64 - 1));
            return (double)(v < h->max ? v : h->max) / 1e3;
        }
    return 0;
}

/* ---------- payload: deterministic JSON-like text, exactly `size` bytes ---------- */

static const char *const WORDS[128] = {
    "account","address","again","agreed","amount","answer","april","arrived","article","august",
    "autumn","balance","basket","because","before","berlin","billing","black","blue","branch",
    "broken","cable","call","cancel","carrier","change","charge","check","city","claim",
    "client","colour","confirm","contact","copy","credit","customer","damage","date","delay",
    "deliver","depot","desk","detail","discount","door","double","email","error","euro",
    "exchange","express","extra","failed","february","final","first","floor","follow","friday",
    "front","garden","gift","glass","green","group","hamburg","handle","house","include",
    "invoice","january","june","kitchen","label","large","late","leave","letter","list",
    "london","lost","madrid","manager","march","meeting","message","missing","monday","month",
    "morning","needed","neighbour","number","office","online","open","order","paid","paper",
    "parcel","paris","partner","payment","phone","please","pickup","price","question","quick",
    "receipt","refund","repeat","reply","return","route","sample","second","send","september",
    "service","shipped","small","street","summer","ticket","urgent","waiting" };
static const char *const DOMAINS[4] = { "example.com", "mail.example", "corp.example", "post.test" };
static struct { char s[16]; int n; } WT[128];

__attribute__((unused)) static void payload_init(void)
{
    for (int i = 0; i < 128; i++) {
        WT[i].n = (int)strlen(WORDS[i]);
        memcpy(WT[i].s, WORDS[i], (size_t)WT[i].n);
    }
}

static inline char *p_str(char *p, const char *s) { size_t n = strlen(s); memcpy(p, s, n); return p + n; }
static inline char *p_num(char *p, uint64_t v)
{
    char t[20];
    int n = 0;
    do t[n++] = (char)('0' + v % 10); while (v /= 10);
    while (n) *p++ = t[--n];
    return p;
}

/* buf must have size + 256 bytes (words are copied 16 bytes at a time) */
__attribute__((unused)) static void payload(char *buf, uint64_t id, int size)
{
    uint64_t r = id * 0x9E3779B97F4A7C15ull + 0x1234567;
    char *p = buf, *end = buf + size - 2, *items_end = buf + size / 3;
#define RND(bits) (r ^= r << 13, r ^= r >> 7, r ^= r << 17, (r >> 20) & ((1u << (bits)) - 1))
#define WORD() do { unsigned w_ = RND(7); memcpy(p, WT[w_].s, 16); p += WT[w_].n; } while (0)
    p = p_num(p_str(p, "{\"id\":"), id);
    p = p_str(p, ",\"user\":\"");
    unsigned u = RND(7), v = RND(7), d = RND(2);
    p = p_str(p, WORDS[u]); *p++ = '.'; p = p_str(p, WORDS[v]);
    p = p_str(p, "\",\"email\":\"");
    p = p_str(p, WORDS[u]); *p++ = '.'; p = p_str(p, WORDS[v]); *p++ = '@'; p = p_str(p, DOMAINS[d]);
    p = p_str(p, "\",\"items\":[");
    do {
        p = p_num(p_str(p, "{\"sku\":"), 10000 + RND(13));
        p = p_num(p_str(p, ",\"qty\":"), 1 + RND(2));
        p = p_num(p_str(p, ",\"price\":"), 1 + RND(7));
        p = p_str(p, ".99},");
    } while (p < items_end);
    p = p_str(p - 1, "],\"note\":\"");
    while (p < end) { WORD(); *p++ = ' '; }
    memcpy(end, "\"}", 2);
#undef RND
#undef WORD
}

#endif
