/* The connection against a server that answers with whatever comes to its mind: broken, repeated, reordered and
 * unasked messages. Every call must return in its time, and nothing may be harmed.
 *
 * usage: hostile DIRECTORY [SEED] */
#define _POSIX_C_SOURCE 200809L
#include "../martlet.h"
#include "json.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIE(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), _exit(1))
enum { ROUNDS = 1000, MESSAGES_MAX = 512 };

static struct { unsigned char *at; size_t length; } messages[MESSAGES_MAX];
static int message_count, welcome_count; /* the first ones are WELCOME */
static uint64_t state;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static int load_messages(const char *directory, const char *name)
{
    for (json *v = json_file(directory, name)->first; v && message_count < MESSAGES_MAX; v = v->next) {
        unsigned char *b = malloc(1 << 20);
        size_t n = 0;
        for (json *h = json_get(v, "hex")->first; h; h = h->next)
            for (size_t i = 0; i + 1 < h->length; i += 2) {
                char two[3] = { h->text[i], h->text[i + 1], 0 };
                b[n++] = (unsigned char)strtoul(two, NULL, 16);
            }
        messages[message_count].at = b;
        messages[message_count++].length = n;
    }
    return message_count;
}

static void say(int fd, int which)
{
    size_t n = messages[which].length;
    unsigned char *b = malloc(n);
    memcpy(b, messages[which].at, n);
    uint64_t request = next_random() % 4; /* often that of a request under way */
    if (n >= 16 && next_random() % 2) memcpy(b + 8, &request, 1);
    for (uint64_t k = next_random() % 3; k; k--) b[next_random() % n] = (unsigned char)next_random();
    if (next_random() % 8 == 0) n = next_random() % (n + 1);
    if (send(fd, b, n, MSG_NOSIGNAL) < 0) n = 0; /* the client may have given up */
    free(b);
}

/* The server: one connection after another. */
static void serve(int listener)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) DIE("accept");
        unsigned char welcome = 1;
        int which = (int)(next_random() % (uint64_t)welcome_count);
        if (next_random() % 8) {
            unsigned char *b = messages[which].at;
            memcpy(b + 8, &welcome, 1);
            if (send(fd, b, messages[which].length, MSG_NOSIGNAL) < 0) DIE("send");
        }
        for (uint64_t k = next_random() % 20; k; k--) say(fd, (int)(next_random() % (uint64_t)message_count));
        shutdown(fd, SHUT_WR);
        char drop[4096];
        while (recv(fd, drop, sizeof drop, 0) > 0) {}
        close(fd);
    }
}

static int use(uint16_t port)
{
    martlet *c = martlet_connect(&(martlet_settings){ .port = port, .timeout = 2000 }, NULL);
    martlet_delivery d;
    martlet_bytes payload;
    martlet_job job;
    martlet_message m;
    uint64_t id;
    if (!c) return 0;
    int result = martlet_subscribe(c, 1, "mail", 10);
    if (!result) result = martlet_submit(c, "mail", "send", "hello", 5, NULL, &id);
    for (int i = 0; i < 5 && martlet_fetch(c, &d, &payload, 500) == 1; i++) martlet_complete(c, d.id, d.token, "ok", 2);
    martlet_wait(c, 1, 10, &job);
    while (martlet_receive(c, &m, 500) == 1) {}
    const martlet_error *e = martlet_last_error(c);
    if (!e->result || !memchr(e->message, 0, sizeof e->message)) DIE("no reason given");
    martlet_close(c);
    return 1;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {
        "done", "submitted", "jobs", "cancel", "settled", "job", "queue_page", "draining", "acted", "error", "pong", "events",
    };
    if (argc < 2) DIE("usage: hostile DIRECTORY [SEED]");
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)getpid();
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    state = seed * 0x9e3779b97f4a7c15 + 1;
    welcome_count = load_messages(argv[1], "welcome");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) load_messages(argv[1], names[i]);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0), connected = 0;
    if (bind(listener, (struct sockaddr *)&a, sizeof a) || listen(listener, 8)) DIE("listen");
    getsockname(listener, (struct sockaddr *)&a, &length);
    pid_t server = fork();
    if (server == 0) serve(listener);
    for (int i = 0; i < ROUNDS; i++) connected += use(ntohs(a.sin_port));
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    printf("%d of %d connections had a WELCOME\n", connected, ROUNDS);
    return connected > ROUNDS / 2 ? 0 : 1;
}
