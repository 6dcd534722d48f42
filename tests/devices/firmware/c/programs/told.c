/*
 * What the program is told: that the hub will not have the device, and when it is tried again; that what it wants to say does not fit.
 *
 *     told   ends with 0 where all is as the header says
 */
#include "world.h"

static int refusals, last_refusal;
static char said[64];

static void on_refused(void *app, int code, const char *reason)
{
    (void)app;
    refusals++;
    last_refusal = code;
    copy_text(said, sizeof said, reason, strlen(reason));
}

static void on_reject(void *app, const char *code, const char *reason)
{
    (void)app, (void)reason;
    copy_text(said, sizeof said, code, strlen(code));
}

static int running = -1;

static void on_command(void *app, int command, const char *name, tributary_value args)
{
    (void)app, (void)name, (void)args;
    running = command;
}

static const char *on_desired(void *app, tributary_value document)
{
    (void)app, (void)document;
    return NULL;
}

static size_t report_bytes = 10;

static void write_reported(void *app, tributary_writer *writer)
{
    static const uint8_t ZEROS[TRIBUTARY_FRAME_BYTES];
    (void)app;
    tributary_put_map(writer, 1);
    tributary_put_key(writer, "k");
    put_sized(writer, 0xda, report_bytes - 6, 2); /* a text, whose length always takes two bytes */
    put_raw(writer, ZEROS, report_bytes - 6);
}

static void begun(const char *answer)
{
    memset(flash, 0xff, sizeof flash);
    memset(&hub, 0, sizeof hub);
    flash_cut_at = -1;
    hub.answer = answer;
    refusals = 0;
    said[0] = 0;
    CONFIG.on_refused = on_refused;
    CONFIG.on_reject = on_reject;
    if (tributary_open(&device, &CONFIG, &PORT, &STORAGE) != TRIBUTARY_OK) fail("not opened", 0, 0);
}

static void polled_for(int64_t seconds)
{
    for (int64_t end = time_us + seconds * SECOND_US; time_us < end; time_us += 200000) tributary_poll(&device);
}

static void refused(const char *answer, int code, const char *reason)
{
    begun(answer);
    polled_for(2);
    if (device.state != TRIBUTARY_REFUSED || refusals != 1) fail("it is not said to be refused", device.state, refusals);
    if (last_refusal != code || strcmp(said, reason) || device.statistics.last_code != code) fail("another refusal is told", last_refusal, code);
    polled_for(890);
    if (refusals != 1) fail("it came back too soon", refusals, 0);
    polled_for(1000);
    if (refusals != 2 && refusals != 3) fail("it does not come back by itself", refusals, 0);
    hub.answer = NULL; /* somebody has acted */
    polled_for(1801);
    if (device.state != TRIBUTARY_CONNECTED) fail("it is not let in", device.state, 0);
}

/* A proxy's or a hotel's answer has no word of the hub: it passes, and is asked again as any failed try is. */
static void passing(const char *answer)
{
    begun(answer);
    polled_for(900);
    if (hub.connects < 10 || refusals > 0) fail("an answer of a stranger is taken for the hub's", refusals, hub.connects);
    hub.answer = NULL;
    polled_for(70);
    if (device.state != TRIBUTARY_CONNECTED) fail("it is not let in", device.state, 0);
}

static void commanded(const char *id)
{
    uint8_t bytes[200];
    tributary_writer w = writer_of(bytes, sizeof bytes);
    tributary_put_map(&w, 4);
    tributary_put_key(&w, "op");
    tributary_put_key(&w, "command");
    tributary_put_key(&w, "id");
    tributary_put_key(&w, id);
    tributary_put_key(&w, "name");
    tributary_put_key(&w, "blink");
    tributary_put_key(&w, "ttl_s");
    tributary_put_integer(&w, 60);
    running = -1;
    hub_send(bytes, w.length, 2);
    polled_for(2);
    if (running < 0) fail("it does not run", 0, 0);
}

