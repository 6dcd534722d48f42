/*
 * A device on any POSIX system: TCP by sockets, a file as flash. It counts (channel `count`: 1, 2, 3 ... over all its lives), takes two
 * commands and keeps an interval that can be desired. It is also what the conformance test and the tests of power cuts by kill -9 run.
 *
 *     cc -std=c99 -I../.. -o node node.c ../../tributary.c
 *     TRIBUTARY_URL=http://127.0.0.1:8080 TRIBUTARY_DEVICE=node TRIBUTARY_TOKEN=... TRIBUTARY_SPOOL=/var/lib/node ./node
 *
 * TRIBUTARY_INTERVAL_MS is the time between readings (50); with TRIBUTARY_CHANNELS=other it is another version of itself, with a list of channels
 * that begins with one that it never measures. SIGTERM ends it as a deep sleep would: it sends what waits, lets commands end,
 * closes, and prints how far it has counted.
 */
#define _POSIX_C_SOURCE 200809L

#include "tributary.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef NODE_SECTORS
#define NODE_SECTORS 256
#endif
#define SECTOR_BYTES 4096

/* ---- the network ---- */

typedef struct {
    char host[128], service[16];
    int socket;
    bool is_begun;
} network;

static int net_connect(void *context)
{
    network *net = context;
    struct pollfd ready = {net->socket, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    if (!net->is_begun) {
        struct addrinfo hints = {0}, *found = NULL;
        hints.ai_socktype = SOCK_STREAM;
        if (getaddrinfo(net->host, net->service, &hints, &found) != 0) return -1;
        net->socket = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
        net->is_begun = net->socket >= 0;
        if (net->is_begun) {
            fcntl(net->socket, F_SETFL, O_NONBLOCK);
            error = connect(net->socket, found->ai_addr, found->ai_addrlen) == 0 || errno == EINPROGRESS ? 0 : -1;
        }
        freeaddrinfo(found);
        return net->is_begun ? error : -1;
    }
    if (poll(&ready, 1, 0) == 0) return 0;
    return getsockopt(net->socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0 ? 1 : -1;
}

static long net_result(ssize_t count)
{
    if (count > 0) return (long)count;
    return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : -1;
}

static long net_read(void *context, void *buffer, size_t size)
{
    return net_result(recv(((network *)context)->socket, buffer, size, 0));
}

static long net_write(void *context, const void *bytes, size_t size)
{
    return net_result(send(((network *)context)->socket, bytes, size, MSG_NOSIGNAL));
}

static void net_close(void *context)
{
    network *net = context;
    if (net->socket >= 0) close(net->socket);
    net->socket = -1;
    net->is_begun = false;
}

/* ---- clock and chance ---- */

static int64_t clock_us(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t uptime(void *context)
{
    (void)context;
    return clock_us(CLOCK_MONOTONIC);
}

static int64_t wall(void *context)
{
    (void)context;
    return clock_us(CLOCK_REALTIME);
}

static void random_bytes(void *context, void *buffer, size_t size)
{
    static int source = -1;
    (void)context;
    if (source < 0) source = open("/dev/urandom", O_RDONLY);
    if (source < 0 || read(source, buffer, size) != (ssize_t)size) abort(); /* without chance epochs would repeat */
}

/* ---- a file as flash ---- */

static int flash_read(void *context, uint32_t address, void *buffer, size_t size)
{
    return pread(*(int *)context, buffer, size, address) == (ssize_t)size ? 0 : -1;
}

static int flash_program(void *context, uint32_t address, const void *bytes, size_t size)
{
    return pwrite(*(int *)context, bytes, size, address) == (ssize_t)size ? 0 : -1;
}

static int flash_erase(void *context, uint32_t sector)
{
    uint8_t blank[SECTOR_BYTES];
    memset(blank, 0xff, sizeof blank);
    return flash_program(context, sector * SECTOR_BYTES, blank, sizeof blank);
}

static int open_flash(const char *folder)
{
    char path[512];
    int file;
    snprintf(path, sizeof path, "%s/flash.bin", folder);
    file = open(path, O_RDWR | O_CREAT, 0600);
    if (file >= 0 && lseek(file, 0, SEEK_END) != (off_t)NODE_SECTORS * SECTOR_BYTES)
        for (uint32_t i = 0; i < NODE_SECTORS; i++)
            if (flash_erase(&file, i) != 0) return -1;
    return file;
}

/* ---- the device ---- */

static tributary hub;
static int64_t interval_us = 50000;
static int waiting = -1; /* the command `wait` that runs */
static int64_t waiting_until_us;

enum { SUPPLY, COUNT, CHANNEL_COUNT };

static const tributary_channel CHANNELS[] = {
    {"supply", "V", TRIBUTARY_GAUGE, NULL, true, 0, 24, 0.01},
    {"count", "", TRIBUTARY_COUNTER, NULL, false, 0, 0, 0},
};
static const tributary_arg ECHO_ARGS[] = {{"text", TRIBUTARY_ARG_TEXT, false, 0, 0, false}};
static const tributary_arg WAIT_ARGS[] = {{"s", TRIBUTARY_ARG_NUMBER, true, 0, 86400, false}};
static const tributary_command COMMANDS[] = {
    {"echo", "says what it was told", ECHO_ARGS, 1},
    {"wait", "takes so many seconds", WAIT_ARGS, 1},
};

/* Every start of a command is noted down for the tests, which count them. */
static void note_run(const char *name, const char *id)
{
    const char *path = getenv("TRIBUTARY_RUNS");
    FILE *file = path == NULL ? NULL : fopen(path, "a");
    if (file == NULL) return;
    fprintf(file, "%s %s\n", name, id);
    fclose(file);
}

static void on_command(void *app, int command, const char *name, tributary_value args)
{
    uint8_t value[600];
    tributary_writer writer = {value, sizeof value, 0, 0};
    tributary_value given;
    const char *text;
    size_t bytes;
    double seconds = 0;
    (void)app;
    note_run(name, tributary_command_id(&hub, command));
    if (strcmp(name, "wait") == 0) {
        if (waiting >= 0) {
            tributary_finish(&hub, command, TRIBUTARY_FAILED, NULL, 0, "it waits already");
        } else if (tributary_get(args, "s", &given) && tributary_as_double(given, &seconds)) {
            waiting = command;
            waiting_until_us = uptime(NULL) + (int64_t)(seconds * 1e6);
        }
    } else if (tributary_get(args, "text", &given) && tributary_as_text(given, &text, &bytes)) {
        tributary_put_text(&writer, text, bytes);
        if (writer.length > writer.capacity) tributary_finish(&hub, command, TRIBUTARY_FAILED, NULL, 0, "too long");
        else tributary_finish(&hub, command, TRIBUTARY_DONE, value, writer.length, NULL);
    }
}

static void on_cancel(void *app, int command)
{
    (void)app;
    if (command != waiting) return;
    waiting = -1;
    tributary_finish(&hub, command, TRIBUTARY_CANCELLED, NULL, 0, NULL);
}

static const char *on_desired(void *app, tributary_value document)
{
    tributary_value value;
    double seconds;
    bool is_refused;
    (void)app;
    if (tributary_get(document, "refuse", &value) && tributary_as_bool(value, &is_refused) && is_refused) return "refused, as it was desired";
    if (!tributary_get(document, "interval_s", &value)) return NULL;
    if (!tributary_as_double(value, &seconds) || !(seconds >= 0.001 && seconds <= 86400)) return "interval_s must lie within 0.001 and 86400";
    interval_us = (int64_t)(seconds * 1e6);
    return NULL;
}

static void write_reported(void *app, tributary_writer *writer)
{
    (void)app;
    tributary_put_map(writer, 1);
    tributary_put_key(writer, "interval_s");
    tributary_put_double(writer, (double)interval_us / 1e6);
}

static void on_reject(void *app, const char *code, const char *reason)
{
    (void)app;
    fprintf(stderr, "rejected: %s %s\n", code, reason);
}

static const char *needed(const char *name)
{
    const char *value = getenv(name);
    if (value != NULL) return value;
    fprintf(stderr, "%s is not set\n", name);
    exit(2);
}

static void read_url(const char *url, network *net, char *host, size_t size)
{
    const char *place = strstr(url, "://"), *end, *colon;
    place = place == NULL ? url : place + 3;
    end = place + strcspn(place, "/");
    colon = memchr(place, ':', (size_t)(end - place));
    snprintf(host, size, "%.*s", (int)(end - place), place);
    snprintf(net->host, sizeof net->host, "%.*s", (int)((colon == NULL ? end : colon) - place), place);
    snprintf(net->service, sizeof net->service, "%.*s", colon == NULL ? 2 : (int)(end - colon - 1), colon == NULL ? "80" : colon + 1);
}

static volatile sig_atomic_t is_over;

static void end(int number)
{
    (void)number;
    is_over = 1;
}

int main(void)
{
    static char host[160];
    network net = {"", "", -1, false};
    int flash = open_flash(needed("TRIBUTARY_SPOOL"));
    const char *no_clock = getenv("TRIBUTARY_NO_CLOCK"), *interval = getenv("TRIBUTARY_INTERVAL_MS"), *other = getenv("TRIBUTARY_CHANNELS");
    uint16_t first = other == NULL || other[0] == 0 ? COUNT : SUPPLY;
    uint64_t count;
    int64_t due_us;
    tributary_port port = {&net, net_connect, net_read, net_write, net_close, uptime, no_clock == NULL ? wall : NULL, random_bytes};
    tributary_storage storage = {&flash, SECTOR_BYTES, NODE_SECTORS, 1, flash_read, flash_program, flash_erase};
    tributary_config config = {host, NULL, needed("TRIBUTARY_TOKEN"), needed("TRIBUTARY_DEVICE"), "posix-node 1.0",
                               CHANNELS + first, (uint16_t)(CHANNEL_COUNT - first), COMMANDS, 2, 0, 0, NULL, on_command, on_cancel, on_desired, write_reported, on_reject, NULL};
    read_url(needed("TRIBUTARY_URL"), &net, host, sizeof host);
    if (interval != NULL) interval_us = strtol(interval, NULL, 10) * 1000;
    config.interval_s = interval_us < 1000000 ? 1 : (double)interval_us / 1e6;
    if (flash < 0 || tributary_open(&hub, &config, &port, &storage) != TRIBUTARY_OK) {
        fprintf(stderr, "the storage cannot be opened\n");
        return 1;
    }
    count = tributary_note(&hub); /* of the newest reading that was kept: it goes on from there, without a hole and without a double */
    due_us = uptime(NULL);
    signal(SIGTERM, end);
    for (;;) {
        struct pollfd ready = {net.socket, POLLIN, 0};
        uint32_t wait_ms = tributary_poll(&hub);
        int64_t left_ms = (due_us - uptime(NULL)) / 1000 + 1;
        if (tributary_state_of(&hub) == TRIBUTARY_REFUSED) {
            fprintf(stderr, "refused: %d %s\n", hub.statistics.last_code, hub.statistics.last_reason);
            return 3;
        }
        if (is_over) tributary_sleep(&hub);
        if (tributary_state_of(&hub) == TRIBUTARY_ASLEEP) {
            printf("%llu\n", (unsigned long long)count);
            return 0;
        }
        if (!is_over && left_ms < (int64_t)wait_ms) wait_ms = left_ms < 0 ? 0 : (uint32_t)left_ms;
        if (wait_ms > 0) poll(&ready, net.is_begun ? 1 : 0, (int)wait_ms);
        if (waiting >= 0 && uptime(NULL) >= waiting_until_us) {
            int command = waiting;
            waiting = -1;
            tributary_finish(&hub, command, TRIBUTARY_DONE, NULL, 0, NULL);
        }
        if (!is_over && uptime(NULL) >= due_us) {
            due_us = uptime(NULL) + interval_us;
            tributary_integer(&hub, (uint16_t)(COUNT - first), (int64_t)++count);
            tributary_set_note(&hub, count);
            if (tributary_flush(&hub) != TRIBUTARY_OK) {
                fprintf(stderr, "the storage fails\n");
                return 1;
            }
        }
    }
}
