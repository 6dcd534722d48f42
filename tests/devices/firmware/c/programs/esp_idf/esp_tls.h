/* Of ESP-IDF 5.x what the example uses, as declared there: so that the example is compiled by something. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
typedef int esp_err_t;
#define ESP_OK 0
#define ESP_TLS_ERR_SSL_WANT_READ -0x6900
#define ESP_TLS_ERR_SSL_WANT_WRITE -0x6880
typedef struct esp_tls esp_tls_t;
typedef struct {
    esp_err_t (*crt_bundle_attach)(void *conf);
    bool non_block;
    int timeout_ms;
} esp_tls_cfg_t;
esp_tls_t *esp_tls_init(void);
int esp_tls_conn_new_async(const char *hostname, int hostlen, int port, const esp_tls_cfg_t *cfg, esp_tls_t *tls);
ssize_t esp_tls_conn_read(esp_tls_t *tls, void *data, size_t datalen);
ssize_t esp_tls_conn_write(esp_tls_t *tls, const void *data, size_t datalen);
int esp_tls_conn_destroy(esp_tls_t *tls);
