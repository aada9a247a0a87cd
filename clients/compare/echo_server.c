/* echo_server.c - one event loop that sends every frame back and does nothing else: what sockets, framing and two
 * copies allow on this machine.
 *
 * usage: echo_server PORT */
#include "payload.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { HEADER = 16, FRAME_MAX = 1 << 20, ROOM = 2 * (FRAME_MAX + HEADER) };

typedef struct { int fd; size_t have, out, sent; unsigned char in[ROOM], *copy; } client;

/* Whole frames go to the reply; what is left of the next one stays. */
static void frames(client *c)
{
    size_t at = 0;
    while (c->have - at >= HEADER) {
        uint32_t length;
        memcpy(&length, c->in + at, sizeof length);
        if (length > FRAME_MAX) die("a frame of %u bytes", length);
        if (c->have - at < HEADER + length) break;
        at += HEADER + length;
    }
    memcpy(c->copy, c->in, at);
    c->out = at;
    c->sent = 0;
    memmove(c->in, c->in + at, c->have - at);
    c->have -= at;
}

/* 0 when the client is gone. */
static int serve(client *c)
{
    for (;;) {
        while (c->sent < c->out) {
            ssize_t n = send(c->fd, c->copy + c->sent, c->out - c->sent, MSG_NOSIGNAL);
            if (n < 0) return errno == EAGAIN;
            c->sent += (size_t)n;
        }
        ssize_t n = recv(c->fd, c->in + c->have, sizeof c->in - c->have, 0);
        if (n <= 0) return n < 0 && errno == EAGAIN;
        c->have += (size_t)n;
        frames(c);
    }
}

int main(int argc, char **argv)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, loop = epoll_create1(EPOLL_CLOEXEC);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (argc != 2) die("usage: echo_server PORT");
    a.sin_port = htons((uint16_t)atoi(argv[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&a, sizeof a) || listen(listener, 64)) die("listen: %s", strerror(errno));
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &(struct epoll_event){ .events = EPOLLIN });
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(loop, events, 64, -1);
        for (int i = 0; i < n; i++) {
            client *c = events[i].data.ptr;
            if (!c) {
                c = calloc(1, sizeof *c);
                c->copy = malloc(ROOM);
                c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                epoll_ctl(loop, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){ EPOLLIN | EPOLLOUT | EPOLLET, { c } });
            } else if (!serve(c)) {
                close(c->fd);
                free(c->copy);
                free(c);
            }
        }
    }
}
