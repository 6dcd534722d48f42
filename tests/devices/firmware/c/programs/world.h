/*
 * A world for the client in one process: a flash that can lose power at any write, a hub that keeps what it acks, and virtual time.
 *
 * Everything is plain memory and follows from a seed. The client's source is included whole, so that tests reach what it hides.
 */
#include "../../../../../devices/firmware/c/tributary.c"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef SECTORS
#define SECTORS 4
#endif
#define SECTOR 4096
#define MAX_SEEN 65536
#define MAX_HUB_EPOCHS 4096

static void fail(const char *what, long a, long b)
{
    fprintf(stderr, "FAILED: %s (%ld, %ld)\n", what, a, b);
    exit(1);
}

/* What the hub finds wrong; a hub that told the device lies does not judge it. */
static bool is_hub_lying;

static void wrong(const char *what, long a, long b)
{
    if (!is_hub_lying) fail(what, a, b);
}

/* ---- chance and time ---- */

static uint64_t chance = 1;
static int64_t time_us = 1000000;

static uint32_t drawn(void)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(chance >> 33);
}

static void world_random(void *context, void *buffer, size_t size)
{
    (void)context;
    for (size_t i = 0; i < size; i++) ((uint8_t *)buffer)[i] = (uint8_t)drawn();
}

static int64_t world_uptime(void *context)
{
    (void)context;
    return time_us;
}

/* ---- a flash by the rules of NOR that can lose power ---- */

static uint8_t flash[SECTORS * SECTOR];
static long flash_writes, flash_cut_at = -1; /* the write at which the power goes */
static jmp_buf power;

static int flash_read(void *context, uint32_t address, void *buffer, size_t size)
{
    (void)context;
    if (address + size > sizeof flash) fail("read beyond the flash", (long)address, (long)size);
    memcpy(buffer, flash + address, size);
    return 0;
}

static bool is_power_going(void)
{
    return ++flash_writes == flash_cut_at;
}

static int flash_program(void *context, uint32_t address, const void *bytes, size_t size)
{
    bool is_going = is_power_going();
    size_t whole = is_going ? drawn() % (size + 1) : size;
    (void)context;
    if (address + size > sizeof flash) fail("program beyond the flash", (long)address, (long)size);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = ((const uint8_t *)bytes)[i];
        if (flash[address + i] != 0xff) fail("programmed twice", (long)address, (long)i);
        if (i < whole) flash[address + i] &= byte;
        else if (i == whole) flash[address + i] &= (uint8_t)(byte | drawn()); /* torn within the byte */
    }
    if (is_going) longjmp(power, 1);
    return 0;
}

static int flash_erase(void *context, uint32_t sector)
{
    bool is_going = is_power_going();
    size_t whole = is_going ? drawn() % (SECTOR + 1) : SECTOR;
    (void)context;
    if (sector >= SECTORS) fail("no such sector", (long)sector, 0);
    for (size_t i = 0; i < whole; i++) flash[sector * SECTOR + i] = 0xff;
    if (is_going) longjmp(power, 1);
    return 0;
}

/* ---- the hub ---- */

typedef struct {
    uint64_t number;
    int64_t received;
    uint32_t list;     /* checksum of its channels, as hello said them */
    char names[16];    /* first letters of their names */
    bool is_of_others; /* the hub has it already, from who knows whom */
} hub_epoch;

static struct {
    const char *answer;  /* to the upgrade, in place of letting it in */
    void (*spoil)(void); /* what is done to its answer to the upgrade */
    bool is_away, is_holding, is_deaf; /* deaf: it takes frames and acks none */
    int refusals; /* so many hellos to come are answered by epoch_used */
    bool is_open, is_upgraded, is_welcomed;
    uint8_t in[70000], out[70000];
    size_t in_bytes, out_bytes;
    hub_epoch epochs[MAX_HUB_EPOCHS];
    int epoch_count;
    uint8_t stored[MAX_SEEN];   /* how often a value was stored */
    long connects, stored_count, gap_readings, lists_lost, reported, results, rejected_undated, bytes_in, messages_in, acked_frames;
    char ended[64][16];
    int ended_count;
    char states[64][16];
    int64_t fence, known_fence, reported_number, reported_version; /* known: the device has said something after it was told */
} hub;

static int hub_connect(void *context)
{
    (void)context;
    if (hub.is_away) return -1;
    hub.connects++;
    hub.is_open = true;
    hub.is_upgraded = hub.is_welcomed = false;
    hub.in_bytes = hub.out_bytes = 0;
    return 1;
}

static void hub_close(void *context)
{
    (void)context;
    hub.is_open = false;
}

