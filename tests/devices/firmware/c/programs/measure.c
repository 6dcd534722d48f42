/*
 * What the client costs, against a hub in the same process: readings a second, bytes on the wire a reading, the deepest stack.
 *
 *     measure   prints one `NAME VALUE` a line
 */
#define SECTORS 256
#include "world.h"
#include "idle.h"

#include <time.h>
#include <ucontext.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void drain(void)
{
    for (int i = 0; i < 200000 && (tributary_unacked(&device) > 0 || device.state != TRIBUTARY_CONNECTED); i++) {
        tributary_poll(&device);
        time_us += 1000;
    }
    if (tributary_unacked(&device) > 0) fail("not drained", (long)tributary_unacked(&device), 0);
}

static void measured(const char *name, int frames, int in_one, bool is_pack)
{
    static float burst[256];
    double began = seconds(), took;
    long bytes = hub.bytes_in;
    for (int i = 0; i < frames; i++) {
        memset(hub.stored, 0, sizeof hub.stored);
        for (int k = 0; k < in_one; k++) {
            burst[k] = (float)(1 + k) + 0.5f;
            time_us += 1000;
            if (!is_pack) tributary_number(&device, 1, burst[k]);
        }
        if (is_pack) tributary_pack(&device, 1, 0, 1000000, burst, (size_t)in_one);
        else tributary_flush(&device);
        if (i % 4 == 3) drain();
    }
    drain();
    took = seconds() - began;
    printf("%s_readings_per_s %.0f\n%s_wire_bytes_per_reading %.1f\n", name, frames * in_one / took, name, (double)(hub.bytes_in - bytes) / (frames * in_one));
}

/* A stack of our own that is painted: how far down the paint is gone is how deep it was. */
#define STACK 65536
static uint8_t stack[STACK];
static ucontext_t outside, inside;

static void work(void)
{
    tributary_number(&device, 1, 1.5);
    tributary_flush(&device);
    for (int i = 0; i < 50; i++) {
        tributary_poll(&device);
        time_us += 10000;
    }
    hub.is_open = false; /* and all of a connection's beginning */
    for (int i = 0; i < 2000; i++) {
        tributary_poll(&device);
        time_us += 10000;
    }
    while (device.head_sector % 3) tributary_log(&device, TRIBUTARY_INFO, "until a sector is opened");
}

static size_t deepest(void)
{
    size_t left = 0;
    memset(stack, 0xa5, sizeof stack);
    getcontext(&inside);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = sizeof stack;
    inside.uc_link = &outside;
    makecontext(&inside, work, 0);
    swapcontext(&outside, &inside);
    while (left < STACK && stack[left] == 0xa5) left++;
    return STACK - left;
}

int main(void)
{
    memset(flash, 0xff, sizeof flash);
    flash_cut_at = -1;
    is_hub_lying = true; /* the same values again and again */
    if (tributary_open(&device, &CONFIG, &PORT, &STORAGE) != TRIBUTARY_OK) fail("not opened", 0, 0);
    drain();
    printf("ram_bytes %zu\n", sizeof(tributary));
    measured("single", 20000, 1, false);
    measured("batch", 2000, 32, false);
    measured("pack", 1000, 200, true);
    printf("stack_bytes %zu\n", deepest());
    return 0;
}
