/*
 * The client against tests/vectors: what it reads of a message, what it does on one of the hub, and what it says itself.
 *
 *     vectors read < HEX...   each line's message as JSON, or `refused`
 *     vectors take < HEX...   what the client knows after a message of the hub, as JSON
 *     vectors say             each message of a device that it can make, `NAME HEX`
 */
#include "world.h"

#define VECTOR_EPOCH 0x1122334455667788u
#define VECTOR_US 1700000000000000

static char heard[256];

static void on_command(void *app, int command, const char *name, tributary_value args)
{
    (void)app, (void)args;
    snprintf(heard, sizeof heard, "%s %s", name, device.commands[command].id);
}

static const char *on_desired(void *app, tributary_value document)
{
    (void)app;
    snprintf(heard, sizeof heard, "desired of %d", (int)tributary_count(document));
    return NULL;
}

static void on_reject(void *app, const char *code, const char *reason)
{
    (void)app;
    snprintf(heard, sizeof heard, "%s: %s", code, reason);
}

static bool is_empty_document;

static void write_reported(void *app, tributary_writer *w)
{
    (void)app;
    tributary_put_map(w, is_empty_document ? 0 : 2);
    if (is_empty_document) return;
    tributary_put_key(w, "interval_s");
    tributary_put_integer(w, 5);
    tributary_put_key(w, "net");
    tributary_put_map(w, 1);
    tributary_put_key(w, "dhcp");
    tributary_put_bool(w, true);
}

/* ---- reading ---- */

static const uint8_t *printed(const uint8_t *at, const uint8_t *end)
{
    token found = token_at(at, end);
    at = found.next;
    if (found.kind == NIL) printf("null");
    else if (found.kind == BOOLEAN) printf(found.bits ? "true" : "false");
    else if (found.kind == UNSIGNED) printf("%llu", (unsigned long long)found.bits);
    else if (found.kind == SIGNED) printf("%lld", (long long)signed_of(found.bits));
    else if (found.kind == FLOAT) {
        double number = 0;
        tributary_value value = {at - (found.is_single ? 5 : 9), end};
        tributary_as_double(value, &number);
        printf("%.17g", number);
    } else if (found.kind == STRING || found.kind == BINARY) {
        printf(found.kind == STRING ? "\"" : "{\"bin\": \"");
        for (uint64_t i = 0; i < found.bits; i++) printf(found.kind == STRING ? "%c" : "%02x", at[i]);
        printf(found.kind == STRING ? "\"" : "\"}");
        at += found.bits;
    } else {
        printf(found.kind == ARRAY ? "[" : "{");
        for (uint64_t i = 0; i < found.bits; i++) {
            if (i > 0) printf(", ");
            at = printed(at, end);
            if (found.kind == MAP) {
                printf(": ");
                at = printed(at, end);
            }
        }
        printf(found.kind == ARRAY ? "]" : "}");
    }
    return at;
}

static size_t read_line(uint8_t *bytes, size_t capacity)
{
    static char line[300000];
    size_t count = 0;
    unsigned byte;
    if (fgets(line, sizeof line, stdin) == NULL) return SIZE_MAX;
    while (count < capacity && sscanf(line + 2 * count, "%2x", &byte) == 1) bytes[count++] = (uint8_t)byte;
    return count;
}

static void prepared(void)
{
    tributary_epoch_ *old;
    flash_cut_at = -1;
    memset(flash, 0xff, sizeof flash);
    CONFIG.on_reject = on_reject;
    if (tributary_open(&device, &CONFIG, &PORT, &STORAGE) != TRIBUTARY_OK) fail("not opened", 0, 0);
    old = add_epoch(&device, 77);
    old->first = 3;
    old->last = 9;
    add_epoch(&device, VECTOR_EPOCH)->flags = IS_OF_THIS_BOOT;
    device.has_current = true;
}

static void take(const uint8_t *bytes, size_t size)
{
    tributary_epoch_ *live;
    bool is_good;
    prepared();
    heard[0] = 0;
    live = current_of(&device);
    live->last = live->sent = 20;
    live->first = 1;
    device.state = TRIBUTARY_CONNECTED;
    device.phase = memmem(bytes, size, "welcome", 7) != NULL ? AWAITING : TALKING;
    device.live.frames = 5;
    device.has_hub_time = true;
    is_good = take_message(&device, bytes, size);
    printf("{\"good\": %s, \"heard\": \"%s\", \"live_first\": %u, \"old_first\": %u, \"live\": [%u, %u], \"backfill\": [%u, %u], \"fence\": %llu, "
           "\"floor\": %llu, \"heartbeat_s\": %g, \"wanted\": %lld, \"bye\": %d, \"retry_s\": %g, \"jitter_s\": %g, \"commands\": \"%s%s\"}\n",
           is_good ? "true" : "false", heard, live->first, device.epochs[0].first, device.live.frames, device.live.bytes,
           device.backfill.frames, device.backfill.bytes, (unsigned long long)device.fence, (unsigned long long)device.shadow.floor,
           device.heartbeat_s, (long long)device.shadow.wanted, device.bye_code, device.bye_retry_s, device.bye_jitter_s,
           device.commands[TRIBUTARY_MAX_COMMANDS - 1].id, STATES[device.commands[TRIBUTARY_MAX_COMMANDS - 1].state]);
}

/* ---- saying ---- */

static void shown(const char *name, const uint8_t *bytes, size_t size)
{
    printf("%s ", name);
    for (size_t i = 0; i < size; i++) printf("%02x", bytes[i]);
    printf("\n");
}