static void hub_send(const uint8_t *payload, size_t size, uint8_t opcode)
{
    uint8_t *at = hub.out + hub.out_bytes;
    if (hub.out_bytes + size + 4 > sizeof hub.out) return;
    at[0] = (uint8_t)(0x80 | opcode);
    at[1] = (uint8_t)(size < 126 ? size : 126);
    if (size >= 126) put_be(at + 2, size, 2);
    memcpy(at + (size < 126 ? 2 : 4), payload, size);
    hub.out_bytes += size + (size < 126 ? 2 : 4);
}

static hub_epoch *hub_epoch_of(uint64_t number)
{
    for (int i = 0; i < hub.epoch_count; i++)
        if (hub.epochs[i].number == number) return &hub.epochs[i];
    if (hub.epoch_count == MAX_HUB_EPOCHS) fail("too many epochs", hub.epoch_count, 0);
    hub.epochs[hub.epoch_count].number = number;
    return &hub.epochs[hub.epoch_count++];
}

static void put_credit(tributary_writer *w)
{
    tributary_put_key(w, "credit");
    tributary_put_map(w, 2);
    for (int lane = 0; lane < 2; lane++) {
        tributary_put_key(w, lane == 0 ? "live" : "backfill");
        tributary_put_array(w, 2);
        tributary_put_integer(w, hub.is_holding ? 0 : 8);
        tributary_put_integer(w, hub.is_holding ? 0 : 65536);
    }
}

static void hub_ack(uint64_t number, int64_t seq)
{
    static uint8_t bytes[128];
    tributary_writer w = writer_of(bytes, sizeof bytes);
    tributary_put_map(&w, 3);
    tributary_put_key(&w, "op");
    tributary_put_key(&w, "ack");
    tributary_put_key(&w, "acks");
    tributary_put_array(&w, 1);
    tributary_put_array(&w, 2);
    put_unsigned(&w, number);
    tributary_put_integer(&w, seq);
    put_credit(&w);
    hub_send(bytes, w.length, 2);
}

static int64_t whole_of(tributary_value map, const char *key)
{
    int64_t number = -1;
    get_integer(map, key, INT64_MIN, &number);
    return number;
}

/* Take the list of channels that an epoch goes by: the same one each time, to the byte. */
static void hub_list(uint64_t number, tributary_value channels)
{
    hub_epoch *epoch = hub_epoch_of(number);
    uint32_t list = crc32_of(1, channels.at, (size_t)(behind(channels.at, channels.end) - channels.at));
    if (epoch->list != 0 && epoch->list != list) wrong("the channels of an epoch are others than before", (long)epoch->received, 0);
    epoch->list = list;
    for (size_t i = 0; i < tributary_count(channels) && i < sizeof epoch->names; i++) {
        tributary_value channel, name;
        const char *text;
        size_t bytes;
        tributary_item(channels, i, &channel);
        tributary_get(channel, "name", &name);
        tributary_as_text(name, &text, &bytes);
        epoch->names[i] = text[0];
    }
}

static void hub_lists(tributary_value hello)
{
    tributary_value unfinished, entry, channels, own;
    bool is_listed = false;
    tributary_get(hello, "channels", &channels);
    tributary_get(hello, "unfinished", &unfinished);
    for (size_t i = 0; i < tributary_count(unfinished); i++) {
        tributary_item(unfinished, i, &entry);
        is_listed = is_listed || whole_of(entry, "epoch") == whole_of(hello, "epoch");
        hub_list((uint64_t)whole_of(entry, "epoch"), tributary_get(entry, "channels", &own) ? own : channels);
    }
    if (!is_listed) hub_list((uint64_t)whole_of(hello, "epoch"), channels);
}

/* Say that the live epoch is known from before; true: it was said, and the connection is over. */
static bool is_hub_refusing(tributary_value hello)
{
    uint8_t bytes[64];
    tributary_writer w = writer_of(bytes, sizeof bytes);
    hub_epoch *epoch = hub_epoch_of((uint64_t)whole_of(hello, "epoch"));
    if (hub.refusals == 0) return false;
    hub.refusals--;
    epoch->is_of_others = true;
    epoch->received = 1000;
    tributary_put_map(&w, 3);
    tributary_put_key(&w, "op");
    tributary_put_key(&w, "bye");
    tributary_put_key(&w, "code");
    tributary_put_integer(&w, 4002);
    tributary_put_key(&w, "retry_s");
    tributary_put_integer(&w, 0);
    hub_send(bytes, w.length, 2);
    hub_send((const uint8_t *)"\x0f\xa2", 2, 8);
    return true;
}

