/*
 * A hub that means harm: messages mutated by a seed, as bytes of a WebSocket cut anywhere, and rubbish before and in the handshake. The
 * client neither crashes nor writes beyond itself (the sanitizers watch), and comes back every time.
 *
 *     fuzz ROUNDS [SEED] < HEX...   messages to begin with, one a line
 */
#include "world.h"

static void on_command(void *app, int command, const char *name, tributary_value args)
{
    tributary_value value;
    double number;
    (void)app, (void)name;
    if (tributary_get(args, "s", &value)) tributary_as_double(value, &number);
    if (drawn() % 2) tributary_finish(&device, command, TRIBUTARY_DONE, NULL, 0, NULL);
}

static const char *on_desired(void *app, tributary_value document)
{
    tributary_value value;
    (void)app;
    for (size_t i = 0; i < 3; i++) tributary_item(document, i, &value);
    return drawn() % 3 == 0 ? "no" : NULL;
}

static void write_reported(void *app, tributary_writer *writer)
{
    (void)app;
    tributary_put_map(writer, 0);
}

#define MAX_SEEDS 64
static uint8_t seeds[MAX_SEEDS][4096];
static size_t seed_bytes[MAX_SEEDS];
static int seed_count;

static size_t mutated(uint8_t *bytes)
{
    int which = (int)(drawn() % (unsigned)seed_count);
    size_t size = seed_bytes[which], changes = drawn() % 5;
    memcpy(bytes, seeds[which], size);
    for (size_t i = 0; i < changes && size > 0; i++) {
        size_t at = drawn() % size;
        switch (drawn() % 6) {
        case 0: bytes[at] = (uint8_t)drawn(); break;
        case 1: bytes[at] ^= (uint8_t)(1u << drawn() % 8); break;
        case 2: size = at; break;
        case 3: bytes[at] = (uint8_t)(0xc0 + drawn() % 32); break;
        case 4: memmove(bytes + at, bytes + at + 1, --size - at); break;
        default: if (size < 4000) memmove(bytes + at + 1, bytes + at, size++ - at); break;
        }
    }
    return size;
}

/* Put a message on the wire as a good, a fragmented or a wrong frame. */
static void sent(const uint8_t *bytes, size_t size)
{
    uint8_t head[14];
    size_t first = drawn() % 4 == 0 ? drawn() % (size + 1) : size;
    for (int part = 0; part < (first < size ? 2 : 1); part++) {
        size_t from = part == 0 ? 0 : first, length = part == 0 ? first : size - first, need = 2;
        head[0] = (uint8_t)((part == 0 ? 2 : 0) | (part == 1 || first == size ? 0x80 : 0));
        head[1] = (uint8_t)(length < 126 ? length : 126);
        if (length >= 126) put_be(head + 2, length, 2), need = 4;
        if (drawn() % 40 == 0) head[drawn() % 2] ^= (uint8_t)(1u << drawn() % 8);
        if (hub.out_bytes + need + length > sizeof hub.out) return;
        memcpy(hub.out + hub.out_bytes, head, need);
        memcpy(hub.out + hub.out_bytes + need, bytes + from, length);
        hub.out_bytes += need + length;
        if (part == 0 && drawn() % 8 == 0) hub_send(bytes, drawn() % 100 < size ? drawn() % (size < 125 ? size + 1 : 125) : 0, (uint8_t)(8 + drawn() % 3));
    }
}

static void spoiled_answer(void)
{
    bool is_spoiled = drawn() % 4 == 0;
    for (size_t i = 0; is_spoiled && i < hub.out_bytes; i++)
        if (drawn() % 200 == 0) hub.out[i] = (uint8_t)drawn();
}

int main(int count, char **arguments)
{
    static char line[20000];
    long rounds = count > 1 ? atol(arguments[1]) : 20000, tries = 0;
    chance = count > 2 ? (uint64_t)atol(arguments[2]) : 1;
    flash_cut_at = -1;
    is_hub_lying = true;
    hub.spoil = spoiled_answer;
    while (seed_count < MAX_SEEDS && fgets(line, sizeof line, stdin) != NULL) {
        unsigned byte;
        for (size_t i = 0; i < 4096 && sscanf(line + 2 * i, "%2x", &byte) == 1; i++) seeds[seed_count][seed_bytes[seed_count]++] = (uint8_t)byte;
        seed_count += seed_bytes[seed_count] > 0;
    }
    memset(flash, 0xff, sizeof flash);
    if (seed_count == 0 || tributary_open(&device, &CONFIG, &PORT, &STORAGE) != TRIBUTARY_OK) fail("not begun", seed_count, 0);
    for (long round = 0; round < rounds; round++) {
        uint8_t bytes[4096];
        size_t size = mutated(bytes);
        uint8_t *exact = malloc(size + 1);
        tributary_value message;
        bool was_open = hub.is_open;
        memcpy(exact, bytes, size);
        tributary_check(exact, size, &message);
        free(exact);
        if (!hub.is_open) hub.epoch_count = 0;
        tributary_poll(&device);
        tries += !was_open && hub.is_open;
        hub.is_deaf = drawn() % 2;
        if (hub.is_open && device.phase > UPGRADING) sent(bytes, size);
        if (drawn() % 16 == 0) tributary_number(&device, 0, 1 + drawn() % 1000), tributary_flush(&device);
        memset(hub.stored, 0, sizeof hub.stored);
        tributary_poll(&device);
        time_us += 20000;
        if (device.state != TRIBUTARY_CONNECTED && drawn() % 8 == 0) tributary_wake(&device); /* the backoff would take all the time */
    }
    if (tries < rounds / 2000) fail("it does not come back", tries, rounds);
    printf("%ld rounds, %ld connections, %u welcomed\n", rounds, tries, (unsigned)device.statistics.connections);
    return 0;
}
