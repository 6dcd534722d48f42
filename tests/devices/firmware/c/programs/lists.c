/*
 * Another version of the program has another list of channels, and frames of the ones before are on the storage: they come all the same,
 * by the list they were numbered with, wherever the power goes. Only where there are more lists than room the oldest is declared lost.
 *
 *     lists [STEP]   the power goes at every STEP-th write of the life, by default at each; prints how many lives it tried
 */
#define MAX_DEPTH 6
#define SECTORS 12
#include "world.h"
#include "idle.h"

/* ---- the versions of the program ---- */

static const char *const MODES[] = {"off", "slow", "fast", NULL};
static const tributary_channel COUNT_ALONE[] = {{"count", "", TRIBUTARY_COUNTER, NULL, false, 0, 0, 0}};
static const tributary_channel SPEED_FIRST[] = {{"speed", "m/s", TRIBUTARY_GAUGE, NULL, true, -1.5, 80, 0.1}, {"count", "", TRIBUTARY_COUNTER, NULL, false, 0, 0, 0}};
static const tributary_channel RENAMED[] = {{"mode", NULL, TRIBUTARY_STATE, MODES, false, 0, 0, 0},
                                            {"place", "", TRIBUTARY_POSITION, NULL, false, 0, 0, 0},
                                            {"count", "", TRIBUTARY_COUNTER, NULL, true, 0, 1e9, 1}};
static const tributary_channel GROWN[] = {{"count", "", TRIBUTARY_COUNTER, NULL, false, 0, 0, 0}, {"note", "", TRIBUTARY_TEXT, NULL, false, 0, 0, 0}};
static const tributary_channel ANOTHER_UNIT[] = {{"count", "1", TRIBUTARY_COUNTER, NULL, false, 0, 0, 0}};

#define VERSION(list, count_at) {list, sizeof list / sizeof list[0], count_at}
static const struct {
    const tributary_channel *channels;
    uint16_t count, count_at;
} VERSIONS[] = {VERSION(COUNT_ALONE, 0), VERSION(SPEED_FIRST, 1), VERSION(RENAMED, 2), VERSION(GROWN, 0), VERSION(ANOTHER_UNIT, 0)};

static volatile int version; /* stays what it is when the power goes: an update is over when the new program runs */
static volatile uint64_t made;

static void begun(void)
{
    CONFIG.channels = VERSIONS[version].channels;
    CONFIG.channel_count = VERSIONS[version].count;
    hub.is_open = false;
    time_us += 5000000;
    if (tributary_open(&device, &CONFIG, &PORT, &STORAGE) != TRIBUTARY_OK) fail("not opened", version, 0);
    if (tributary_note(&device) < made || tributary_note(&device) > made + 1) fail("a reading that was kept is not there", (long)tributary_note(&device), (long)made);
    made = tributary_note(&device);
}

static void measured(int count)
{
    for (int i = 0; i < count; i++) {
        tributary_integer(&device, VERSIONS[version].count_at, (int64_t)made + 1);
        tributary_set_note(&device, made + 1);
        time_us += 1000;
        if (tributary_flush(&device) != TRIBUTARY_OK) fail("not kept", (long)made, 0);
        made++;
    }
}

static void polled(int times)
{
    for (int i = 0; i < times; i++) {
        tributary_poll(&device);
        time_us += 50000;
    }
}

static void drained(void)
{
    hub.is_away = hub.is_deaf = false;
    tributary_wake(&device);
    for (int i = 0; i < 4000 && (tributary_unacked(&device) > 0 || i < 100); i++) polled(1);
    if (tributary_unacked(&device) > 0) fail("not drained", (long)tributary_unacked(&device), 0);
}

