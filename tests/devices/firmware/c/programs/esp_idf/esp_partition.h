#include <stddef.h>
#include <stdint.h>
typedef struct {
    uint32_t size;
} esp_partition_t;
enum { ESP_PARTITION_TYPE_DATA = 1, ESP_PARTITION_SUBTYPE_ANY = 0xff };
const esp_partition_t *esp_partition_find_first(int type, int subtype, const char *label);
int esp_partition_read(const esp_partition_t *partition, size_t src_offset, void *dst, size_t size);
int esp_partition_write(const esp_partition_t *partition, size_t dst_offset, const void *src, size_t size);
int esp_partition_erase_range(const esp_partition_t *partition, size_t offset, size_t size);
