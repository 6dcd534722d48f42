/*
 * Another version of the program has another list of channels, and frames of the one before are on the storage.
 *
 *     lists   one that was added at the end takes nothing; one that was changed gives up what goes by the old list, and says so
 */
#include "world.h"

static void on_command(void *app, int command, const char *name, tributary_value args)
{
    (void)app, (void)command, (void)name, (void)args;
}

static const char *on_desired(void *app, tributary_value document)
{
    (void)app, (void)document;
    return NULL;
}

static void write_reported(void *app, tributary_writer *writer)
{
    (void)app;
    tributary_put_map(writer, 0);
}

static void begun(const tributary_channel *channels, uint16_t count)
{
    CONFIG.channels = channels;
    CONFIG.channel_count = count;
    hub.is_open = false;
    if (tributary_open(&device, &CONFIG, &PORT, &STORAGE) != TRIBUTARY_OK) fail("not opened", count, 0);
}

static void measured(int first, int count)
{
    for (int i = 0; i < count; i++) {
        tributary_integer(&device, 0, first + i);
        if (tributary_flush(&device) != TRIBUTARY_OK) fail("not kept", first, i);
    }
}

static void drained(void)
{
    hub.is_away = false;
    for (int i = 0; i < 2000 && (tributary_unacked(&device) > 0 || i < 100); i++) {
        tributary_poll(&device);
        time_us += 50000;
    }
    if (tributary_unacked(&device) > 0) fail("not drained", (long)tributary_unacked(&device), 0);
    tributary_stop(&device); /* writes down what is acked */
}

int main(void)
{
    static const tributary_channel OTHER[] = {{"speed", "m/s", TRIBUTARY_GAUGE, NULL, false, 0, 0, 0}};
    memset(flash, 0xff, sizeof flash);
    flash_cut_at = -1;
    hub.is_away = true;
    begun(CHANNELS, 1);
    measured(1, 5);
    begun(CHANNELS, 2);
    measured(6, 5);
    drained();
    if (hub.stored_count != 10 || hub.gap_readings != 0) fail("a longer list lost something", hub.stored_count, hub.gap_readings);
    hub.is_away = true;
    begun(CHANNELS, 2);
    measured(11, 5);
    begun(OTHER, 1);
    measured(16, 5);
    begun(OTHER, 1);
    drained();
    if (hub.stored_count != 15 || hub.gap_readings != 5) fail("another list gives up what went by the old one", hub.stored_count, hub.gap_readings);
    for (int value = 11; value <= 15; value++)
        if (hub.stored[value]) fail("stored under a wrong name", value, 0);
    return 0;
}
