/*
 * A life of a device whose power goes at the Nth write of its flash, for every N: appending, acks, the ring going round, gaps, commands, the
 * shadow, new versions of the program with other lists of channels. Afterwards everything that was made is at the hub once or declared, no command has run twice, each has ended.
 *
 *     power_cut [FIRST [STEP]]   every STEP-th write from FIRST on, all by default; prints how many lives it tried
 */
#define MAX_DEPTH 6
#include "world.h"

static void hub_command(const char *id, int64_t ttl_s)
{
    uint8_t bytes[256];
    tributary_writer w = writer_of(bytes, sizeof bytes);
    if (!hub.is_welcomed) return;
    tributary_put_map(&w, 6);
    tributary_put_key(&w, "op");
    tributary_put_key(&w, "command");
    tributary_put_key(&w, "id");
    tributary_put_key(&w, id);
    tributary_put_key(&w, "name");
    tributary_put_key(&w, "blink");
    tributary_put_key(&w, "args");
    tributary_put_map(&w, 0);
    tributary_put_key(&w, "ttl_s");
    tributary_put_integer(&w, ttl_s);
    tributary_put_key(&w, "fence");
    tributary_put_integer(&w, hub.fence);
    hub_send(bytes, w.length, 2);
}

static void hub_desire(int64_t version)
{
    uint8_t bytes[256];
    tributary_writer w = writer_of(bytes, sizeof bytes);
    if (!hub.is_welcomed) return;
    tributary_put_map(&w, 3);
    tributary_put_key(&w, "op");
    tributary_put_key(&w, "desired");
    tributary_put_key(&w, "version");
    tributary_put_integer(&w, version);
    tributary_put_key(&w, "document");
    tributary_put_map(&w, 1);
    tributary_put_key(&w, "level");
    tributary_put_integer(&w, version);
    hub_send(bytes, w.length, 2);
}

/* The lists of the program's versions; that of the second takes nearly half of the room that there is for lists. */
static const char *const LONG_TEXTS[] = {
    "a text of a state, as long as such texts may well be where somebody has written a whole sentence of what is the matter, or of what to do",
    "another text, of the same length or nearly so, because a list that is larger than what there is room for beside all else must be tried, too",
    "and a third one, which has as much to say as the two before it, so that the list comes to what it may take: half of all room, and not more",
    "a fourth, which says that lists are written anew one sector before they must be, where there is room for them; they are too large to wait",
    "a fifth, which says what is done where there is none: then so much went to the new sector that the next one has room for all lists there are",
    "and the last one, which only says that it is the last", NULL};
static const tributary_channel SECOND[] = {{"mode", "", TRIBUTARY_STATE, LONG_TEXTS, false, 0, 0, 0}, {"count", "", TRIBUTARY_COUNTER, NULL, true, 0, 1e6, 1}};
static const tributary_channel THIRD[] = {{"speed", "m/s", TRIBUTARY_GAUGE, NULL, false, 0, 0, 0}, {"count", "", TRIBUTARY_COUNTER, NULL, false, 0, 0, 0}};
static const struct {
    const tributary_channel *channels;
    uint16_t count_at;
} VERSIONS[] = {{CHANNELS, 0}, {SECOND, 1}, {THIRD, 1}};
static volatile int version;
static uint64_t made;        /* values that the program knows to be kept */
static int runs[64];         /* how often each command ran */
static int64_t desired_now;  /* what the device was made */
static int to_end = -1;      /* a command that runs over several steps */

static void on_command(void *app, int command, const char *name, tributary_value args)
{
    (void)app, (void)name, (void)args;
    int number = atoi(device.commands[command].id + 1);
    if (++runs[number]) if (runs[number] > 1) fail("a command ran twice", number, runs[number]);
    if (number % 2) to_end = command;
    else tributary_finish(&device, command, TRIBUTARY_DONE, NULL, 0, NULL);
}

static const char *on_desired(void *app, tributary_value document)
{
    (void)app;
    desired_now = whole_of(document, "level");
    return NULL;
}

static void write_reported(void *app, tributary_writer *writer)
{
    (void)app;
    tributary_put_map(writer, 1);
    tributary_put_key(writer, "level");
    tributary_put_integer(writer, desired_now);
}

static void polled(int times)
{
    for (int i = 0; i < times; i++) {
        tributary_poll(&device);
        time_us += 50000;
    }
}

static void measured(int frames)
{
    for (int i = 0; i < frames; i++) {
        for (int k = 0; k < 3; k++) {
            tributary_integer(&device, VERSIONS[version].count_at, (int64_t)made + 1 + k);
            time_us += 1000;
        }
        tributary_set_note(&device, made + 3);
        if (tributary_flush(&device) == TRIBUTARY_OK) made += 3;
    }
}

/* Lines push everything else through the whole ring. */
static void logged(int lines)
{
    for (int i = 0; i < lines; i++) tributary_log(&device, TRIBUTARY_INFO, "a line that says nothing new");
}