/* Show the frame that was kept last, as it goes out. */
static void shown_frame(const char *name, uint32_t from)
{
    tributary_place_ place = {device.head_sector, from};
    record head;
    while (record_at(&device, place, &head) == 1 && head.type > GIVE_UP) step_over(&device, &place, &head);
    memcpy(device.tx + 14, device.work, head.bytes);
    shown(name, device.tx + 14, finished(&device, current_of(&device), &head));
}

static void say_all(void)
{
    float burst[] = {1.5f, -2.0f, 0.25f};
    uint8_t value[] = {42};
    uint32_t from;
    tributary_entry_ *entry;
    tributary_writer w;
#define BEGIN() (prepared(), current_of(&device)->flags |= HAS_OFFSET, from = device.head_offset)
    BEGIN();
    tributary_at(&device, VECTOR_US);
    tributary_number(&device, 0, 21.5);
    tributary_at(&device, VECTOR_US + 1000);
    tributary_bool(&device, 1, true);
    tributary_flush(&device);
    shown_frame("data", from);

    BEGIN();
    current_of(&device)->flags = 0; /* of an earlier boot, and no hub ever told the time */
    tributary_integer(&device, 0, 1);
    tributary_flush(&device);
    shown_frame("undated", from);

    BEGIN();
    tributary_pack(&device, 0, VECTOR_US, 500000, burst, 3);
    shown_frame("pack", from);

    BEGIN();
    entry = place_for_entry(&device, false);
    memcpy(entry->id, "c-2", 4);
    entry->state = TRIBUTARY_RUNNING;
    tributary_finish(&device, (int)(entry - device.commands), TRIBUTARY_DONE, value, 1, NULL);
    shown_frame("result", from);

    BEGIN();
    device.shadow.number = 1700000002000 - 1;
    device.shadow.applied = 1700000001000;
    device.shadow.is_report_due = device.shadow.is_report_forced = true;
    keep_report(&device);
    shown_frame("reported", from);

    BEGIN();
    is_empty_document = true;
    device.shadow.number = 1700000002000 - 1;
    device.shadow.failed = 1700000001000;
    memcpy(device.shadow.error, "too fast", 9);
    device.shadow.is_report_due = device.shadow.is_report_forced = true;
    keep_report(&device);
    shown_frame("failed", from);

    BEGIN();
    current_of(&device)->offset_us = VECTOR_US - time_us;
    tributary_log(&device, TRIBUTARY_WARNING, "low battery");
    shown_frame("log", from);

    BEGIN();
    current_of(&device)->last = 5;
    current_of(&device)->gap_last = 5;
    current_of(&device)->gap_readings = 50;
    current_of(&device)->gap_from_us = VECTOR_US;
    current_of(&device)->gap_to_us = VECTOR_US + 5000000;
    device.live.frames = 8;
    device.live.bytes = 65536;
    if (!send_drop_gap(&device, current_of(&device), &device.live)) fail("no gap", 0, 0);
    for (size_t i = 14; i < device.tx_end; i++) device.tx[i] ^= device.tx[10 + ((i - 14) & 3)];
    shown("gap", device.tx + 14, device.tx_end - 14);

    BEGIN();
    device.epochs[0].gap_readings = 7;
    device.epochs[0].gap_last = 9;
    {
        tributary_epoch_ old = device.epochs[0];
        if (!give_up(&device, &old, "spool_full")) fail("not given up", 0, 0);
    }
    shown_frame("give_up", from);

    BEGIN();
    entry = place_for_entry(&device, false);
    memcpy(entry->id, "c-1", 4);
    entry->state = TRIBUTARY_FAILED;
    entry->reason = REASON_INTERRUPTED;
    entry->is_unsaid = 1;
    device.shadow.wanted = device.shadow.applied = 1700000000000;
    device.shadow.number = 1700000000500;
    device.fence = 1700000000000007;
    device.is_hello_by_wall = true;
    device.hello_clock_us = VECTOR_US;
    {
        static uint8_t hello[4096];
        w = writer_of(hello, sizeof hello);
        put_hello(&device, &w);
        shown("hello", hello, w.length);
    }
}

static const tributary_channel VECTOR_CHANNELS[] = {{"temp", "Cel", TRIBUTARY_GAUGE, NULL, false, 0, 0, 0}, {"door", "", TRIBUTARY_STATE, NULL, false, 0, 0, 0}};
static const tributary_arg VECTOR_ARGS[] = {{"s", TRIBUTARY_ARG_NUMBER, true, 0.1, HUGE_VAL, false}};
static const tributary_command VECTOR_COMMANDS[] = {{"set_interval", "how often to report", VECTOR_ARGS, 1}};
static const tributary_command HUB_COMMANDS[] = {{"identify", NULL, NULL, 0}};

int main(int count, char **arguments)
{
    static uint8_t bytes[140000];
    const char *mode = count > 1 ? arguments[1] : "";
    if (strcmp(mode, "say") == 0) {
        CONFIG.device = "boiler-1";
        CONFIG.firmware = "boiler 2.1";
        CONFIG.channels = VECTOR_CHANNELS;
        CONFIG.commands = VECTOR_COMMANDS;
        say_all();
        return 0;
    }
    CONFIG.commands = HUB_COMMANDS;
    for (;;) {
        size_t size = read_line(bytes, sizeof bytes);
        tributary_value message;
        uint8_t *exact;
        if (size == SIZE_MAX) return 0;
        exact = malloc(size); /* as large as it is: the sanitizer sees each byte read beyond it */
        memcpy(exact, bytes, size);
        if (strcmp(mode, "take") == 0) take(exact, size);
        else if (!tributary_check(exact, size, &message)) printf("refused\n");
        else printed(exact, exact + size), printf("\n");
        free(exact);
    }
}
