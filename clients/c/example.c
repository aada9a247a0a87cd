/* Submit a job, or work on them: `example submit TEXT`, `example work`. MARTLET_PORT names another port than
 * 7410. A job here is a text; its result is the text in upper case. */
#include "martlet.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(martlet *c, const char *what)
{
    fprintf(stderr, "example: %s: %s\n", what, martlet_last_error(c)->message);
    return 1;
}

static int submit(martlet *c, const char *text)
{
    uint64_t id;
    char name[13];
    martlet_job job;
    martlet_bytes result;
    void *buffer;
    if (martlet_submit(c, "greetings", "shout", text, strlen(text), NULL, &id)) return failed(c, "submit");
    martlet_format_id(id, name);
    fprintf(stderr, "job %s\n", name);
    if (martlet_wait(c, id, 60000, &job)) return failed(c, "wait");
    if (job.state != MARTLET_COMPLETED || !job.has_result) return fprintf(stderr, "it did not complete\n"), 1;
    if (martlet_open_payload(&job.result, 1 << 20, &result, &buffer))
        return fprintf(stderr, "its result is damaged\n"), 1;
    printf("%.*s\n", (int)result.length, (const char *)result.at);
    free(buffer);
    return 0;
}

static int work(martlet *c)
{
    martlet_delivery job;
    martlet_bytes text;
    if (martlet_subscribe(c, 1, "greetings", 8)) return failed(c, "subscribe");
    while (martlet_fetch(c, &job, &text, -1) == 1) {
        char *shout = malloc(text.length + 1);
        if (!shout) abort();
        for (size_t i = 0; i < text.length; i++) shout[i] = (char)toupper(((const unsigned char *)text.at)[i]);
        int result = martlet_complete(c, job.id, job.token, shout, text.length);
        free(shout);
        /* A lost lease means that somebody else has the job by now: on to the next. */
        if (result && martlet_last_error(c)->code != MARTLET_LEASE_LOST) break;
    }
    return failed(c, "work");
}

int main(int argc, char **argv)
{
    martlet_error error;
    const char *port = getenv("MARTLET_PORT");
    martlet_settings settings = { .port = (uint16_t)(port ? atoi(port) : 0), .client = "example" };
    martlet *c = martlet_connect(&settings, &error);
    if (!c) return fprintf(stderr, "example: %s\n", error.message), 1;
    int status = 2;
    if (argc == 3 && !strcmp(argv[1], "submit")) status = submit(c, argv[2]);
    else if (argc == 2 && !strcmp(argv[1], "work")) status = work(c);
    else fprintf(stderr, "usage: example submit TEXT | example work\n");
    martlet_close(c);
    return status;
}