static void lived(int step)
{
    static const int NEXT[] = {1, 2, 0, 3, 4, 3, 1, 0};
    hub.is_away = step % 4 != 3; /* three updates without a hub, then one with it */
    hub.is_deaf = step % 8 == 3; /* which hears and keeps what it hears to itself: all of it is said again */
    if (hub.is_away) hub.is_open = false;
    else tributary_wake(&device);
    measured(3);
    polled(20);
    for (int i = 0; i < 40; i++) tributary_log(&device, TRIBUTARY_INFO, "a line that moves the ring on"); /* lists outlive the sectors they were written in */
    if (step % 8 == 7) drained();
    version = NEXT[step % 8];
    begun();
}

static volatile int at_step;

/* Live to the end, with the power going at a write; return how many writes there were. */
static long life(long cut_at)
{
    memset(flash, 0x5a, sizeof flash); /* a chip that was never erased */
    memset(&hub, 0, sizeof hub);
    version = 0;
    made = 0;
    chance = (uint64_t)cut_at + 77;
    time_us = 1000000;
    flash_writes = 0;
    flash_cut_at = cut_at;
    at_step = -1;
    if (setjmp(power)) flash_cut_at = flash_writes == cut_at && cut_at % 2 ? cut_at + 1 + cut_at % 23 : -1; /* and once more soon after */
    begun();
    if (at_step % 8 == 7) drained(); /* else twice as much would wait as there is room for */
    for (at_step = at_step + 1; at_step < 24; at_step++) lived(at_step);
    flash_cut_at = -1;
    drained();
    for (uint64_t value = 1; value <= made; value++)
        if (hub.stored[value] != 1) fail("a reading is not there", (long)value, (long)cut_at);
    if (hub.gap_readings != 0) fail("readings were given up", hub.gap_readings, cut_at);
    return flash_writes;
}

static char names[12][MAX_NAME + 1];
static tributary_channel channels[12];

/* Begin with a flash that is empty and a list that takes nearly half of the room for lists. */
static void begun_large(void)
{
    memset(flash, 0xff, sizeof flash);
    memset(&hub, 0, sizeof hub);
    made = 0;
    version = 0;
    hub.is_away = true;
    CONFIG.channels = channels;
    CONFIG.channel_count = 12;
    for (int i = 0; i < 12; i++) {
        memset(names[i], 'c', MAX_NAME);
        names[i][MAX_NAME - 1] = (char)('a' + i);
        channels[i] = COUNT_ALONE[0];
        channels[i].name = names[i];
    }
    channels[0].has_range = channels[1].has_range = channels[2].has_range = true;
    channels[0].resolution = channels[1].resolution = 1;
}

static void opened_large(char name)
{
    names[0][1] = name;
    hub.is_open = false;
    if (tributary_open(&device, &CONFIG, &PORT, &STORAGE) != TRIBUTARY_OK) fail("not opened", name, 0);
}

/* Everything that must outlive a sector is there and as large as it may be, two lists among it: none is lost, however the ring goes round. */
static void full(int offset)
{
    begun_large();
    opened_large('a');
    measured(1);
    opened_large('b');
    measured(1);
    for (int i = 0; i < offset; i++) tributary_log(&device, TRIBUTARY_INFO, "so that sectors begin elsewhere");
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++) {
        tributary_entry_ *entry = &device.commands[i];
        memset(entry->id, 'a' + i, TRIBUTARY_ID_BYTES);
        entry->state = TRIBUTARY_DONE;
        entry->expires_us = INT64_MAX;
        entry->value_bytes = TRIBUTARY_KEPT_VALUE;
        memset(entry->value, 1, sizeof entry->value);
        if (!keep_command(&device, entry)) fail("not kept", i, 0);
    }
    while (device.epoch_count < TRIBUTARY_MAX_EPOCHS - 1) {
        tributary_epoch_ newest = *current_of(&device), *epoch;
        device.epoch_count--;
        epoch = add_epoch(&device, drawn_epoch(&device));
        epoch->last = epoch->gap_last = 1; /* its frame was dropped already: the gap is all that is left of it */
        epoch->list = device.epochs[0].list;
        if (!keep_epoch(&device, epoch)) fail("not kept", device.epoch_count, 0);
        device.epochs[device.epoch_count++] = newest;
    }
    keep_fence(&device);
    for (int i = 0; i < 1500; i++) {
        if (tributary_log(&device, TRIBUTARY_INFO, "a line that moves the ring on") != TRIBUTARY_OK) fail("the ring stands", i, offset);
        if (i % 100 == 99) opened_large(i % 200 == 99 ? 'a' : 'b');
        for (int k = 0; k < device.epoch_count; k++)
            if (device.lists[device.epochs[k].list].at.sector <= device.tail_sector - 1) fail("a list is lost", i, offset);
    }
    if (device.statistics.storage_errors > 0) fail("no room", (long)device.statistics.storage_errors, offset);
}

