/* A JSON reader for the golden vectors: trusted input, all memory kept until the program ends. */
#ifndef JSON_H
#define JSON_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct json {
    enum { J_NULL, J_NUMBER, J_TEXT, J_LIST, J_OBJECT } kind;
    char *key, *text; /* of a number: its digits */
    size_t length;    /* of the text, which may hold zero bytes */
    struct json *first, *next;
} json;

static void json_broken(const char *at)
{
    fprintf(stderr, "not JSON: %.40s\n", at);
    exit(1);
}

static const char *json_space(const char *s)
{
    while (*s == ' ' || *s == '\n' || *s == '\t' || *s == '\r') s++;
    return s;
}

static char *json_utf8(char *out, unsigned c)
{
    if (c < 0x80) *out++ = (char)c;
    else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 63));
    } else {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    }
    return out;
}

static const char *json_string(const char *s, char **text, size_t *length)
{
    size_t room = 64;
    char *out = *text = malloc(room);
    for (s++; *s != '"'; s++) {
        size_t used = (size_t)(out - *text);
        if (room - used < 8) {
            *text = realloc(*text, room *= 2);
            out = *text + used;
        }
        if (!*s) json_broken(s);
        if (*s != '\\') {
            *out++ = *s;
            continue;
        }
        static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
        s++;
        const char *escape = strchr(from, *s);
        if (*s == 'u') {
            char digits[5] = { s[1], s[2], s[3], s[4], 0 };
            out = json_utf8(out, (unsigned)strtoul(digits, NULL, 16));
            s += 4;
        } else *out++ = escape ? to[escape - from] : *s;
    }
    *length = (size_t)(out - *text);
    *out = 0;
    return s + 1;
}

static const char *json_value(const char *s, json *v);

static const char *json_members(const char *s, json *v, char close)
{
    json **last = &v->first;
    s = json_space(s + 1);
    while (*s != close) {
        json *member = calloc(1, sizeof *member);
        size_t ignored;
        if (v->kind == J_OBJECT) s = json_space(json_space(json_string(s, &member->key, &ignored)) + 1);
        s = json_space(json_value(s, member));
        *last = member;
        last = &member->next;
        if (*s == ',') s = json_space(s + 1);
        else if (*s != close) json_broken(s);
    }
    return s + 1;
}

static const char *json_value(const char *s, json *v)
{
    s = json_space(s);
    switch (*s) {
    case '"': v->kind = J_TEXT; return json_string(s, &v->text, &v->length);
    case '[': v->kind = J_LIST; return json_members(s, v, ']');
    case '{': v->kind = J_OBJECT; return json_members(s, v, '}');
    default: break;
    }
    size_t n = strcspn(s, ",]} \n");
    v->kind = J_NUMBER;
    v->text = calloc(1, n + 1);
    memcpy(v->text, s, n);
    v->length = n;
    return s + n;
}

static json *json_file(const char *directory, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.json", directory, name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    size_t room = 1 << 20;
    char *text = calloc(1, room);
    if (fread(text, 1, room - 1, f) == room - 1) json_broken("a file of more than a megabyte");
    fclose(f);
    static json *files[64]; /* so that a leak checker does not take them for lost */
    static int count;
    json *v = files[count++ % 64] = calloc(1, sizeof *v);
    json_value(text, v);
    free(text);
    return v;
}

static json *json_get(const json *o, const char *key)
{
    for (json *m = o ? o->first : NULL; m; m = m->next)
        if (m->key && !strcmp(m->key, key)) return m;
    return NULL;
}

/* Numbers stand as such or, above 32 bits, as texts of digits. "true" is 1. */
static inline uint64_t json_number(const json *v, uint64_t otherwise)
{
    if (!v) return otherwise;
    return !strcmp(v->text, "true") ? 1 : strtoull(v->text, NULL, 10);
}

#endif
