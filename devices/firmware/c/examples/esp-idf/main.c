/*
 * A thermometer on an ESP32 with ESP-IDF 5: TLS by esp-tls, the spool in a partition, time by uptime and the hub. Copy tributary.h,
 * tributary.c and this file into `main/`; have Wi-Fi connected before app_main goes on (protocol_examples_common does it).
 *
 * partitions.csv needs a line such as `spool, data, 0x40, , 256K`: 64 sectors, some 2,500 frames of one reading.
 */
#include "tributary.h"

#include "esp_crt_bundle.h"
#include "esp_partition.h"
#include "esp_random.h"
#include "esp_timer.h"
#include "esp_tls.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#include <string.h>

#define HUB_HOST "hub.example"
#define HUB_PORT 443
#define DEVICE "shed"
#define TOKEN "the token of `tributary device add shed`"

/* ---- the network ---- */

static esp_tls_t *tls;

static int net_connect(void *context)
{
    static const esp_tls_cfg_t CONFIG = {.crt_bundle_attach = esp_crt_bundle_attach, .non_block = true, .timeout_ms = 20000};
    (void)context;
    if (tls == NULL) tls = esp_tls_init();
    return tls == NULL ? -1 : esp_tls_conn_new_async(HUB_HOST, (int)strlen(HUB_HOST), HUB_PORT, &CONFIG, tls); /* -1, 0 and 1 as here */
}

static long net_result(ssize_t count)
{
    if (count > 0) return (long)count;
    return count == ESP_TLS_ERR_SSL_WANT_READ || count == ESP_TLS_ERR_SSL_WANT_WRITE ? 0 : -1;
}

static long net_read(void *context, void *buffer, size_t size)
{
    (void)context;
    return net_result(esp_tls_conn_read(tls, buffer, size));
}

static long net_write(void *context, const void *bytes, size_t size)
{
    (void)context;
    return net_result(esp_tls_conn_write(tls, bytes, size));
}

static void net_close(void *context)
{
    (void)context;
    if (tls != NULL) esp_tls_conn_destroy(tls);
    tls = NULL;
}

/* ---- clock and chance ---- */

static int64_t uptime(void *context)
{
    (void)context;
    return esp_timer_get_time();
}

static void random_bytes(void *context, void *buffer, size_t size)
{
    (void)context;
    esp_fill_random(buffer, size); /* true chance while Wi-Fi or Bluetooth is on */
}

/* ---- the spool ---- */

static int flash_read(void *context, uint32_t address, void *buffer, size_t size)
{
    return esp_partition_read(context, address, buffer, size) == ESP_OK ? 0 : -1;
}

static int flash_program(void *context, uint32_t address, const void *bytes, size_t size)
{
    return esp_partition_write(context, address, bytes, size) == ESP_OK ? 0 : -1;
}

static int flash_erase(void *context, uint32_t sector)
{
    return esp_partition_erase_range(context, sector * 4096, 4096) == ESP_OK ? 0 : -1;
}

/* ---- the device ---- */

static tributary hub;
enum { TEMPERATURE, RELAY };
static const tributary_channel CHANNELS[] = {
    {"temperature", "Cel", TRIBUTARY_GAUGE, NULL, true, -40, 85, 0.1},
    {"relay", "", TRIBUTARY_STATE, NULL, false, 0, 0, 0},
};
static const tributary_arg SWITCH_ARGS[] = {{"on", TRIBUTARY_ARG_BOOL, false, 0, 0, false}};
static const tributary_command COMMANDS[] = {{"switch", "switches the relay", SWITCH_ARGS, 1}};

extern float read_temperature(void);
extern void set_relay(bool is_on);

static void on_command(void *app, int command, const char *name, tributary_value args)
{
    tributary_value value;
    bool is_on = false;
    (void)app, (void)name;
    if (tributary_get(args, "on", &value)) tributary_as_bool(value, &is_on); /* it is there and a bool: the client has checked */
    set_relay(is_on);
    tributary_bool(&hub, RELAY, is_on);
    tributary_flush(&hub);
    tributary_finish(&hub, command, TRIBUTARY_DONE, NULL, 0, NULL);
}

void app_main(void)
{
    static const tributary_port PORT = {NULL, net_connect, net_read, net_write, net_close, uptime, NULL, random_bytes};
    static tributary_storage storage;
    static tributary_config config;
    const esp_partition_t *spool = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, "spool");
    int64_t due_us = 0;
    if (spool == NULL) return;
    storage = (tributary_storage){(void *)spool, 4096, spool->size / 4096, 1, flash_read, flash_program, flash_erase};
    config = (tributary_config){.host = HUB_HOST, .token = TOKEN, .device = DEVICE, .firmware = "thermometer 1.0", .channels = CHANNELS,
                                .channel_count = 2, .commands = COMMANDS, .command_count = 1, .interval_s = 10, .on_command = on_command};
    if (tributary_open(&hub, &config, &PORT, &storage) != TRIBUTARY_OK) return;
    for (;;) {
        uint32_t rest_ms = tributary_poll(&hub);
        if (uptime(NULL) >= due_us) {
            due_us = uptime(NULL) + 10 * 1000000;
            tributary_number(&hub, TEMPERATURE, read_temperature());
            tributary_flush(&hub);
        }
        vTaskDelay(pdMS_TO_TICKS(rest_ms < 20 ? 10 : 20)); /* bytes that come wait so long at most */
    }
}