/* The largest value that fits is done; one byte more is said to be too large, to the program and to the hub. */
static void finished_with(size_t size, tributary_outcome outcome, const char *reason, tributary_error error, const char *state)
{
    static uint8_t value[TRIBUTARY_FRAME_BYTES + 16];
    tributary_writer w = writer_of(value, sizeof value);
    static int number;
    char id[16];
    sprintf(id, "c%d", number++);
    commanded(id);
    put_bytes_head(&w, size);
    if (tributary_finish(&device, running, outcome, value, size > 0 ? w.length + size : 0, reason) != error) fail("another error", (long)size, error);
    polled_for(3);
    if (hub.ended_count != number || strcmp(hub.states[number - 1], state)) fail("the hub was told another end", (long)size, number);
}

static void too_large(void)
{
    static char text[300];
    size_t most = TRIBUTARY_FRAME_BYTES - 160;
    begun(NULL);
    polled_for(2);
    report_bytes = most;
    if (tributary_report(&device) != TRIBUTARY_OK) fail("a report that fits is refused", (long)most, 0);
    polled_for(2);
    if (hub.reported != 1) fail("a report that fits is not told", hub.reported, 0);
    report_bytes = most + 1;
    if (tributary_report(&device) != TRIBUTARY_TOO_LARGE || device.statistics.too_large != 1) fail("nobody is told", (long)device.statistics.too_large, 0);
    polled_for(2);
    if (hub.reported != 1 || said[0] != 0) fail("and told all the same", hub.reported, 0);
    device.shadow.is_report_due = true; /* as after a desired document: nobody is there to be given an error */
    polled_for(2);
    if (strcmp(said, "too_large") || device.statistics.too_large != 2) fail("the program is not told", 0, 0);
    finished_with(0, TRIBUTARY_DONE, NULL, TRIBUTARY_OK, "done");
    finished_with(TRIBUTARY_FRAME_BYTES - 164, TRIBUTARY_DONE, NULL, TRIBUTARY_OK, "done");
    finished_with(TRIBUTARY_FRAME_BYTES - 32, TRIBUTARY_DONE, NULL, TRIBUTARY_TOO_LARGE, "failed");
    memset(text, 'x', sizeof text - 1);
    finished_with(0, TRIBUTARY_FAILED, text, TRIBUTARY_OK, "failed"); /* a reason is cut */
    if (TRIBUTARY_FRAME_BYTES < 400) { /* the value alone would fit */
        text[200] = 0;
        finished_with(TRIBUTARY_FRAME_BYTES - 124, TRIBUTARY_DONE, text, TRIBUTARY_TOO_LARGE, "failed");
    }
}

/* A text that the protocol allows and the frames of this build have no room for. */
static void large_text(void)
{
    static const tributary_channel TEXTS[] = {{"note", "", TRIBUTARY_TEXT, NULL, false, 0, 0, 0}};
    static char text[257];
    tributary_error expected = TRIBUTARY_FRAME_BYTES < 340 ? TRIBUTARY_TOO_LARGE : TRIBUTARY_OK;
    CONFIG.channels = TEXTS;
    CONFIG.channel_count = 1;
    begun(NULL);
    memset(text, 'x', sizeof text - 1);
    if (tributary_text(&device, 0, text) != expected) fail("a text of 256 bytes", expected, 0);
    text[TRIBUTARY_FRAME_BYTES - 84 < 256 ? TRIBUTARY_FRAME_BYTES - 84 : 256] = 0;
    if (tributary_text(&device, 0, text) != TRIBUTARY_OK || tributary_flush(&device) != TRIBUTARY_OK) fail("a text that fits", 0, 0);
}

int main(void)
{
    refused("HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n"
            "{\"code\": \"wrong_token\", \"message\": \"unknown\", \"hint\": \"ask\"} ", 401, "wrong_token");
    refused("HTTP/1.1 403 Forbidden\r\ncontent-length: 24\r\n\r\n{\"code\":\"foreign_origin\"}", 403, "foreign_origin");
    passing("HTTP/1.1 401 Unauthorized\r\nContent-Length: 28\r\n\r\n<html>pay for this wifi</html>");
    passing("HTTP/1.1 403 Forbidden\r\n\r\nno");
    passing("HTTP/1.1 403 Forbidden\r\nContent-Length: 99999\r\n\r\n{\"code\": \"wrong_token\"}");
    too_large();
    large_text();
    return 0;
}