static void hub_hello(tributary_value hello)
{
    static uint8_t bytes[4096];
    tributary_writer w = writer_of(bytes, sizeof bytes);
    tributary_value unfinished, entry;
    size_t count;
    tributary_get(hello, "unfinished", &unfinished);
    count = tributary_count(unfinished);
    if (count > 64) wrong("too many epochs listed", (long)count, 0);
    if (whole_of(hello, "fence") >= 0 && whole_of(hello, "fence") > hub.fence) wrong("a fence that was never told", 0, 0);
    if (hub.known_fence > 0 && whole_of(hello, "fence") < hub.known_fence) wrong("a fence was forgotten", (long)whole_of(hello, "fence"), (long)hub.known_fence);
    for (size_t i = 0; i < count; i++) {
        tributary_item(unfinished, i, &entry);
        if (whole_of(entry, "first") > hub_epoch_of((uint64_t)whole_of(entry, "epoch"))->received + 1)
            wrong("frames were let go of that were never acked", (long)whole_of(entry, "first"), (long)hub_epoch_of((uint64_t)whole_of(entry, "epoch"))->received);
        if (hub_epoch_of((uint64_t)whole_of(entry, "epoch"))->is_of_others) wrong("an epoch of others is listed", (long)i, 0);
    }
    if (is_hub_refusing(hello)) return;
    hub_lists(hello);
    tributary_put_map(&w, 7);
    tributary_put_key(&w, "op");
    tributary_put_key(&w, "welcome");
    tributary_put_key(&w, "time_us");
    tributary_put_integer(&w, 1700000000000000 + time_us);
    tributary_put_key(&w, "marks");
    tributary_put_array(&w, count + 1);
    for (size_t i = 0; i <= count; i++) {
        uint64_t number = (uint64_t)whole_of(hello, "epoch");
        if (i < count) {
            tributary_item(unfinished, i, &entry);
            number = (uint64_t)whole_of(entry, "epoch");
        }
        tributary_put_array(&w, 2);
        put_unsigned(&w, number);
        tributary_put_integer(&w, hub_epoch_of(number)->received);
    }
    put_credit(&w);
    tributary_put_key(&w, "heartbeat_s");
    tributary_put_integer(&w, 20);
    tributary_put_key(&w, "reported");
    tributary_put_integer(&w, hub.reported_number);
    tributary_put_key(&w, "fence");
    tributary_put_integer(&w, ++hub.fence);
    hub_send(bytes, w.length, 2);
    hub.is_welcomed = true;
}

static void hub_store(const hub_epoch *epoch, tributary_value frame, int64_t seq)
{
    tributary_value values, channels, item;
    double value;
    int64_t channel;
    tributary_get(frame, "v", &values);
    tributary_get(frame, "c", &channels);
    for (size_t i = 0; i < tributary_count(values); i++) {
        tributary_item(channels, i, &item);
        if (!tributary_as_integer(item, &channel) || channel >= (int64_t)sizeof epoch->names) fail("no such channel", (long)seq, 0);
        if (epoch->names[channel] != 'c' && epoch->names[channel] != 'w') wrong("stored under a wrong name", (long)channel, (long)seq);
        tributary_item(values, i, &item);
        if (!tributary_as_double(item, &value) || value < 1 || value >= MAX_SEEN) fail("no such value", (long)seq, 0);
        if (hub.stored[(long)value]++) wrong("a reading came twice", (long)value, (long)seq);
        hub.stored_count++;
    }
}

static void hub_result(tributary_value frame)
{
    tributary_value id, state;
    const char *text, *name;
    size_t bytes, size;
    int place = 0;
    tributary_get(frame, "id", &id);
    tributary_get(frame, "state", &state);
    tributary_as_text(id, &text, &bytes);
    tributary_as_text(state, &name, &size);
    hub.results++;
    while (place < hub.ended_count && (strlen(hub.ended[place]) != bytes || memcmp(hub.ended[place], text, bytes) != 0)) place++;
    if (place == hub.ended_count) {
        if (hub.ended_count == 64) return;
        copy_text(hub.ended[hub.ended_count++], 16, text, bytes);
    }
    /* Of an older epoch, in the other lane: what was said before comes after. */
    if (strcmp(hub.states[place], "done") && strcmp(hub.states[place], "failed")) copy_text(hub.states[place], 16, name, size);
}

