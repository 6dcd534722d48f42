/*
 * The hub says that the device's epoch is another's (4002), and then the device is reset, or its power goes at any write: it never says that
 * number again, neither as live nor as unfinished, for what the other made up to the hub's mark would be taken for acked here. All that was
 * made comes once.
 *
 *     epoch_used   prints how many lives it tried
 */
#include "world.h"
#include "idle.h"

static volatile int64_t made;

static void begun(void)
{
    hub.is_open = false;
    time_us += 5000000;
    if (tributary_open(&device, &CONFIG, &PORT, &STORAGE) != TRIBUTARY_OK) fail("not opened", 0, 0);
    made = (int64_t)tributary_note(&device);
}

static void measured(int count)
{
    for (int i = 0; i < count; i++) {
        tributary_integer(&device, 0, made + 1);
        tributary_set_note(&device, (uint64_t)made + 1);
        if (tributary_flush(&device) != TRIBUTARY_OK) fail("not kept", (long)made, 0);
        made++;
    }
}

/* Poll so often; where the hub refuses the epoch, once more, until the refusals are told. */
static void polled(int times)
{
    for (int i = 0; i < times; i++) {
        tributary_poll(&device);
        time_us += 50000;
    }
}

/*
 * Frames are made without a hub; it comes, and refuses the epoch `refusals` times. A reset after `reset_at` more polls, the power going at
 * write `cut_at`, each 0 or less for never. Return how many writes there were.
 */
static long life(int before, int refusals, int reset_at, long cut_at)
{
    memset(flash, 0xff, sizeof flash);
    memset(&hub, 0, sizeof hub);
    made = 0;
    chance = (uint64_t)(cut_at + 77);
    time_us = 1000000;
    flash_writes = 0;
    flash_cut_at = cut_at;
    hub.refusals = refusals;
    hub.is_away = true;
    if (setjmp(power)) flash_cut_at = -1;
    begun();
    measured(before);
    polled(2);
    hub.is_away = false;
    tributary_wake(&device);
    if (reset_at > 0) {
        polled(reset_at);
        begun();
    }
    measured(2);
    for (int i = 0; i < 4000 && (tributary_unacked(&device) > 0 || i < 100); i++) polled(1);
    if (tributary_unacked(&device) > 0) fail("not drained", (long)tributary_unacked(&device), cut_at);
    for (int64_t value = 1; value <= made; value++)
        if (hub.stored[value] != 1) fail("a reading is not there", (long)value, cut_at);
    if (hub.refusals > 0 || hub.gap_readings > 0) fail("the hub was not heard, or readings were given up", hub.refusals, hub.gap_readings);
    return flash_writes;
}

int main(void)
{
    long lives = 0;
    for (int before = 0; before < 12; before += 3) {
        for (int refusals = 1; refusals < 4; refusals++) {
            long writes = life(before, refusals, 0, -1);
            for (int reset_at = 1; reset_at < 60; reset_at++, lives++) life(before, refusals, reset_at, -1);
            for (long cut = 1; cut <= writes; cut++, lives++) life(before, refusals, 0, cut);
        }
    }
    printf("%ld lives\n", lives);
    return 0;
}