static void commanded(int number)
{
    char id[16];
    sprintf(id, "c%d", number);
    hub_command(id, number < 2 ? 1000000 : 2);
    polled(4);
    hub_command(id, 2); /* the hub asks again: it must not run again */
    polled(4);
    if (hub.ended_count > 1) hub_command(hub.ended[0], 2); /* nor after however long, while its time is not over */
    polled(4);
    if (to_end >= 0) {
        tributary_progress(&device, to_end, 0.5);
        polled(2);
        tributary_finish(&device, to_end, TRIBUTARY_DONE, NULL, 0, NULL);
        to_end = -1;
    }
    polled(4);
}

static void opened(void);

/* One step of the life; steps are told by their number, so that a life goes on behind a power cut. */
static void lived(int step)
{
    hub.is_away = step % 12 >= 7; /* it comes and goes */
    hub.is_deaf = step % 12 == 5;
    hub.is_holding = step == 18;
    if (hub.is_away) hub.is_open = false;
    else tributary_wake(&device); /* the backoff is another test's */
    measured(step % 12 == 9 ? 160 : 4); /* the storage is full in between */
    if (step == 22) logged(300);
    polled(30);
    if (!hub.is_away && step % 3 == 0) commanded(step / 3);
    if (!hub.is_away && step % 12 == 2) hub_desire(1000 + step);
    polled(10);
    if (step % 5 == 4) {
        version = (version + 1) % 3;
        opened();
    }
}

static void checked(void)
{
    long missing = 0;
    for (uint64_t value = 1; value <= made; value++) missing += hub.stored[value] == 0;
    if (missing > hub.gap_readings) fail("lost without a word", missing, hub.gap_readings);
    if (missing == 0 && device.statistics.readings_dropped > 0 && hub.gap_readings == 0) fail("no gap was declared", 0, 0);
    if (hub.lists_lost > 0) fail("an epoch was given up with its list", hub.lists_lost, 0);
    for (int i = 0; i < hub.ended_count; i++)
        if (strcmp(hub.states[i], "done") && strcmp(hub.states[i], "failed")) fail("a command has not ended", i, 0);
    if (hub.reported_version != desired_now) fail("what was reported is not what the device is", (long)hub.reported_version, (long)desired_now);
    if (tributary_unacked(&device) != 0) fail("not drained", (long)tributary_unacked(&device), 0);
}

static void opened(void)
{
    to_end = -1;
    desired_now = 0; /* a program that starts does not know it */
    hub.is_open = false;
    CONFIG.channels = VERSIONS[version].channels;
    time_us += 5000000;
    if (tributary_open(&device, &CONFIG, &PORT, &STORAGE) != TRIBUTARY_OK) fail("not opened", 0, 0);
    if (tributary_note(&device) < made) fail("a reading that was kept is not there", (long)tributary_note(&device), (long)made);
    if (tributary_note(&device) > made + 3) fail("readings that were never made", (long)tributary_note(&device), (long)made);
    made = tributary_note(&device);
}

static volatile int at_step;

/* Live to the end, with the power going at a write; return how many writes there were. */
static long life(long cut_at, long second)
{
    memset(flash, 0x5a, sizeof flash); /* a chip that was never erased */
    memset(&hub, 0, sizeof hub);
    memset(runs, 0, sizeof runs);
    made = 0;
    desired_now = 0;
    version = 0;
    chance = (uint64_t)cut_at + 77;
    time_us = 1000000;
    flash_writes = 0;
    flash_cut_at = cut_at;
    at_step = -1;
    if (setjmp(power)) {
        flash_cut_at = second > 0 && flash_writes == cut_at ? flash_writes + second : -1; /* and once more soon after */
    }
    opened();
    for (at_step = at_step + 1; at_step < 36; at_step++) lived(at_step);
    flash_cut_at = -1;
    hub.is_away = hub.is_deaf = hub.is_holding = false;
    tributary_wake(&device);
    for (int i = 0; i < 4000 && (tributary_unacked(&device) > 0 || i < 300); i++) polled(1);
    checked();
    return flash_writes;
}

int main(int count, char **arguments)
{
    long first = count > 1 ? atol(arguments[1]) : 1, step = count > 2 ? atol(arguments[2]) : 1, lives = 0;
    long writes = life(-1, 0);
    if (hub.gap_readings == 0) fail("the life is too easy: nothing was ever dropped", 0, 0);
    if (count > 3) fprintf(stderr, "stored %ld of %ld, declared %ld, ended %d, reports %ld\n", hub.stored_count, (long)made, hub.gap_readings, hub.ended_count, hub.reported);
    for (long cut = first; cut <= writes; cut += step, lives++) life(cut, (long)(1 + cut % 23) * (cut % 2));
    printf("%ld lives of %ld writes\n", lives, writes);
    return 0;
}