static void hub_take(const uint8_t *bytes, size_t size)
{
    tributary_value message, op, of, reason;
    hub_epoch *epoch;
    int64_t seq, last;
    hub.messages_in++;
    if (!tributary_check(bytes, size, &message) || !tributary_get(message, "op", &op)) wrong("no message", (long)size, 0);
    if (tributary_is(op, "hello")) {
        hub_hello(message);
        return;
    }
    if (!hub.is_welcomed) wrong("a frame before welcome", 0, 0);
    if (bytes[1] != 0xa1 || bytes[2] != 'e') wrong("e is not first", 0, 0);
    hub.known_fence = hub.fence;
    epoch = hub_epoch_of((uint64_t)whole_of(message, "e"));
    seq = whole_of(message, "s");
    last = seq;
    if (tributary_is(op, "gap")) {
        last = whole_of(message, "last");
        if (last > epoch->received) hub.gap_readings += (long)whole_of(message, "readings");
        tributary_get(message, "reason", &reason);
        hub.lists_lost += tributary_is(reason, "channels_changed") || tributary_is(reason, "corrupt");
        if (tributary_get(message, "of", &of)) hub_epoch_of((uint64_t)whole_of(message, "of"))->received = whole_of(message, "of_last");
    }
    if (seq > epoch->received + 1) wrong("a hole in the numbers", (long)seq, (long)epoch->received);
    if (last > epoch->received) {
        epoch->received = last;
        if (tributary_is(op, "data")) hub_store(epoch, message, seq);
        if (tributary_is(op, "result")) hub_result(message);
        if (tributary_is(op, "reported")) {
            hub.reported++;
            if (whole_of(message, "n") > hub.reported_number) {
                hub.reported_number = whole_of(message, "n");
                hub.reported_version = whole_of(message, "version");
            }
        }
    }
    if (!hub.is_deaf) {
        hub_ack(epoch->number, epoch->received);
        hub.acked_frames++;
    }
}

static long hub_write(void *context, const void *bytes, size_t size)
{
    (void)context;
    if (!hub.is_open) return -1;
    if (hub.in_bytes + size > sizeof hub.in) size = sizeof hub.in - hub.in_bytes;
    memcpy(hub.in + hub.in_bytes, bytes, size);
    hub.in_bytes += size;
    hub.bytes_in += (long)size;
    if (!hub.is_upgraded) {
        uint8_t key[60], digest[20];
        char proof[29], *found;
        if (hub.in_bytes < 4 || memcmp(hub.in + hub.in_bytes - 4, "\r\n\r\n", 4) != 0) return (long)size;
        hub.in[hub.in_bytes] = 0;
        if (hub.answer != NULL) {
            hub.out_bytes = strlen(hub.answer);
            memcpy(hub.out, hub.answer, hub.out_bytes);
            hub.in_bytes = 0;
            return (long)size;
        }
        found = strstr((char *)hub.in, "Sec-WebSocket-Key: ");
        if (found == NULL) fail("no key", 0, 0);
        memcpy(key, found + 19, 24);
        memcpy(key + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
        sha1_of_60(key, digest);
        base64(digest, 20, proof);
        hub.out_bytes = (size_t)sprintf((char *)hub.out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                        "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: tributary.device.v1\r\n\r\n", proof);
        hub.is_upgraded = true;
        hub.in_bytes = 0;
        if (hub.spoil != NULL) hub.spoil();
        return (long)size;
    }
    for (;;) {
        size_t head = 2, payload;
        if (hub.in_bytes < 2) break;
        payload = hub.in[1] & 127u;
        if (!(hub.in[1] & 0x80)) fail("not masked", 0, 0);
        if (payload == 126) head = 4, payload = (size_t)get_be(hub.in + 2, 2);
        if (hub.in_bytes < head + 4 + payload) break;
        for (size_t i = 0; i < payload; i++) hub.in[head + 4 + i] ^= hub.in[head + (i & 3)];
        if ((hub.in[0] & 15) == 2) hub_take(hub.in + head + 4, payload);
        if ((hub.in[0] & 15) == 8) hub_send(hub.in + head + 4, payload, 8);
        memmove(hub.in, hub.in + head + 4 + payload, hub.in_bytes - head - 4 - payload);
        hub.in_bytes -= head + 4 + payload;
    }
    return (long)size;
}

static long hub_read(void *context, void *buffer, size_t size)
{
    (void)context;
    if (!hub.is_open) return -1;
    if (size > hub.out_bytes) size = hub.out_bytes;
    memcpy(buffer, hub.out, size);
    memmove(hub.out, hub.out + size, hub.out_bytes - size);
    hub.out_bytes -= size;
    return (long)size;
}

/* ---- the device ---- */

static tributary device;
static const tributary_channel CHANNELS[] = {{"count", "", TRIBUTARY_COUNTER, NULL, false, 0, 0, 0}, {"wave", "V", TRIBUTARY_GAUGE, NULL, false, 0, 0, 0}};
static const tributary_command COMMANDS[] = {{"blink", NULL, NULL, 0}};
static void on_command(void *app, int command, const char *name, tributary_value args);
static const char *on_desired(void *app, tributary_value document);
static void write_reported(void *app, tributary_writer *writer);
static const tributary_port PORT = {NULL, hub_connect, hub_read, hub_write, hub_close, world_uptime, NULL, world_random};
static const tributary_storage STORAGE = {NULL, SECTOR, SECTORS, 8, flash_read, flash_program, flash_erase};
static tributary_config CONFIG = {"hub", NULL, "token", "device", "test 1", CHANNELS, 2, COMMANDS, 1, 1, 0, NULL,
                                  on_command, NULL, on_desired, write_reported, NULL, NULL};