/* Lists that take all the room there is: two stay, the readings of a third are declared lost. */
static void crowded(void)
{
    begun_large();
    for (int turn = 0; turn < 4; turn++) { /* the first three have other names, the fourth is the third again */
        opened_large((char)('a' + (turn < 3 ? turn : 2)));
        if (device.statistics.readings_dropped != (turn == 2 ? 5 : 0)) fail("given up", turn, (long)device.statistics.readings_dropped);
        measured(5);
    }
    drained();
    if (hub.stored_count != 15 || hub.gap_readings != 5) fail("another list than the oldest went", hub.stored_count, hub.gap_readings);
    memset(names[0], 'n', MAX_NAME);
    for (int i = 0; i < 12; i++) channels[i].unit = names[11];
    if (tributary_open(&device, &CONFIG, &PORT, &STORAGE) != TRIBUTARY_TOO_LARGE) fail("a list that is too large was taken", 0, 0);
    CONFIG.channel_count = 1;
    channels[0].name = "a name of more than the sixty-four bytes that the protocol allows a name";
    if (tributary_open(&device, &CONFIG, &PORT, &STORAGE) != TRIBUTARY_BAD_ARGUMENT) fail("a name that is too long was taken", 0, 0);
}

/* A list that nothing goes by any more still stands on the storage. It takes its room like a new one when a program has it again. */
static void had_again(void)
{
    begun_large();
    opened_large('z');
    measured(5);
    drained();
    tributary_stop(&device);
    hub.is_away = true;
    opened_large('x');
    measured(5);
    opened_large('y');
    measured(5);
    opened_large('z');
    measured(5);
    if (device.statistics.readings_dropped != 5) fail("more lists than there is room for", (long)device.statistics.readings_dropped, 0);
    drained();
    if (hub.stored_count != 15 || hub.gap_readings != 5) fail("another list than the oldest went", hub.stored_count, hub.gap_readings);
}

/* A list that is damaged on the storage: frames by it are declared, none is stored under a wrong name. */
static void damaged(void)
{
    uint32_t at;
    memset(flash, 0xff, sizeof flash);
    memset(&hub, 0, sizeof hub);
    made = 0;
    version = 0;
    hub.is_away = true;
    begun();
    measured(5);
    version = 1;
    begun();
    measured(5);
    at = address_of(&device, device.lists[device.epochs[0].list].at.sector, device.lists[device.epochs[0].list].at.offset);
    flash[at + RECORD_HEAD + 4] ^= 1; /* since the start: it is found when hello would say it */
    flash[at + RECORD_HEAD + 2] = 0xff;
    drained();
    if (hub.stored_count != 5 || hub.gap_readings != 5) fail("damage is declared", hub.stored_count, hub.gap_readings);
}

int main(int count, char **arguments)
{
    long step = count > 1 ? atol(arguments[1]) : 1, lives = 0, writes = life(-1);
    if (writes < 1000) fail("the life is too easy", writes, 0);
    for (long cut = 1; cut <= writes; cut += step, lives++) life(cut);
    flash_cut_at = -1;
    for (int offset = 0; offset < 40; offset++) full(offset);
    crowded();
    had_again();
    damaged();
    printf("%ld lives of %ld writes\n", lives, writes);
    return 0;
}
