/*
 * The client of tributary.h. From top to bottom: bytes, msgpack, SHA-1; the log on the storage; epochs and frames; what is said of
 * commands and of the shadow; what the hub says; WebSocket; the life of a connection; the calls of the program.
 *
 * The log. Sectors are numbered for ever and used in turn. A record is a head of 36 bytes and a body; its checksum covers both, so that
 * a record torn by a power cut is no record. When a sector is full the next one is opened, and the oldest is given up in the same breath:
 * what must outlive it (epochs, command ids, the fence, the shadow) is written anew at the beginning of the new one, of its frames
 * those that are not acked become a declared gap, and a record OPENED says that this is done. A newest sector without OPENED is as if it
 * had never been: everything in it stands elsewhere still. That is all there is to surviving power cuts.
 *
 * What is written anew had room in the sector that is given up, where an epoch's record is smaller than the frames it is written for: so it
 * has room in the new one. What else could be written there is written only where room is left. Two sectors have room for all there is, and
 * for a frame: that is TRIBUTARY_SECTOR_BYTES.
 */
#include "tributary.h"

#include <math.h>
#include <string.h>

#define SECOND_US 1000000
#define MAGIC 0x31425254u
#define SECTOR_HEAD 16
#define RECORD_HEAD 36
#define MAX_ALIGN 16
#ifndef MAX_DEPTH
#define MAX_DEPTH 4 /* of what a hub says; the hubs of the tests read hello, which is deeper */
#endif
#define MAX_EPOCH INT64_MAX
#define MAX_NAME 64
#define MAX_REASON (TRIBUTARY_FRAME_BYTES - 164 < 256 ? TRIBUTARY_FRAME_BYTES - 164 : 256)
#define MAX_HELLO 65535 /* a message has one byte more, which would take another form of head */
#define MAX_ANSWER 1000 /* what a hub says to who it refuses is shorter */
#define CONNECT_TIMEOUT_US (30 * (int64_t)SECOND_US)
#define SEND_TIMEOUT_US (60 * (int64_t)SECOND_US)
#define CLOSE_TIMEOUT_US (5 * (int64_t)SECOND_US)
#define STEADY_US (5 * (int64_t)SECOND_US) /* a connection that lasted so long starts the backoff over */
#define LINGER_US (SECOND_US / 2)          /* before sleeping: commands that wait come right after welcome */
#define MAX_BACKOFF_S 60.0
#define CANCELLED_UNSEEN_US (86400 * (int64_t)SECOND_US)
#define FRAME_HEAD 32 /* e, s and op */
#define REPORT_HEAD 160 /* of a report, all but its document */
#define GAP_BYTES 160 /* no gap that is made here is larger */
#define REFUSED_RETRY_S 900.0 /* to twice that: a wrong token is no better a minute later, and thousands of devices may have one */
#define NO_TIME INT64_MIN
#define NO_COMMAND 255

enum { LIVE_REUSE = TRIBUTARY_MAX_EPOCHS - 4 < 16 ? TRIBUTARY_MAX_EPOCHS - 4 : 16 };

enum { FEW_FRAMES = 8 };

enum { REFUSED_PLACES = TRIBUTARY_MAX_COMMANDS / 4 };

/* Kinds of records; the numbers stand on storages and are never reused. Frames first. */
enum { DATA = 1, PACK, LOG, RESULT, REPORTED, GIVE_UP, OPENED = 16, EPOCH, FORGET, COMMAND, FENCE, SHADOW, DESIRED, BAD, NOTE, LIST = 26 };

enum { BY_UPTIME = 1, LIST_SHIFT = 1, LIST_MASK = 7 }; /* flags of a frame: its `t` is the uptime of its boot; which list its channels are of */

/* IS_LEAVING: frames of it stand in the sector that is given up. IS_KNOWN: a hub has let this device in with its number; that is written before
 * the first frame of it goes out, and until then a start draws another. */
enum { HAS_OFFSET = 1, IS_SAID = 2, IS_OF_THIS_BOOT = 4, IS_DIRTY = 8, GAP_BY_UPTIME = 16, GAP_UNDATED = 32, IS_KNOWN = 64, IS_LEAVING = 128 };
#define KEPT_FLAGS (HAS_OFFSET | GAP_BY_UPTIME | GAP_UNDATED | IS_KNOWN)

enum { REASON_NONE, REASON_INTERRUPTED, REASON_BUSY, REASON_UNKNOWN, REASON_ARGUMENT, REASON_OTHER };

enum { OPENING, UPGRADING, GREETING, AWAITING, TALKING };

static const char *const STATES[] = {"", "accepted", "running", "done", "failed", "rejected", "expired", "cancelled"};
static const char *const REASONS[] = {"", "interrupted", "busy", "unknown command", "bad argument", ""};
static const char *const KINDS[] = {"gauge", "counter", "state", "text", "position"};
static const char *const ARG_TYPES[] = {"number", "integer", "bool", "text"};
static const char *const LEVELS[] = {"debug", "info", "warning", "error"};

/* ---- bytes ---- */

static void put_le(uint8_t *at, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++) at[i] = (uint8_t)(number >> (8 * i));
}

static uint64_t get_le(const uint8_t *at, int bytes)
{
    uint64_t number = 0;
    for (int i = bytes; i-- > 0;) number = number << 8 | at[i];
    return number;
}

static uint64_t get_be(const uint8_t *at, int bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < bytes; i++) number = number << 8 | at[i];
    return number;
}

static void put_be(uint8_t *at, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++) at[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
}

/* Bits of a 64 bit number as a signed one; the plain conversion is the compiler's choice in C99. */
static int64_t signed_of(uint64_t bits)
{
    int64_t number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* CRC-32 (IEEE 802.3) by half bytes: 64 bytes of table are cheap, 1 KiB is not. */
static uint32_t crc32_of(uint32_t crc, const uint8_t *bytes, size_t size)
{
    static const uint32_t TABLE[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    crc = ~crc;
    while (size-- > 0) {
        crc ^= *bytes++;
        crc = crc >> 4 ^ TABLE[crc & 15];
        crc = crc >> 4 ^ TABLE[crc & 15];
    }
    return ~crc;
}

static double uniform(tributary *t, double below)
{
    uint8_t bits[4];
    t->port->random(t->port->context, bits, sizeof bits);
    return below * (double)get_le(bits, 4) / 4294967296.0;
}

static int64_t now_of(tributary *t)
{
    return t->port->uptime(t->port->context);
}

static int64_t wall_of(tributary *t)
{
    return t->port->wall == NULL ? 0 : t->port->wall(t->port->context);
}

/* ---- writing msgpack ---- */

static void put_byte(tributary_writer *w, uint8_t byte)
{
    if (w->length >= w->skip && w->length - w->skip < w->capacity) w->buffer[w->length - w->skip] = byte;
    w->length++;
}

static void put_raw(tributary_writer *w, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) put_byte(w, ((const uint8_t *)bytes)[i]);
}

static void put_sized(tributary_writer *w, uint8_t type, uint64_t number, int bytes)
{
    uint8_t be[8];
    put_be(be, number, bytes);
    put_byte(w, type);
    put_raw(w, be, (size_t)bytes);
}

void tributary_put_map(tributary_writer *w, size_t entries)
{
    if (entries < 16) put_byte(w, (uint8_t)(0x80 | entries));
    else put_sized(w, 0xde, entries, 2);
}

void tributary_put_array(tributary_writer *w, size_t items)
{
    if (items < 16) put_byte(w, (uint8_t)(0x90 | items));
    else put_sized(w, 0xdc, items, 2);
}

static void put_text_head(tributary_writer *w, size_t bytes)
{
    if (bytes < 32) put_byte(w, (uint8_t)(0xa0 | bytes));
    else if (bytes < 256) put_sized(w, 0xd9, bytes, 1);
    else put_sized(w, 0xda, bytes, 2);
}

void tributary_put_text(tributary_writer *w, const char *text, size_t bytes)
{
    put_text_head(w, bytes);
    put_raw(w, text, bytes);
}

void tributary_put_key(tributary_writer *w, const char *key)
{
    tributary_put_text(w, key, strlen(key));
}

static void put_unsigned(tributary_writer *w, uint64_t number)
{
    if (number < 128) put_byte(w, (uint8_t)number);
    else if (number < 256) put_sized(w, 0xcc, number, 1);
    else if (number < 65536) put_sized(w, 0xcd, number, 2);
    else if (number <= UINT32_MAX) put_sized(w, 0xce, number, 4);
    else put_sized(w, 0xcf, number, 8);
}

void tributary_put_integer(tributary_writer *w, int64_t number)
{
    uint64_t bits = (uint64_t)number;
    if (number >= 0) put_unsigned(w, bits);
    else if (number >= -32) put_byte(w, (uint8_t)bits);
    else if (number >= INT8_MIN) put_sized(w, 0xd0, bits & 0xff, 1);
    else if (number >= INT16_MIN) put_sized(w, 0xd1, bits & 0xffff, 2);
    else if (number >= INT32_MIN) put_sized(w, 0xd2, bits & 0xffffffff, 4);
    else put_sized(w, 0xd3, bits, 8);
}

void tributary_put_double(tributary_writer *w, double number)
{
    if (fabs(number) <= 3.4e38 && (double)(float)number == number) {
        float single = (float)number;
        uint32_t bits;
        memcpy(&bits, &single, sizeof bits);
        put_sized(w, 0xca, bits, 4);
    } else {
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        put_sized(w, 0xcb, bits, 8);
    }
}

void tributary_put_bool(tributary_writer *w, bool is_true)
{
    put_byte(w, is_true ? 0xc3 : 0xc2);
}

void tributary_put_nil(tributary_writer *w)
{
    put_byte(w, 0xc0);
}

static void put_bytes_head(tributary_writer *w, size_t size)
{
    if (size < 256) put_sized(w, 0xc4, size, 1);
    else put_sized(w, 0xc5, size, 2);
}

void tributary_put_bytes(tributary_writer *w, const void *bytes, size_t size)
{
    put_bytes_head(w, size);
    put_raw(w, bytes, size);
}

/* Always 9 bytes, so that it can be changed in place when the frame goes out. */
static void put_fixed(tributary_writer *w, uint64_t number)
{
    put_sized(w, 0xcf, number, 8);
}

static tributary_writer writer_of(uint8_t *buffer, size_t capacity)
{
    tributary_writer writer = {buffer, capacity, 0, 0};
    return writer;
}

/* ---- reading msgpack ---- */

typedef enum { NIL, BOOLEAN, UNSIGNED, SIGNED, FLOAT, STRING, BINARY, ARRAY, MAP, BROKEN } kind_of_value;

typedef struct {
    kind_of_value kind;
    uint64_t bits;       /* the number, or how many bytes, items or entries follow */
    const uint8_t *next; /* behind the head */
    bool is_single;      /* a float of 4 bytes */
} token;

/* Read the head of one value. A token is BROKEN where it does not fit before `end`; extension types are, too. */
static token token_at(const uint8_t *at, const uint8_t *end)
{
    token found = {BROKEN, 0, at, false};
    kind_of_value kind = BROKEN;
    int size = 0;
    uint8_t type;
    if (at >= end) return found;
    type = *at++;
    found.next = at;
    if (type < 0x80 || type >= 0xe0) {
        found.kind = type < 0x80 ? UNSIGNED : SIGNED;
        found.bits = type < 0x80 ? type : (uint64_t)((int64_t)type - 256);
        return found;
    }
    if (type < 0xc0) {
        found.kind = type < 0x90 ? MAP : type < 0xa0 ? ARRAY : STRING;
        found.bits = type < 0xa0 ? type & 15u : type & 31u;
    } else if (type == 0xc0 || type == 0xc2 || type == 0xc3) {
        found.kind = type == 0xc0 ? NIL : BOOLEAN;
        found.bits = type & 1u;
        return found;
    } else {
        switch (type) {
        case 0xc4: case 0xc5: case 0xc6: kind = BINARY, size = 1 << (type - 0xc4); break;
        case 0xca: case 0xcb: kind = FLOAT, size = 4 << (type - 0xca); break;
        case 0xcc: case 0xcd: case 0xce: case 0xcf: kind = UNSIGNED, size = 1 << (type - 0xcc); break;
        case 0xd0: case 0xd1: case 0xd2: case 0xd3: kind = SIGNED, size = 1 << (type - 0xd0); break;
        case 0xd9: case 0xda: case 0xdb: kind = STRING, size = 1 << (type - 0xd9); break;
        case 0xdc: case 0xdd: kind = ARRAY, size = 2 << (type - 0xdc); break;
        case 0xde: case 0xdf: kind = MAP, size = 2 << (type - 0xde); break;
        default: return found;
        }
        if (end - at < size) return found;
        found.kind = kind;
        found.bits = get_be(at, size);
        found.next = at + size;
        found.is_single = kind == FLOAT && size == 4;
        if (kind == SIGNED && size < 8 && found.bits >> (8 * size - 1)) found.bits |= UINT64_MAX << (8 * size);
    }
    /* What follows takes a byte each at least: a length that cannot be true is refused here, before anything trusts it. */
    if ((found.kind == STRING || found.kind == BINARY) && found.bits > (uint64_t)(end - found.next)) found.kind = BROKEN;
    if (found.kind == ARRAY && (found.bits > 4096 || found.bits > (uint64_t)(end - found.next))) found.kind = BROKEN;
    if (found.kind == MAP && (found.bits > 256 || 2 * found.bits > (uint64_t)(end - found.next))) found.kind = BROKEN;
    return found;
}

/* Return what is behind a value, NULL where it is not whole, nests too deep or has a key that is no text. Not recursive. */
static const uint8_t *behind(const uint8_t *at, const uint8_t *end)
{
    struct {
        uint32_t left;
        bool is_map;
    } open[MAX_DEPTH];
    int depth = 0;
    do {
        token found = token_at(at, end);
        if (found.kind == BROKEN) return NULL;
        if (depth > 0) {
            if (open[depth - 1].is_map && open[depth - 1].left % 2 == 0 && found.kind != STRING) return NULL;
            open[depth - 1].left--;
        }
        at = found.next;
        if (found.kind == STRING || found.kind == BINARY) {
            at += found.bits;
        } else if (found.kind == ARRAY || found.kind == MAP) {
            if (depth == MAX_DEPTH) return NULL;
            open[depth].is_map = found.kind == MAP;
            open[depth++].left = (uint32_t)found.bits * (found.kind == MAP ? 2 : 1);
        }
        while (depth > 0 && open[depth - 1].left == 0) depth--;
    } while (depth > 0);
    return at;
}

bool tributary_check(const uint8_t *bytes, size_t size, tributary_value *value)
{
    value->at = bytes;
    value->end = bytes + size;
    return size > 0 && behind(bytes, bytes + size) == bytes + size;
}

size_t tributary_count(tributary_value value)
{
    token found = token_at(value.at, value.end);
    return found.kind == ARRAY || found.kind == MAP ? (size_t)found.bits : 0;
}

bool tributary_get(tributary_value map, const char *key, tributary_value *value)
{
    token head = token_at(map.at, map.end);
    size_t bytes = strlen(key);
    const uint8_t *at = head.next;
    if (head.kind != MAP) return false;
    for (uint64_t i = 0; i < head.bits; i++) {
        token name = token_at(at, map.end);
        const uint8_t *item = name.next + name.bits;
        if (name.kind != STRING) return false;
        if (name.bits == bytes && memcmp(name.next, key, bytes) == 0) {
            value->at = item;
            value->end = map.end;
            return true;
        }
        at = behind(item, map.end);
        if (at == NULL) return false;
    }
    return false;
}

bool tributary_item(tributary_value array, size_t index, tributary_value *value)
{
    token head = token_at(array.at, array.end);
    const uint8_t *at = head.next;
    if (head.kind != ARRAY || index >= head.bits) return false;
    while (index-- > 0) {
        at = behind(at, array.end);
        if (at == NULL) return false;
    }
    value->at = at;
    value->end = array.end;
    return true;
}

bool tributary_as_integer(tributary_value value, int64_t *number)
{
    token found = token_at(value.at, value.end);
    if ((found.kind != UNSIGNED || found.bits > INT64_MAX) && found.kind != SIGNED) return false;
    *number = signed_of(found.bits);
    return true;
}

bool tributary_as_double(tributary_value value, double *number)
{
    token found = token_at(value.at, value.end);
    int64_t integer;
    if (found.kind == FLOAT && found.is_single) {
        uint32_t bits = (uint32_t)found.bits;
        float single;
        memcpy(&single, &bits, sizeof single);
        *number = single;
        return true;
    }
    if (found.kind == FLOAT) {
        memcpy(number, &found.bits, sizeof *number);
        return true;
    }
    if (!tributary_as_integer(value, &integer)) return false;
    *number = (double)integer;
    return true;
}

bool tributary_as_bool(tributary_value value, bool *is_true)
{
    token found = token_at(value.at, value.end);
    *is_true = found.bits != 0;
    return found.kind == BOOLEAN;
}

bool tributary_as_text(tributary_value value, const char **text, size_t *bytes)
{
    token found = token_at(value.at, value.end);
    *text = (const char *)found.next;
    *bytes = (size_t)found.bits;
    return found.kind == STRING;
}

bool tributary_is(tributary_value value, const char *text)
{
    const char *found;
    size_t bytes;
    return tributary_as_text(value, &found, &bytes) && bytes == strlen(text) && memcmp(found, text, bytes) == 0;
}

static bool get_integer(tributary_value map, const char *key, int64_t low, int64_t *number)
{
    tributary_value value;
    return tributary_get(map, key, &value) && tributary_as_integer(value, number) && *number >= low;
}

static bool get_seconds(tributary_value map, const char *key, double *seconds)
{
    tributary_value value;
    return tributary_get(map, key, &value) && tributary_as_double(value, seconds) && *seconds >= 0 && *seconds <= 1e9;
}

static bool is_finite(double number)
{
    return number - number == 0;
}

/* How much of a text is in `most` bytes, in whole characters. */
static size_t cut_to(const char *text, size_t bytes, size_t most)
{
    if (bytes <= most) return bytes;
    while (most > 0 && ((uint8_t)text[most] & 0xc0) == 0x80) most--;
    return most;
}

/* Copy a text, cut to what has room, ended by 0. */
static void copy_text(char *to, size_t size, const char *text, size_t bytes)
{
    bytes = cut_to(text, bytes, size - 1);
    memcpy(to, text, bytes);
    to[bytes] = 0;
}

/* ---- SHA-1 and base64: for the proof of the handshake, nothing else ---- */

static uint32_t rotated(uint32_t word, int by)
{
    return word << by | word >> (32 - by);
}

static void sha1_block(uint32_t state[5], const uint8_t block[64])
{
    uint32_t w[16], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 16; i++) w[i] = (uint32_t)get_be(block + 4 * i, 4);
    for (int i = 0; i < 80; i++) {
        uint32_t f, k, next;
        if (i >= 16) w[i & 15] = rotated(w[(i + 13) & 15] ^ w[(i + 8) & 15] ^ w[(i + 2) & 15] ^ w[i & 15], 1);
        if (i < 20) f = (b & c) | (~b & d), k = 0x5a827999;
        else if (i < 40) f = b ^ c ^ d, k = 0x6ed9eba1;
        else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
        else f = b ^ c ^ d, k = 0xca62c1d6;
        next = rotated(a, 5) + f + e + k + w[i & 15];
        e = d, d = c, c = rotated(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

/* SHA-1 of 60 bytes: the key of 24 and the 36 of RFC 6455. */
static void sha1_of_60(const uint8_t bytes[60], uint8_t digest[20])
{
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t block[64] = {0};
    memcpy(block, bytes, 60);
    block[60] = 0x80;
    sha1_block(state, block);
    memset(block, 0, sizeof block);
    put_be(block + 56, 480, 8);
    sha1_block(state, block);
    for (int i = 0; i < 5; i++) put_be(digest + 4 * i, state[i], 4);
}

static void base64(const uint8_t *bytes, size_t size, char *text)
{
    static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16 | (uint32_t)(i + 1 < size ? bytes[i + 1] : 0) << 8 | (i + 2 < size ? bytes[i + 2] : 0);
        *text++ = LETTERS[group >> 18];
        *text++ = LETTERS[group >> 12 & 63];
        *text++ = i + 1 < size ? LETTERS[group >> 6 & 63] : '=';
        *text++ = i + 2 < size ? LETTERS[group & 63] : '=';
    }
    *text = 0;
}

/* ---- the log on the storage ---- */

typedef struct {
    uint8_t type, flags;
    uint16_t bytes; /* of the body */
    uint64_t key;   /* of an epoch */
    uint32_t seq;
    uint32_t span_ms; /* from the first reading to the last */
    uint64_t note;
    uint32_t readings;
} record;

static bool open_sector(tributary *t);

static uint32_t address_of(const tributary *t, uint32_t sector, uint32_t offset)
{
    return sector % t->storage->sectors * t->storage->sector_bytes + offset;
}

static uint32_t aligned(const tributary *t, uint32_t size)
{
    uint32_t unit = t->storage->write_bytes;
    return (size + unit - 1) / unit * unit;
}

static uint32_t sector_head_bytes(const tributary *t)
{
    return aligned(t, SECTOR_HEAD);
}

static bool is_read(tributary *t, uint32_t sector, uint32_t offset, void *buffer, size_t size)
{
    return t->storage->read(t->storage->context, address_of(t, sector, offset), buffer, size) == 0;
}

static void head_to_bytes(const record *head, uint8_t bytes[RECORD_HEAD])
{
    put_le(bytes + 4, head->bytes, 2);
    bytes[6] = head->type;
    bytes[7] = head->flags;
    put_le(bytes + 8, head->key, 8);
    put_le(bytes + 16, head->seq, 4);
    put_le(bytes + 20, head->span_ms, 4);
    put_le(bytes + 24, head->note, 8);
    put_le(bytes + 32, head->readings, 4);
}

/* Write head and body, the body from memory or, `body` NULL, from another place of the storage. */
static bool write_record(tributary *t, const record *head, const uint8_t *body, tributary_place_ from)
{
    uint8_t bytes[RECORD_HEAD], chunk[64];
    uint32_t crc, fill = 0, at = t->head_offset, total = aligned(t, RECORD_HEAD + head->bytes), done = 0;
    head_to_bytes(head, bytes);
    crc = crc32_of(0, bytes + 4, RECORD_HEAD - 4);
    for (uint32_t i = 0; i < head->bytes; i += fill) {
        fill = head->bytes - i < sizeof chunk ? head->bytes - i : (uint32_t)sizeof chunk;
        if (body == NULL && !is_read(t, from.sector, from.offset + RECORD_HEAD + i, chunk, fill)) return false;
        crc = crc32_of(crc, body == NULL ? chunk : body + i, fill);
    }
    put_le(bytes, crc, 4);
    while (done < total) {
        uint32_t part = total - done < sizeof chunk ? total - done : (uint32_t)sizeof chunk;
        for (uint32_t i = 0; i < part; i++) {
            uint32_t place = done + i;
            if (place < RECORD_HEAD) chunk[i] = bytes[place];
            else if (place >= RECORD_HEAD + (uint32_t)head->bytes) chunk[i] = 0xff;
            else if (body != NULL) chunk[i] = body[place - RECORD_HEAD];
            else if (!is_read(t, from.sector, from.offset + place, chunk + i, 1)) return false;
        }
        if (t->storage->program(t->storage->context, address_of(t, t->head_sector, at + done), chunk, part) != 0) return false;
        done += part;
    }
    t->head_offset += total;
    return true;
}

/* Add a record at the end of the log; *sector is where it stands then. False: the storage failed, and the record is not there. */
static bool append(tributary *t, const record *head, const uint8_t *body, uint32_t *sector)
{
    tributary_place_ nowhere = {0, 0};
    for (int tries = 0; tries < 4; tries++) {
        bool is_full = t->head_offset + aligned(t, RECORD_HEAD + head->bytes) > t->storage->sector_bytes;
        if (is_full && (t->is_opening || !open_sector(t))) continue;
        if (t->head_offset + aligned(t, RECORD_HEAD + head->bytes) > t->storage->sector_bytes) continue;
        if (write_record(t, head, body, nowhere)) {
            if (sector != NULL) *sector = t->head_sector;
            return true;
        }
        t->statistics.storage_errors++;
        t->head_offset = t->storage->sector_bytes; /* what is torn there ends the sector; the next one may do */
    }
    return false;
}

/* Read the record at a place: 1 it is whole, 0 nothing was ever written there, -1 it is torn or damaged and ends its sector. */
static int record_at(tributary *t, tributary_place_ place, record *head)
{
    uint8_t bytes[RECORD_HEAD], chunk[64];
    uint32_t crc, part;
    if (place.offset + RECORD_HEAD > t->storage->sector_bytes) return 0;
    if (!is_read(t, place.sector, place.offset, bytes, sizeof bytes)) return -1;
    head->bytes = (uint16_t)get_le(bytes + 4, 2);
    head->type = bytes[6];
    head->flags = bytes[7];
    head->key = get_le(bytes + 8, 8);
    head->seq = (uint32_t)get_le(bytes + 16, 4);
    head->span_ms = (uint32_t)get_le(bytes + 20, 4);
    head->note = get_le(bytes + 24, 8);
    head->readings = (uint32_t)get_le(bytes + 32, 4);
    if (place.offset + RECORD_HEAD + head->bytes > t->storage->sector_bytes) {
        for (int i = 0; i < RECORD_HEAD; i++)
            if (bytes[i] != 0xff) return -1;
        return 0;
    }
    crc = crc32_of(0, bytes + 4, RECORD_HEAD - 4);
    for (uint32_t i = 0; i < head->bytes; i += part) {
        part = head->bytes - i < sizeof chunk ? head->bytes - i : (uint32_t)sizeof chunk;
        if (!is_read(t, place.sector, place.offset + RECORD_HEAD + i, chunk, part)) return -1;
        crc = crc32_of(crc, chunk, part);
    }
    return crc == (uint32_t)get_le(bytes, 4) ? 1 : -1;
}

static bool is_body_read(tributary *t, tributary_place_ place, const record *head, uint8_t *buffer, size_t capacity)
{
    return head->bytes <= capacity && is_read(t, place.sector, place.offset + RECORD_HEAD, buffer, head->bytes);
}

/* Go from a place to the next whole record at or behind it; false at the end of the log. Damaged rests of sectors are passed over. */
static bool find_record(tributary *t, tributary_place_ *place, record *head)
{
    if (place->sector < t->tail_sector) {
        place->sector = t->tail_sector;
        place->offset = sector_head_bytes(t);
    }
    for (;;) {
        bool is_newest = place->sector == t->head_sector;
        if (is_newest && place->offset >= t->head_offset) return false;
        if (record_at(t, *place, head) == 1) return true;
        if (is_newest) return false;
        place->sector++;
        place->offset = sector_head_bytes(t);
    }
}

static void step_over(const tributary *t, tributary_place_ *place, const record *head)
{
    place->offset += aligned(t, RECORD_HEAD + head->bytes);
}

static bool is_sector_begun(tributary *t, uint32_t index, uint32_t *sector)
{
    uint8_t bytes[SECTOR_HEAD];
    if (!is_read(t, index, 0, bytes, sizeof bytes)) return false;
    *sector = (uint32_t)get_le(bytes + 4, 4);
    return get_le(bytes, 4) == MAGIC && get_le(bytes + 8, 4) == (t->storage->sectors ^ t->storage->sector_bytes << 8)
        && get_le(bytes + 12, 4) == crc32_of(0, bytes, 12) && *sector % t->storage->sectors == index;
}

static bool begin_sector(tributary *t, uint32_t sector)
{
    uint8_t bytes[SECTOR_HEAD + MAX_ALIGN];
    memset(bytes, 0xff, sizeof bytes);
    t->statistics.erases++;
    if (t->storage->erase(t->storage->context, sector % t->storage->sectors) != 0) return false;
    put_le(bytes, MAGIC, 4);
    put_le(bytes + 4, sector, 4);
    put_le(bytes + 8, t->storage->sectors ^ t->storage->sector_bytes << 8, 4);
    put_le(bytes + 12, crc32_of(0, bytes, 12), 4);
    if (t->storage->program(t->storage->context, address_of(t, sector, 0), bytes, sector_head_bytes(t)) != 0) return false;
    t->head_sector = sector;
    t->head_offset = sector_head_bytes(t);
    return true;
}

static bool mark_opened(tributary *t)
{
    record opened = {OPENED, 0, 0, 0, 0, 0, 0, 0};
    return append(t, &opened, NULL, NULL);
}

/* ---- epochs ---- */

static tributary_epoch_ *epoch_of_key(tributary *t, uint64_t key)
{
    for (int i = 0; i < t->epoch_count; i++)
        if (t->epochs[i].key == key) return &t->epochs[i];
    return NULL;
}

static tributary_epoch_ *epoch_of_number(tributary *t, uint64_t number)
{
    for (int i = 0; i < t->epoch_count; i++)
        if (t->epochs[i].number == number) return &t->epochs[i];
    return NULL;
}

static tributary_epoch_ *current_of(tributary *t)
{
    return t->has_current ? &t->epochs[t->epoch_count - 1] : NULL;
}

static bool is_finished(const tributary_epoch_ *epoch)
{
    return epoch->first > epoch->last;
}

static int count_unfinished(const tributary *t)
{
    int count = 0;
    for (int i = 0; i < t->epoch_count; i++) count += !is_finished(&t->epochs[i]);
    return count;
}

static tributary_epoch_ *add_epoch(tributary *t, uint64_t key)
{
    tributary_epoch_ *epoch;
    if (t->epoch_count == TRIBUTARY_MAX_EPOCHS) return NULL;
    epoch = &t->epochs[t->epoch_count++];
    memset(epoch, 0, sizeof *epoch);
    epoch->key = epoch->number = key;
    epoch->first = epoch->kept_first = 1;
    epoch->gap_from_us = epoch->gap_to_us = NO_TIME;
    return epoch;
}

/* Take an epoch off the table. What was said in it is acked. */
static void remove_epoch(tributary *t, uint64_t key)
{
    tributary_epoch_ *epoch = epoch_of_key(t, key);
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++)
        if (t->commands[i].key == key) t->commands[i].key = 0;
    if (t->shadow.key == key) t->shadow.key = 0;
    if (epoch == NULL) return;
    if (t->has_current && epoch == current_of(t)) t->has_current = false;
    t->epoch_count--;
    memmove(epoch, epoch + 1, (size_t)(&t->epochs[t->epoch_count] - epoch) * sizeof *epoch);
}

static bool keep_epoch(tributary *t, tributary_epoch_ *epoch)
{
    uint8_t body[28];
    record head = {EPOCH, (uint8_t)(epoch->flags & KEPT_FLAGS), 28, epoch->key, epoch->first, epoch->list, epoch->number, epoch->gap_readings};
    put_le(body, (uint64_t)epoch->offset_us, 8);
    put_le(body + 8, (uint64_t)epoch->gap_from_us, 8);
    put_le(body + 16, (uint64_t)epoch->gap_to_us, 8);
    put_le(body + 24, epoch->gap_last, 4);
    epoch->kept_first = epoch->first;
    epoch->flags &= (uint8_t)~IS_DIRTY;
    if (append(t, &head, body, &epoch->record)) return true;
    epoch->flags |= IS_DIRTY;
    return false;
}

static void learn_epoch(tributary *t, const record *head, const uint8_t *body, tributary_place_ place)
{
    tributary_epoch_ *epoch = epoch_of_key(t, head->key);
    if (epoch == NULL) epoch = add_epoch(t, head->key);
    if (epoch == NULL) return;
    epoch->number = head->note;
    epoch->first = epoch->kept_first = head->seq;
    epoch->flags = (uint8_t)((epoch->flags & ~KEPT_FLAGS) | head->flags);
    epoch->list = head->span_ms & LIST_MASK;
    epoch->gap_readings = head->readings;
    epoch->offset_us = signed_of(get_le(body, 8));
    epoch->gap_from_us = signed_of(get_le(body + 8, 8));
    epoch->gap_to_us = signed_of(get_le(body + 16, 8));
    epoch->gap_last = (uint32_t)get_le(body + 24, 4);
    if (epoch->last < epoch->gap_last) epoch->last = epoch->gap_last;
    if (epoch->last + 1 < epoch->first) epoch->last = epoch->first - 1;
    epoch->record = place.sector;
}

static uint64_t drawn_epoch(tributary *t)
{
    uint64_t number;
    do {
        uint8_t bits[8];
        t->port->random(t->port->context, bits, sizeof bits);
        number = get_le(bits, 8) & (uint64_t)MAX_EPOCH;
    } while (number == 0 || epoch_of_key(t, number) != NULL || epoch_of_number(t, number) != NULL);
    return number;
}

static bool forget_finished(tributary *t);
static bool give_up(tributary *t, const tributary_epoch_ *old, const char *reason);

/* The epoch that new frames are numbered in; one is begun where there is none. NULL: the storage failed. */
static tributary_epoch_ *epoch_for_frames(tributary *t)
{
    tributary_epoch_ *epoch = current_of(t), oldest = t->epochs[0];
    bool is_too_many;
    if (epoch != NULL) return epoch;
    if (t->epoch_count >= TRIBUTARY_MAX_EPOCHS - 1 && !forget_finished(t)) return NULL;
    is_too_many = t->epoch_count >= TRIBUTARY_MAX_EPOCHS - 1;
    if (is_too_many) memmove(t->epochs, t->epochs + 1, --t->epoch_count * sizeof oldest);
    epoch = add_epoch(t, drawn_epoch(t));
    epoch->flags = IS_OF_THIS_BOOT;
    epoch->list = t->list;
    t->has_current = true;
    return is_too_many && !give_up(t, &oldest, "too_many_epochs") ? NULL : current_of(t);
}

/* ---- what is kept beside frames ---- */

static bool keep_fence(tributary *t)
{
    record head = {FENCE, 0, 0, 0, 0, 0, t->fence, 0};
    return append(t, &head, NULL, &t->fence_record);
}

static bool keep_note(tributary *t)
{
    record head = {NOTE, 0, 0, 0, 0, 0, t->kept_note, 0};
    return append(t, &head, NULL, &t->note_record);
}

static bool keep_bad(tributary *t, int place)
{
    record head = {BAD, 0, 0, t->bad[place].key, t->bad[place].seq, 0, 0, 0};
    return append(t, &head, NULL, &t->bad[place].record);
}

static bool keep_command(tributary *t, tributary_entry_ *entry)
{
    uint8_t body[12 + TRIBUTARY_ID_BYTES + TRIBUTARY_KEPT_VALUE];
    uint8_t id_bytes = (uint8_t)strlen(entry->id);
    record head = {COMMAND, 0, (uint16_t)(12 + id_bytes + entry->value_bytes), entry->key, entry->seq, 0, 0, 0};
    body[0] = entry->state;
    body[1] = entry->reason;
    body[2] = id_bytes;
    body[3] = entry->value_bytes;
    put_le(body + 4, (uint64_t)entry->expires_us, 8);
    memcpy(body + 12, entry->id, id_bytes);
    memcpy(body + 12 + id_bytes, entry->value, entry->value_bytes);
    return append(t, &head, body, &entry->record);
}

static tributary_entry_ *entry_of(tributary *t, const char *id, size_t bytes)
{
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++) {
        tributary_entry_ *entry = &t->commands[i];
        if (entry->state != 0 && strlen(entry->id) == bytes && memcmp(entry->id, id, bytes) == 0) return entry;
    }
    return NULL;
}

static bool is_ended(const tributary_entry_ *entry)
{
    return entry->state >= TRIBUTARY_DONE;
}

static bool is_acked(tributary *t, const tributary_entry_ *entry)
{
    tributary_epoch_ *epoch = entry->key == 0 ? NULL : epoch_of_key(t, entry->key);
    return !entry->is_unsaid && (entry->key == 0 || (epoch != NULL && entry->seq < epoch->first));
}

static bool is_over(tributary *t, const tributary_entry_ *entry)
{
    return is_ended(entry) && is_acked(t, entry) && t->has_hub_time && tributary_hub_time(t) > entry->expires_us;
}

static bool is_refusal(const tributary_entry_ *entry)
{
    return entry->state == TRIBUTARY_REJECTED && entry->reason == REASON_BUSY;
}

/* A place for another id, NULL where there is none. Refusals have a share of their own, so that they never keep work out. */
static tributary_entry_ *place_for_entry(tributary *t, bool is_for_refusal)
{
    tributary_entry_ *found = NULL;
    int used = 0;
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++) {
        tributary_entry_ *entry = &t->commands[i];
        if (entry->state != 0 && is_over(t, entry)) entry->state = 0;
        if (entry->state == 0) found = entry;
        else if (is_refusal(entry) == is_for_refusal) used++;
    }
    if (used >= (is_for_refusal ? REFUSED_PLACES : TRIBUTARY_MAX_COMMANDS - REFUSED_PLACES) || found == NULL) return NULL;
    memset(found, 0, sizeof *found);
    found->command = NO_COMMAND;
    return found;
}

static void learn_command(tributary *t, const record *head, const uint8_t *body, tributary_place_ place)
{
    tributary_entry_ *entry = NULL;
    if (head->bytes < 12 || head->bytes != 12 + body[2] + body[3] || body[2] > TRIBUTARY_ID_BYTES || body[0] > TRIBUTARY_CANCELLED) return;
    entry = entry_of(t, (const char *)body + 12, body[2]);
    for (int i = 0; entry == NULL && i < TRIBUTARY_MAX_COMMANDS; i++)
        if (t->commands[i].state == 0) entry = &t->commands[i];
    /* An id that was let go of stays on the log for a while; one that has ended makes room for one that is newer. */
    for (int i = 0; entry == NULL && i < TRIBUTARY_MAX_COMMANDS; i++)
        if (is_ended(&t->commands[i]) && t->commands[i].key == 0) entry = &t->commands[i];
    if (entry == NULL) return;
    memset(entry, 0, sizeof *entry);
    entry->command = NO_COMMAND;
    entry->state = body[0];
    entry->reason = body[1] > REASON_OTHER ? REASON_OTHER : body[1];
    entry->expires_us = signed_of(get_le(body + 4, 8));
    memcpy(entry->id, body + 12, body[2]);
    if (body[3] <= TRIBUTARY_KEPT_VALUE) {
        entry->value_bytes = body[3];
        memcpy(entry->value, body + 12 + body[2], body[3]);
    }
    entry->key = head->key;
    entry->seq = head->seq;
    entry->record = place.sector;
}

static bool keep_shadow(tributary *t)
{
    uint8_t body[28];
    record head = {SHADOW, 0, 28, t->shadow.key, t->shadow.seq, 0, t->shadow.number, 0};
    put_le(body, (uint64_t)t->shadow.applied, 8);
    put_le(body + 8, (uint64_t)t->shadow.failed, 8);
    put_le(body + 16, t->shadow.crc, 4);
    put_le(body + 20, 0, 8);
    return append(t, &head, body, &t->shadow.record);
}

static void learn_shadow(tributary *t, const record *head, const uint8_t *body, tributary_place_ place)
{
    t->shadow.key = head->key;
    t->shadow.seq = head->seq;
    t->shadow.number = head->note;
    t->shadow.applied = signed_of(get_le(body, 8));
    t->shadow.failed = signed_of(get_le(body + 8, 8));
    t->shadow.crc = (uint32_t)get_le(body + 16, 4);
    t->shadow.record = place.sector;
}

/* ---- the oldest sector is given up ---- */

static void widen(tributary_epoch_ *epoch, int64_t from_us, int64_t to_us, bool is_by_uptime)
{
    bool is_first = epoch->gap_from_us == NO_TIME;
    if (from_us == NO_TIME || (epoch->flags & GAP_UNDATED)) return;
    if (!is_first && is_by_uptime != ((epoch->flags & GAP_BY_UPTIME) != 0)) {
        epoch->flags |= GAP_UNDATED; /* two clocks: better no time than a wrong one */
        return;
    }
    if (is_by_uptime) epoch->flags |= GAP_BY_UPTIME;
    if (is_first || from_us < epoch->gap_from_us) epoch->gap_from_us = from_us;
    if (is_first || to_us > epoch->gap_to_us) epoch->gap_to_us = to_us;
}

/* The `t` of a frame: its head of a few fields is all that is read. NO_TIME: it has none. */
static int64_t time_in(tributary *t, tributary_place_ place, const record *head)
{
    uint8_t bytes[48];
    size_t size = head->bytes < sizeof bytes ? head->bytes : sizeof bytes;
    if ((head->type != DATA && head->type != PACK) || !is_read(t, place.sector, place.offset + RECORD_HEAD, bytes, size)) return NO_TIME;
    for (size_t i = 0; i + 11 <= size; i++)
        if (bytes[i] == 0xa1 && bytes[i + 1] == 't' && bytes[i + 2] == 0xcf) return signed_of(get_be(bytes + i + 3, 8));
    return NO_TIME;
}

static void drop_frame(tributary *t, tributary_place_ place, const record *head)
{
    tributary_epoch_ *epoch = epoch_of_key(t, head->key);
    int64_t from_us;
    if (epoch != NULL) epoch->flags |= IS_LEAVING;
    if (epoch == NULL || head->seq < epoch->first || head->seq <= epoch->gap_last) return;
    epoch->gap_last = head->seq;
    epoch->gap_readings += head->readings;
    if (head->seq <= epoch->sent) epoch->gap_sent += head->readings;
    epoch->flags |= IS_DIRTY;
    t->statistics.readings_dropped += head->readings;
    from_us = time_in(t, place, head);
    widen(epoch, from_us, from_us == NO_TIME ? NO_TIME : from_us + (int64_t)head->span_ms * 1000, (head->flags & BY_UPTIME) != 0);
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++)
        if (t->commands[i].state != 0 && t->commands[i].key == head->key && t->commands[i].seq == head->seq) t->commands[i].is_unsaid = 1;
    if (t->shadow.key == head->key && t->shadow.seq == head->seq) t->shadow.is_report_due = t->shadow.is_report_forced = true;
}

static bool copy_document(tributary *t)
{
    record head;
    tributary_place_ from = t->shadow.document, to = {t->head_sector, t->head_offset};
    if (record_at(t, from, &head) != 1 || head.type != DESIRED) return true; /* damaged: the hub sends it again */
    if (t->head_offset + aligned(t, RECORD_HEAD + head.bytes) > t->storage->sector_bytes || !write_record(t, &head, NULL, from)) return false;
    t->shadow.document = to;
    return true;
}

static bool is_list_used(const tributary *t, int list)
{
    for (int i = 0; i < t->epoch_count; i++)
        if (t->epochs[i].list == list) return true;
    return t->list == list;
}

/* Write anew the lists that stand in sectors up to `oldest`. One that is damaged, or that nothing goes by, is no more. */
static bool copy_lists(tributary *t, uint32_t oldest)
{
    for (int i = 0; i < TRIBUTARY_MAX_LISTS; i++) {
        tributary_place_ from = t->lists[i].at, to = {t->head_sector, t->head_offset};
        record head;
        if (from.sector == 0 || from.sector > oldest) continue;
        t->lists[i].at.sector = 0;
        if (!is_list_used(t, i) || record_at(t, from, &head) != 1 || head.type != LIST) continue;
        if (t->head_offset + aligned(t, RECORD_HEAD + head.bytes) > t->storage->sector_bytes || !write_record(t, &head, NULL, from)) return false;
        t->lists[i].at = to;
    }
    return true;
}

static bool is_epoch_changed(const tributary_epoch_ *epoch)
{
    return epoch->last > 0 && ((epoch->flags & IS_DIRTY) || epoch->kept_first != epoch->first);
}

/* Write anew what stands in sectors up to `oldest` and must outlive them. */
static bool carry_over(tributary *t, uint32_t oldest)
{
    for (int i = 0; i < t->epoch_count; i++) {
        tributary_epoch_ *epoch = &t->epochs[i];
        bool is_due = (epoch->record != 0 && epoch->record <= oldest) || ((epoch->flags & IS_LEAVING) && is_epoch_changed(epoch));
        if (is_due && epoch->last > 0 && !keep_epoch(t, epoch)) return false;
    }
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++) {
        tributary_entry_ *entry = &t->commands[i];
        if (entry->state == 0 || entry->record > oldest) continue;
        if (is_over(t, entry)) entry->state = 0;
        else if (!keep_command(t, entry)) return false;
    }
    for (int i = 0; i < 4; i++)
        if (t->bad[i].seq != 0 && t->bad[i].record <= oldest && epoch_of_key(t, t->bad[i].key) != NULL && !keep_bad(t, i)) return false;
    if (t->fence_record != 0 && t->fence_record <= oldest && !keep_fence(t)) return false;
    if (t->note_record != 0 && t->note_record <= oldest && !keep_note(t)) return false;
    if (t->shadow.record != 0 && t->shadow.record <= oldest && !keep_shadow(t)) return false;
    if (t->shadow.document.sector != 0 && t->shadow.document.sector <= oldest && !copy_document(t)) return false;
    if (!copy_lists(t, oldest)) return false;
    for (int i = 0; i < t->epoch_count; i++) {
        bool has_room = t->head_offset + 3 * aligned(t, RECORD_HEAD) <= t->storage->sector_bytes;
        if (has_room && is_epoch_changed(&t->epochs[i]) && !keep_epoch(t, &t->epochs[i])) return false;
    }
    return mark_opened(t);
}

/* A sector that could not be filled is none: what was written there counts as written in the oldest one, from where it is taken again. */
static void forget_sector(tributary *t, uint32_t failed, uint32_t oldest)
{
    for (int i = 0; i < t->epoch_count; i++)
        if (t->epochs[i].record == failed) t->epochs[i].record = oldest;
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++)
        if (t->commands[i].record == failed) t->commands[i].record = oldest;
    for (int i = 0; i < 4; i++)
        if (t->bad[i].record == failed) t->bad[i].record = oldest;
    if (t->fence_record == failed) t->fence_record = oldest;
    if (t->note_record == failed) t->note_record = oldest;
    if (t->shadow.record == failed) t->shadow.record = oldest;
    t->head_sector = failed - 1;
    t->head_offset = t->storage->sector_bytes;
    t->statistics.storage_errors++;
}

static bool open_sector(tributary *t)
{
    uint32_t next = t->head_sector + 1, oldest = next - t->storage->sectors + 1;
    tributary_place_ place = {oldest, sector_head_bytes(t)}, document = t->shadow.document;
    tributary_place_ lists[TRIBUTARY_MAX_LISTS];
    record head;
    bool is_opened;
    for (int i = 0; i < TRIBUTARY_MAX_LISTS; i++) lists[i] = t->lists[i].at;
    while (oldest >= t->tail_sector && record_at(t, place, &head) == 1) {
        if (head.type <= GIVE_UP) drop_frame(t, place, &head);
        step_over(t, &place, &head);
    }
    t->is_opening = true;
    is_opened = begin_sector(t, next) && carry_over(t, oldest);
    t->is_opening = false;
    for (int i = 0; i < t->epoch_count; i++) t->epochs[i].flags &= (uint8_t)~IS_LEAVING;
    if (is_opened && t->tail_sector <= oldest) t->tail_sector = oldest + 1;
    if (is_opened) return true;
    forget_sector(t, next, oldest);
    t->shadow.document = document;
    for (int i = 0; i < TRIBUTARY_MAX_LISTS; i++) t->lists[i].at = lists[i];
    return false;
}

/* ---- the log is read at the start ---- */

static void learn_frame(tributary *t, const record *head, tributary_place_ place)
{
    tributary_epoch_ *epoch = epoch_of_key(t, head->key);
    if (epoch == NULL) {
        epoch = add_epoch(t, head->key);
        if (epoch == NULL) return;
        epoch->first = epoch->kept_first = head->seq;
        epoch->last = head->seq;
    }
    epoch->list = head->flags >> LIST_SHIFT & LIST_MASK;
    if (epoch->start.sector == 0) epoch->start = place;
    if (head->seq > epoch->last) epoch->last = head->seq;
    if (head->type == DATA || head->type == PACK) {
        t->note = t->kept_note = head->note;
        t->note_record = place.sector;
    } else if (head->type == GIVE_UP) {
        remove_epoch(t, head->note);
    }
}

static void learn_record(tributary *t, const record *head, tributary_place_ place)
{
    bool has_body = head->type > OPENED && head->type != DESIRED && is_body_read(t, place, head, t->work, sizeof t->work);
    if (head->type <= GIVE_UP) learn_frame(t, head, place);
    else if (head->type == EPOCH && has_body && head->bytes >= 28) learn_epoch(t, head, t->work, place);
    else if (head->type == FORGET) remove_epoch(t, head->key);
    else if (head->type == COMMAND && has_body) learn_command(t, head, t->work, place);
    else if (head->type == FENCE) t->fence = head->note, t->fence_record = place.sector;
    else if (head->type == NOTE) t->note = t->kept_note = head->note, t->note_record = place.sector;
    else if (head->type == SHADOW && has_body && head->bytes >= 28) learn_shadow(t, head, t->work, place);
    else if (head->type == BAD) {
        t->bad[t->bad_next].key = head->key;
        t->bad[t->bad_next].seq = head->seq;
        t->bad[t->bad_next].record = place.sector;
        t->bad_next = (uint8_t)((t->bad_next + 1) % 4);
    } else if (head->type == LIST) {
        t->lists[head->seq & LIST_MASK].at = place;
        t->lists[head->seq & LIST_MASK].bytes = head->bytes;
    } else if (head->type == DESIRED) {
        t->shadow.wanted = signed_of(head->note);
        t->shadow.document = place;
        t->shadow.document_bytes = head->bytes;
    }
}

static bool is_sector_opened(tributary *t, uint32_t sector)
{
    tributary_place_ place = {sector, sector_head_bytes(t)};
    record head;
    while (record_at(t, place, &head) == 1) {
        if (head.type == OPENED) return true;
        step_over(t, &place, &head);
    }
    return false;
}

static bool is_clean_from(tributary *t, uint32_t sector, uint32_t offset)
{
    uint8_t chunk[64];
    while (offset < t->storage->sector_bytes) {
        uint32_t part = t->storage->sector_bytes - offset;
        if (part > sizeof chunk) part = sizeof chunk;
        if (!is_read(t, sector, offset, chunk, part)) return false;
        for (uint32_t i = 0; i < part; i++)
            if (chunk[i] != 0xff) return false;
        offset += part;
    }
    return true;
}

/* Find the newest sector that was opened to the end; false where there is none. */
static bool find_head(tributary *t)
{
    uint32_t sector, newest = 0;
    for (uint32_t i = 0; i < t->storage->sectors; i++)
        if (is_sector_begun(t, i, &sector) && sector > newest) newest = sector;
    for (int tries = 0; newest != 0 && tries < 2; tries++, newest--) {
        if (is_sector_begun(t, newest % t->storage->sectors, &sector) && sector == newest && is_sector_opened(t, newest)) {
            t->head_sector = newest;
            return true;
        }
    }
    return false;
}

static void read_log(tributary *t)
{
    uint32_t found, lowest = t->head_sector - t->storage->sectors + 2;
    t->tail_sector = t->head_sector;
    for (uint32_t sector = lowest; sector <= t->head_sector; sector++) {
        tributary_place_ place = {sector, sector_head_bytes(t)};
        record head;
        if (!is_sector_begun(t, sector % t->storage->sectors, &found) || found != sector) continue;
        if (sector < t->tail_sector) t->tail_sector = sector;
        while (record_at(t, place, &head) == 1) {
            learn_record(t, &head, place);
            step_over(t, &place, &head);
        }
        /* After a torn record nothing may be programmed: its bytes are no longer erased. */
        if (sector == t->head_sector) t->head_offset = is_clean_from(t, sector, place.offset) ? place.offset : t->storage->sector_bytes;
    }
}

static void settle_commands_of_before(tributary *t)
{
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++) {
        tributary_entry_ *entry = &t->commands[i];
        tributary_epoch_ *epoch = epoch_of_key(t, entry->key);
        if (entry->state == 0) continue;
        if (!is_ended(entry)) {
            entry->state = TRIBUTARY_FAILED;
            entry->reason = REASON_INTERRUPTED;
            entry->is_unsaid = 1;
        } else if (entry->key != 0 && (epoch == NULL || entry->seq > epoch->last)) {
            entry->is_unsaid = 1; /* the power went between the id and its frame */
        }
    }
}

static bool open_log(tributary *t)
{
    if (find_head(t)) {
        read_log(t);
    } else {
        t->tail_sector = t->head_sector = t->storage->sectors;
        if (!begin_sector(t, t->head_sector) || !mark_opened(t)) return false;
    }
    settle_commands_of_before(t);
    for (int i = 0; i < t->epoch_count; i++)
        if (!(t->epochs[i].flags & IS_KNOWN)) t->epochs[i].number = drawn_epoch(t); /* the hub may have refused the one there was */
    t->shadow.is_apply_due = t->shadow.wanted != 0;
    return true;
}

/* ---- frames are made ---- */

static const char *const OPS[] = {"", "data", "pack", "log", "result", "reported", "gap"};

/* Begin a frame in the work buffer, as the next one of its epoch. */
static tributary_writer frame_begun(tributary *t, const tributary_epoch_ *epoch, uint8_t type, size_t fields)
{
    tributary_writer w = writer_of(t->work, sizeof t->work);
    tributary_put_map(&w, 3 + fields);
    tributary_put_key(&w, "e");
    put_fixed(&w, epoch->number);
    tributary_put_key(&w, "s");
    put_unsigned(&w, epoch->last + 1);
    tributary_put_key(&w, "op");
    tributary_put_key(&w, OPS[type]);
    return w;
}

/* Number the frame in the work buffer and keep it. */
static bool keep_frame(tributary *t, record *head, const tributary_writer *w)
{
    tributary_epoch_ *epoch = current_of(t);
    tributary_place_ place;
    uint64_t key = epoch->key;
    if (w->length > w->capacity) return false;
    head->key = key;
    head->flags |= (uint8_t)(epoch->list << LIST_SHIFT);
    head->seq = epoch->last + 1;
    head->bytes = (uint16_t)w->length;
    if (!append(t, head, t->work, NULL)) return false;
    place.sector = t->head_sector;
    place.offset = t->head_offset - aligned(t, RECORD_HEAD + head->bytes);
    epoch->last++;
    if (epoch->start.sector == 0) {
        epoch->start = place;
        t->live_at = place;
    }
    if (head->type == DATA || head->type == PACK) {
        t->kept_note = head->note;
        t->note_record = t->head_sector;
    }
    return true;
}

static void sum_of_epoch(tributary *t, const tributary_epoch_ *epoch, uint64_t *readings)
{
    tributary_place_ place = epoch->start;
    record head;
    *readings = epoch->gap_readings;
    for (; find_record(t, &place, &head); step_over(t, &place, &head))
        if (head.type <= GIVE_UP && head.key == epoch->key && head.seq >= epoch->first && head.seq > epoch->gap_last) *readings += head.readings;
}

/* Declare the rest of an epoch lost that was taken off the table. What was said in it of commands and the shadow is said again. */
static bool give_up(tributary *t, const tributary_epoch_ *old, const char *reason)
{
    tributary_epoch_ *epoch = current_of(t);
    record head = {GIVE_UP, 0, 0, 0, 0, 0, old->key, 0};
    tributary_writer w;
    uint64_t readings;
    sum_of_epoch(t, old, &readings);
    w = frame_begun(t, epoch, GIVE_UP, 7);
    tributary_put_key(&w, "last");
    put_unsigned(&w, epoch->last + 1);
    tributary_put_key(&w, "readings");
    put_unsigned(&w, readings);
    tributary_put_key(&w, "from_us");
    tributary_put_nil(&w);
    tributary_put_key(&w, "to_us");
    tributary_put_nil(&w);
    tributary_put_key(&w, "reason");
    tributary_put_key(&w, reason);
    tributary_put_key(&w, "of");
    put_unsigned(&w, old->number);
    tributary_put_key(&w, "of_last");
    put_unsigned(&w, old->last);
    head.readings = (uint32_t)readings;
    if (!keep_frame(t, &head, &w)) return false;
    t->statistics.readings_dropped += (uint32_t)readings;
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++) {
        tributary_entry_ *entry = &t->commands[i];
        if (entry->state != 0 && entry->key == old->key && entry->seq >= old->first) entry->is_unsaid = 1;
    }
    if (t->shadow.key == old->key && t->shadow.seq >= old->first) t->shadow.is_report_due = t->shadow.is_report_forced = true;
    remove_epoch(t, old->key);
    return true;
}

/* Let go of epochs that are acked whole, so durably that they are never heard of again. While connected the live one stays. */
static bool forget_finished(tributary *t)
{
    bool is_live = t->phase == TALKING && t->close_code == 0;
    for (int i = 0; i < t->epoch_count;) {
        tributary_epoch_ *epoch = &t->epochs[i];
        record head = {FORGET, 0, 0, epoch->key, 0, 0, 0, 0};
        if (!is_finished(epoch) || (epoch == current_of(t) && (is_live || epoch->last == 0))) {
            i++;
        } else {
            uint64_t key = epoch->key;
            if (epoch->last > 0 && !append(t, &head, NULL, NULL)) return false;
            remove_epoch(t, key);
        }
    }
    return true;
}

/* ---- lists of channels ---- */

enum { LIST_HAS_RANGE = 8, LIST_HAS_RESOLUTION = 16, LIST_HAS_VALUES = 32 };

static size_t count_values(const tributary_channel *channel)
{
    size_t count = 0;
    while (channel->values != NULL && channel->values[count] != NULL) count++;
    return count;
}

static void keep_number(tributary_writer *w, uint64_t number, int bytes)
{
    uint8_t le[8];
    put_le(le, number, bytes);
    put_raw(w, le, (size_t)bytes);
}

static void keep_double(tributary_writer *w, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    keep_number(w, bits, 8);
}

static void keep_text(tributary_writer *w, const char *text, int length_bytes)
{
    keep_number(w, strlen(text), length_bytes);
    put_raw(w, text, strlen(text));
}

/* Write the list of this program as it is kept: a third of what hello takes. */
static tributary_writer kept_form(tributary *t)
{
    tributary_writer w = writer_of(t->rx, sizeof t->rx);
    keep_number(&w, t->config->channel_count, 2);
    for (int i = 0; i < t->config->channel_count; i++) {
        const tributary_channel *channel = &t->config->channels[i];
        size_t values = count_values(channel);
        put_byte(&w, (uint8_t)((uint32_t)channel->kind | (channel->has_range ? LIST_HAS_RANGE : 0u)
                               | (channel->resolution > 0 ? LIST_HAS_RESOLUTION : 0u) | (values > 0 ? LIST_HAS_VALUES : 0u)));
        keep_text(&w, channel->name, 1);
        keep_text(&w, channel->unit == NULL ? "" : channel->unit, 1);
        if (channel->has_range) keep_double(&w, channel->min), keep_double(&w, channel->max);
        if (channel->resolution > 0) keep_double(&w, channel->resolution);
        if (values > 0) keep_number(&w, values, 2);
        for (size_t k = 0; k < values; k++) keep_text(&w, channel->values[k], 2);
    }
    return w;
}

/* What could not be read back, or the hub would refuse: a name or unit over 64 bytes, a value over 256. */
static bool is_list_good(const tributary_config *config)
{
    for (int i = 0; i < config->channel_count; i++) {
        const tributary_channel *channel = &config->channels[i];
        if (channel->kind > TRIBUTARY_POSITION || strlen(channel->name) > MAX_NAME) return false;
        if (channel->unit != NULL && strlen(channel->unit) > MAX_NAME) return false;
        for (size_t k = 0; k < count_values(channel); k++)
            if (strlen(channel->values[k]) > 256) return false;
    }
    return true;
}

/* Reads a kept list byte by byte. */
typedef struct {
    tributary *t;
    uint32_t sector, at, end;
    uint8_t chunk[32], used, filled;
    bool is_broken;
} list_reader;

static list_reader reader_of(tributary *t, int list)
{
    tributary_place_ at = t->lists[list].at;
    list_reader reader = {t, at.sector, at.offset + RECORD_HEAD, at.offset + RECORD_HEAD + t->lists[list].bytes, {0}, 0, 0, false};
    return reader;
}

static uint8_t kept_byte(list_reader *reader)
{
    if (reader->used == reader->filled) {
        uint32_t part = reader->end - reader->at;
        if (part > sizeof reader->chunk) part = sizeof reader->chunk;
        if (part == 0 || !is_read(reader->t, reader->sector, reader->at, reader->chunk, part)) {
            reader->is_broken = true;
            return 0;
        }
        reader->at += part;
        reader->filled = (uint8_t)part;
        reader->used = 0;
    }
    return reader->chunk[reader->used++];
}

static uint64_t kept_number(list_reader *reader, int bytes)
{
    uint8_t le[8];
    for (int i = 0; i < bytes; i++) le[i] = kept_byte(reader);
    return get_le(le, bytes);
}

static double kept_double(list_reader *reader)
{
    uint64_t bits = kept_number(reader, 8);
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static void kept_name(list_reader *reader, char text[MAX_NAME + 1])
{
    uint8_t bytes = kept_byte(reader);
    if (bytes > MAX_NAME) reader->is_broken = true;
    for (int i = 0; i < bytes && !reader->is_broken; i++) text[i] = (char)kept_byte(reader);
    text[reader->is_broken ? 0 : bytes] = 0;
}

static bool is_kept_so(tributary *t, int list, const tributary_writer *w)
{
    list_reader reader = reader_of(t, list);
    if (t->lists[list].at.sector == 0 || t->lists[list].bytes != w->length) return false;
    for (size_t i = 0; i < w->length; i++)
        if (kept_byte(&reader) != w->buffer[i] || reader.is_broken) return false;
    return true;
}

/* Keep the list of this program, in the place of any that it had there. */
static bool keep_list(tributary *t, const tributary_writer *w)
{
    record head = {LIST, 0, (uint16_t)w->length, 0, t->list, 0, 0, 0};
    t->lists[t->list].at.sector = 0;
    if (!append(t, &head, w->buffer, NULL)) return false;
    t->lists[t->list].at.sector = t->head_sector;
    t->lists[t->list].at.offset = t->head_offset - aligned(t, RECORD_HEAD + head.bytes);
    t->lists[t->list].bytes = head.bytes;
    return true;
}

/* Give up all epochs of a list but the newest one, which says so. */
static bool give_up_list(tributary *t, uint8_t list, const char *reason)
{
    if (!forget_finished(t) || epoch_for_frames(t) == NULL) return false;
    for (int i = 0; i < t->epoch_count - 1;) {
        tributary_epoch_ old = t->epochs[i];
        if (old.list != list) {
            i++;
            continue;
        }
        t->epoch_count--;
        memmove(t->epochs + i, t->epochs + i + 1, (size_t)(t->epoch_count - i) * sizeof old);
        if (!give_up(t, &old, reason)) return false;
    }
    return true;
}

/* Frames whose list is damaged would be read as something they are not: better a declared gap than a lie. */
static bool give_up_listless(tributary *t)
{
    for (int i = 0; i < t->epoch_count; i++) {
        uint8_t list = t->epochs[i].list;
        bool is_of_now = t->has_current && list == t->list;
        if (t->lists[list].at.sector == 0 && !is_of_now) {
            if (!t->has_current) t->list = list;
            if (!give_up_list(t, list, "corrupt")) return false;
            i = -1;
        }
    }
    return true;
}

static bool has_older_epochs(const tributary *t, int list)
{
    for (int i = 0; i < t->epoch_count - t->has_current; i++)
        if (t->epochs[i].list == list) return true;
    return false;
}

/* A place for another list of so many bytes, -1 where there is none: then an older one must go. That of an epoch of gaps alone is one. */
static int place_for_list(const tributary *t, uint32_t bytes)
{
    uint32_t taken = aligned(t, RECORD_HEAD + bytes);
    int found = t->has_current ? t->list : -1;
    for (int i = 0; i < TRIBUTARY_MAX_LISTS; i++) {
        if (has_older_epochs(t, i)) taken += aligned(t, RECORD_HEAD + t->lists[i].bytes);
        else if (!t->has_current && (found < 0 || t->lists[i].at.sector < t->lists[found].at.sector)) found = i;
    }
    return taken <= TRIBUTARY_LISTS_BYTES ? found : -1;
}

/* See that the list of this program is kept, before frames that go by it. False: the storage failed. */
static bool settle_lists(tributary *t, const tributary_writer *w)
{
    int found = -1;
    if (!give_up_listless(t)) return false;
    for (int i = 0; i < TRIBUTARY_MAX_LISTS; i++)
        if (is_kept_so(t, i, w)) found = i;
    if (found >= 0 && (has_older_epochs(t, found) || place_for_list(t, (uint32_t)w->length) >= 0)) {
        if (t->list != found) t->has_current = false; /* it has gaps alone */
        t->list = (uint8_t)found;
        return true;
    }
    while ((found = place_for_list(t, (uint32_t)w->length)) < 0) {
        uint8_t oldest = t->epochs[0].list;
        if (!t->has_current) t->list = oldest;
        if (!give_up_list(t, oldest, "channels_changed")) return false;
    }
    t->list = (uint8_t)found;
    return keep_list(t, w);
}

static tributary_error added(tributary *t, uint16_t channel, tributary_kind kind, bool is_text, const tributary_writer *w)
{
    const tributary_channel *known;
    bool is_by_uptime = false, fits_kind;
    int64_t base_us, time_us = t->given_time_us;
    tributary_reading_ *reading;
    if (channel >= t->config->channel_count) return TRIBUTARY_BAD_ARGUMENT;
    known = &t->config->channels[channel];
    fits_kind = kind == TRIBUTARY_GAUGE ? known->kind <= TRIBUTARY_COUNTER
              : is_text ? known->kind == TRIBUTARY_TEXT || (known->kind == TRIBUTARY_STATE && known->values != NULL)
                        : known->kind == kind;
    if (!fits_kind || w->length > w->capacity) return TRIBUTARY_BAD_ARGUMENT;
    if (80 + w->length > TRIBUTARY_FRAME_BYTES) return TRIBUTARY_TOO_LARGE;
    if (time_us == 0) time_us = wall_of(t);
    if (time_us == 0) is_by_uptime = true, time_us = now_of(t);
    if (is_by_uptime != t->is_stamps_by_uptime) {
        for (int i = 0; i < TRIBUTARY_MAX_CHANNELS; i++) t->stamps_us[i] = NO_TIME;
        t->is_stamps_by_uptime = is_by_uptime;
    }
    if (time_us == t->stamps_us[channel]) time_us++; /* no two readings of a channel share a microsecond */
    base_us = t->batch_count > 0 ? t->batch[0].time_us : time_us;
    if (t->batch_count == TRIBUTARY_BATCH || t->batch_bytes + w->length > TRIBUTARY_BATCH_BYTES || time_us - base_us > INT32_MAX
        || time_us - base_us < INT32_MIN || (t->batch_count > 0 && is_by_uptime != t->is_batch_by_uptime)
        || 72 + 8 * (size_t)(t->batch_count + 1) + t->batch_bytes + w->length > TRIBUTARY_FRAME_BYTES) {
        tributary_error error = tributary_flush(t);
        if (error != TRIBUTARY_OK) return error;
    }
    reading = &t->batch[t->batch_count++];
    reading->time_us = time_us;
    reading->channel = channel;
    reading->value_at = t->batch_bytes;
    reading->value_bytes = (uint16_t)w->length;
    memcpy(t->batch_values + t->batch_bytes, w->buffer, w->length);
    t->batch_bytes = (uint16_t)(t->batch_bytes + w->length);
    t->is_batch_by_uptime = is_by_uptime;
    t->stamps_us[channel] = time_us;
    return TRIBUTARY_OK;
}

tributary_error tributary_number(tributary *t, uint16_t channel, double value)
{
    uint8_t bytes[9];
    tributary_writer w = writer_of(bytes, sizeof bytes);
    if (!is_finite(value)) return TRIBUTARY_BAD_ARGUMENT;
    tributary_put_double(&w, value);
    return added(t, channel, TRIBUTARY_GAUGE, false, &w);
}

tributary_error tributary_integer(tributary *t, uint16_t channel, int64_t value)
{
    uint8_t bytes[9];
    tributary_writer w = writer_of(bytes, sizeof bytes);
    tributary_put_integer(&w, value);
    return added(t, channel, TRIBUTARY_GAUGE, false, &w);
}

tributary_error tributary_bool(tributary *t, uint16_t channel, bool value)
{
    uint8_t bytes[1];
    tributary_writer w = writer_of(bytes, sizeof bytes);
    if (channel >= t->config->channel_count || t->config->channels[channel].values != NULL) return TRIBUTARY_BAD_ARGUMENT;
    tributary_put_bool(&w, value);
    return added(t, channel, TRIBUTARY_STATE, false, &w);
}

tributary_error tributary_text(tributary *t, uint16_t channel, const char *value)
{
    uint8_t bytes[259];
    tributary_writer w = writer_of(bytes, sizeof bytes);
    if (strlen(value) > 256) return TRIBUTARY_BAD_ARGUMENT;
    tributary_put_key(&w, value);
    return added(t, channel, TRIBUTARY_TEXT, true, &w);
}

tributary_error tributary_position(tributary *t, uint16_t channel, double latitude, double longitude)
{
    uint8_t bytes[19];
    tributary_writer w = writer_of(bytes, sizeof bytes);
    if (!(fabs(latitude) <= 90 && fabs(longitude) <= 180)) return TRIBUTARY_BAD_ARGUMENT;
    tributary_put_array(&w, 2);
    tributary_put_double(&w, latitude);
    tributary_put_double(&w, longitude);
    return added(t, channel, TRIBUTARY_POSITION, false, &w);
}

void tributary_at(tributary *t, int64_t time_us)
{
    t->given_time_us = time_us;
}

tributary_error tributary_flush(tributary *t)
{
    tributary_epoch_ *epoch;
    tributary_writer w;
    record head = {DATA, 0, 0, 0, 0, 0, t->note, t->batch_count};
    int64_t high, base = t->batch[0].time_us;
    if (t->batch_count == 0) return TRIBUTARY_OK;
    epoch = epoch_for_frames(t);
    if (epoch == NULL) return TRIBUTARY_STORAGE_FAILED;
    high = base;
    for (int i = 1; i < t->batch_count; i++)
        if (t->batch[i].time_us > high) high = t->batch[i].time_us;
    w = frame_begun(t, epoch, DATA, 4);
    tributary_put_key(&w, "t");
    put_fixed(&w, (uint64_t)base);
    tributary_put_key(&w, "c");
    tributary_put_array(&w, t->batch_count);
    for (int i = 0; i < t->batch_count; i++) put_unsigned(&w, t->batch[i].channel);
    tributary_put_key(&w, "d");
    tributary_put_array(&w, t->batch_count);
    for (int i = 0; i < t->batch_count; i++) tributary_put_integer(&w, t->batch[i].time_us - base);
    tributary_put_key(&w, "v");
    tributary_put_array(&w, t->batch_count);
    put_raw(&w, t->batch_values, t->batch_bytes);
    head.span_ms = (uint32_t)((high - base + 999) / 1000);
    head.flags = t->is_batch_by_uptime ? BY_UPTIME : 0;
    if (!keep_frame(t, &head, &w)) return TRIBUTARY_STORAGE_FAILED;
    t->batch_count = t->batch_bytes = 0;
    return TRIBUTARY_OK;
}

static bool keep_pack(tributary *t, uint16_t channel, int64_t from_us, uint8_t flags, uint64_t step_ns, const float *values, size_t count)
{
    tributary_epoch_ *epoch = epoch_for_frames(t);
    record head = {PACK, flags, 0, 0, 0, (uint32_t)((count - 1) * (step_ns / 1000) / 1000 + 1), t->note, (uint32_t)count};
    tributary_writer w;
    if (epoch == NULL) return false;
    w = frame_begun(t, epoch, PACK, 5);
    tributary_put_key(&w, "t");
    put_fixed(&w, (uint64_t)from_us);
    tributary_put_key(&w, "c");
    put_unsigned(&w, channel);
    tributary_put_key(&w, "step_ns");
    put_unsigned(&w, step_ns);
    tributary_put_key(&w, "f");
    tributary_put_key(&w, "f4");
    tributary_put_key(&w, "v");
    put_bytes_head(&w, 4 * count);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[4];
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        put_le(bytes, bits, 4);
        put_raw(&w, bytes, 4);
    }
    return keep_frame(t, &head, &w);
}

tributary_error tributary_pack(tributary *t, uint16_t channel, int64_t start_us, uint64_t step_ns, const float *values, size_t count)
{
    enum { IN_ONE = (TRIBUTARY_FRAME_BYTES - 84) / 4 };
    uint8_t flags = 0;
    uint64_t whole_us;
    if (channel >= t->config->channel_count || t->config->channels[channel].kind > TRIBUTARY_COUNTER || count == 0) return TRIBUTARY_BAD_ARGUMENT;
    if (step_ns == 0 || step_ns > 100000000000000u || count > 65536) return TRIBUTARY_BAD_ARGUMENT;
    whole_us = (count - 1) * step_ns / 1000;
    if (start_us == 0) start_us = wall_of(t) == 0 ? 0 : wall_of(t) - (int64_t)whole_us;
    if (start_us == 0) flags = BY_UPTIME, start_us = now_of(t) - (int64_t)whole_us;
    for (size_t done = 0; done < count; done += IN_ONE) {
        size_t part = count - done < IN_ONE ? count - done : IN_ONE;
        if (!keep_pack(t, channel, start_us + (int64_t)(done * step_ns / 1000), flags, step_ns, values + done, part)) return TRIBUTARY_STORAGE_FAILED;
    }
    return TRIBUTARY_OK;
}

tributary_error tributary_log(tributary *t, tributary_level level, const char *text)
{
    tributary_epoch_ *epoch = epoch_for_frames(t);
    record head = {LOG, 0, 0, 0, 0, 0, 0, 0};
    tributary_writer w;
    size_t bytes = strlen(text), most = TRIBUTARY_FRAME_BYTES - 80 < 4096 ? TRIBUTARY_FRAME_BYTES - 80 : 4096;
    int64_t time_us = wall_of(t);
    if (level > TRIBUTARY_ERROR) return TRIBUTARY_BAD_ARGUMENT;
    if (epoch == NULL) return TRIBUTARY_STORAGE_FAILED;
    bytes = cut_to(text, bytes, most);
    w = frame_begun(t, epoch, LOG, 3);
    tributary_put_key(&w, "level");
    tributary_put_key(&w, LEVELS[level]);
    tributary_put_key(&w, "t");
    if (time_us == 0) head.flags = BY_UPTIME;
    put_fixed(&w, (uint64_t)(time_us == 0 ? now_of(t) : time_us));
    tributary_put_key(&w, "text");
    tributary_put_text(&w, text, bytes);
    return keep_frame(t, &head, &w) ? TRIBUTARY_OK : TRIBUTARY_STORAGE_FAILED;
}

void tributary_set_note(tributary *t, uint64_t note)
{
    t->note = note;
}

uint64_t tributary_note(const tributary *t)
{
    return t->kept_note;
}

/* ---- what is said of commands and of the shadow ---- */

static void put_result(tributary_writer *w, const tributary_entry_ *entry, const char *state, double progress, const uint8_t *value,
                       size_t value_bytes, const char *reason)
{
    tributary_put_key(w, "id");
    tributary_put_key(w, entry->id);
    tributary_put_key(w, "state");
    tributary_put_key(w, state);
    if (progress >= 0) {
        tributary_put_key(w, "progress");
        tributary_put_double(w, progress);
    }
    if (value_bytes > 0) {
        tributary_put_key(w, "value");
        put_raw(w, value, value_bytes);
    }
    if (reason[0] != 0) {
        tributary_put_key(w, "reason");
        tributary_put_text(w, reason, cut_to(reason, strlen(reason), MAX_REASON));
    }
}

static bool keep_result(tributary *t, const tributary_entry_ *entry, const char *state, double progress, const uint8_t *value,
                        size_t value_bytes, const char *reason)
{
    record head = {RESULT, 0, 0, 0, 0, 0, 0, 0};
    tributary_writer w = frame_begun(t, current_of(t), RESULT, (size_t)(2 + (progress >= 0) + (value_bytes > 0) + (reason[0] != 0)));
    put_result(&w, entry, state, progress, value, value_bytes, reason);
    return keep_frame(t, &head, &w);
}

/* Keep the state of a command and a frame that says it. In between the power may go: the id names the frame that must follow. */
static bool say(tributary *t, tributary_entry_ *entry, const uint8_t *value, size_t value_bytes, const char *reason)
{
    tributary_epoch_ *epoch = epoch_for_frames(t);
    entry->is_unsaid = 1;
    if (epoch == NULL) return false;
    entry->key = epoch->key;
    entry->seq = epoch->last + 1;
    if (!keep_command(t, entry)) return false;
    entry->is_unsaid = !keep_result(t, entry, STATES[entry->state], -1, value, value_bytes, reason);
    return !entry->is_unsaid;
}

static bool say_again(tributary *t, tributary_entry_ *entry)
{
    return say(t, entry, entry->value, entry->value_bytes, REASONS[entry->reason]);
}

/* Nobody asked for this report just now, so nobody gets an error back. */
static void tell_too_large(tributary *t)
{
    t->statistics.too_large++;
    if (t->config->on_reject != NULL) t->config->on_reject(t->config->app, "too_large", "what write_reported writes does not fit into a frame");
}

static void keep_report(tributary *t)
{
    tributary_epoch_ *epoch = epoch_for_frames(t);
    record head = {REPORTED, 0, 0, 0, 0, 0, 0, 0};
    tributary_writer w = writer_of(t->work, sizeof t->work);
    uint64_t number = t->shadow.number > t->shadow.floor ? t->shadow.number : t->shadow.floor;
    uint32_t crc;
    bool has_failed = t->shadow.failed != 0;
    if (epoch == NULL) return;
    t->config->write_reported(t->config->app, &w);
    if (w.length + REPORT_HEAD > w.capacity) {
        t->shadow.is_report_due = false;
        tell_too_large(t);
        return;
    }
    crc = crc32_of(0, t->work, w.length);
    if (!t->shadow.is_report_forced && crc == t->shadow.crc) {
        t->shadow.is_report_due = false;
        return;
    }
    number++;
    if (t->has_hub_time && (uint64_t)(tributary_hub_time(t) / 1000) > number) number = (uint64_t)(tributary_hub_time(t) / 1000);
    t->shadow.number = number;
    t->shadow.crc = crc;
    t->shadow.key = epoch->key;
    t->shadow.seq = epoch->last + 1;
    if (!keep_shadow(t)) return;
    w = frame_begun(t, current_of(t), REPORTED, has_failed ? 4 : 3);
    tributary_put_key(&w, "n");
    put_unsigned(&w, number);
    tributary_put_key(&w, "version");
    tributary_put_integer(&w, has_failed ? t->shadow.failed : t->shadow.applied);
    tributary_put_key(&w, "document");
    t->config->write_reported(t->config->app, &w);
    if (has_failed) {
        tributary_put_key(&w, "error");
        tributary_put_key(&w, t->shadow.error[0] != 0 ? t->shadow.error : "not applied");
    }
    if (keep_frame(t, &head, &w)) t->shadow.is_report_due = t->shadow.is_report_forced = false;
}

/* Make the device what is desired, and see that it is told how that went. */
static void apply_desired(tributary *t, tributary_value document)
{
    const char *problem = t->config->on_desired == NULL ? NULL : t->config->on_desired(t->config->app, document);
    int64_t applied = t->shadow.applied, failed = t->shadow.failed;
    t->shadow.is_apply_due = false;
    if (problem == NULL) {
        t->shadow.applied = t->shadow.wanted;
        t->shadow.failed = 0;
    } else {
        t->shadow.failed = t->shadow.wanted;
        copy_text(t->shadow.error, sizeof t->shadow.error, problem, strlen(problem));
    }
    t->shadow.is_report_due = true;
    if (applied != t->shadow.applied || failed != t->shadow.failed) t->shadow.is_report_forced = true;
}

/* A program that starts does not know what is desired: it is told what was kept. */
static void apply_kept(tributary *t)
{
    record head;
    tributary_value document;
    t->shadow.is_apply_due = false;
    if (t->config->write_reported == NULL || record_at(t, t->shadow.document, &head) != 1) return;
    if (!is_body_read(t, t->shadow.document, &head, t->rx, sizeof t->rx) || !tributary_check(t->rx, head.bytes, &document)) return;
    apply_desired(t, document);
}

static bool say_what_is_due(tributary *t)
{
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++)
        if (t->commands[i].state != 0 && t->commands[i].is_unsaid && !say_again(t, &t->commands[i])) return false;
    if (t->shadow.is_report_due && t->config->write_reported != NULL) keep_report(t);
    return true;
}

static tributary_entry_ *entry_of_command(tributary *t, int command)
{
    if (command < 0 || command >= TRIBUTARY_MAX_COMMANDS) return NULL;
    return t->commands[command].state != 0 && !is_ended(&t->commands[command]) ? &t->commands[command] : NULL;
}

const char *tributary_command_id(const tributary *t, int command)
{
    bool is_one = command >= 0 && command < TRIBUTARY_MAX_COMMANDS && t->commands[command].state != 0 && !is_ended(&t->commands[command]);
    return is_one ? t->commands[command].id : "";
}

tributary_error tributary_progress(tributary *t, int command, double fraction)
{
    tributary_entry_ *entry = entry_of_command(t, command);
    if (entry == NULL || !(fraction >= 0 && fraction <= 1)) return TRIBUTARY_BAD_ARGUMENT;
    if (epoch_for_frames(t) == NULL) return TRIBUTARY_STORAGE_FAILED;
    entry->state = TRIBUTARY_RUNNING;
    return keep_result(t, entry, "running", fraction, NULL, 0, "") ? TRIBUTARY_OK : TRIBUTARY_STORAGE_FAILED;
}

tributary_error tributary_finish(tributary *t, int command, tributary_outcome outcome, const uint8_t *value, size_t value_bytes,
                                 const char *reason)
{
    tributary_entry_ *entry = entry_of_command(t, command);
    tributary_writer counting = writer_of(t->work, 0);
    tributary_value checked;
    bool is_too_large;
    if (entry == NULL || outcome < TRIBUTARY_DONE || outcome > TRIBUTARY_CANCELLED) return TRIBUTARY_BAD_ARGUMENT;
    if (value_bytes > 0 && !tributary_check(value, value_bytes, &checked)) return TRIBUTARY_BAD_ARGUMENT;
    if (reason == NULL) reason = "";
    put_result(&counting, entry, STATES[outcome], -1, value, value_bytes, reason);
    is_too_large = FRAME_HEAD + counting.length > TRIBUTARY_FRAME_BYTES;
    if (is_too_large) {
        t->statistics.too_large++;
        outcome = TRIBUTARY_FAILED;
        value_bytes = 0;
        reason = "it ran, but its value is too large";
    }
    entry->state = (uint8_t)outcome;
    entry->command = NO_COMMAND;
    entry->reason = reason[0] != 0 || value_bytes > TRIBUTARY_KEPT_VALUE ? REASON_OTHER : REASON_NONE;
    entry->value_bytes = value_bytes > TRIBUTARY_KEPT_VALUE ? 0 : (uint8_t)value_bytes;
    if (entry->value_bytes > 0) memcpy(entry->value, value, entry->value_bytes);
    if (!say(t, entry, value, value_bytes, reason)) return TRIBUTARY_STORAGE_FAILED;
    return is_too_large ? TRIBUTARY_TOO_LARGE : TRIBUTARY_OK;
}

tributary_error tributary_report(tributary *t)
{
    tributary_writer counting = writer_of(t->work, 0);
    if (t->config->write_reported == NULL) return TRIBUTARY_BAD_ARGUMENT;
    t->config->write_reported(t->config->app, &counting);
    if (counting.length + REPORT_HEAD > TRIBUTARY_FRAME_BYTES) {
        t->statistics.too_large++;
        return TRIBUTARY_TOO_LARGE;
    }
    t->shadow.is_report_due = true;
    return TRIBUTARY_OK;
}

/* ---- sending: hello ---- */

static void put_channel(tributary_writer *w, const tributary_channel *channel, size_t values)
{
    tributary_put_map(w, (size_t)(3 + (channel->has_range ? 2 : 0) + (channel->resolution > 0) + (values > 0)));
    tributary_put_key(w, "name");
    tributary_put_key(w, channel->name);
    tributary_put_key(w, "unit");
    tributary_put_key(w, channel->unit == NULL ? "" : channel->unit);
    tributary_put_key(w, "kind");
    tributary_put_key(w, KINDS[channel->kind]);
    if (channel->has_range) {
        tributary_put_key(w, "min");
        tributary_put_double(w, channel->min);
        tributary_put_key(w, "max");
        tributary_put_double(w, channel->max);
    }
    if (channel->resolution > 0) {
        tributary_put_key(w, "resolution");
        tributary_put_double(w, channel->resolution);
    }
    if (values == 0) return;
    tributary_put_key(w, "values"); /* the texts follow */
    tributary_put_array(w, values);
}

static void put_list(tributary *t, tributary_writer *w)
{
    tributary_put_array(w, t->config->channel_count);
    for (int i = 0; i < t->config->channel_count; i++) {
        const tributary_channel *channel = &t->config->channels[i];
        size_t values = count_values(channel);
        put_channel(w, channel, values);
        for (size_t k = 0; k < values; k++) tributary_put_key(w, channel->values[k]);
    }
}

/* Write a list of an earlier program; one that cannot be read makes no hello, and is no list any more. */
static void put_kept_list(tributary *t, tributary_writer *w, int list)
{
    list_reader reader = reader_of(t, list);
    uint64_t count = kept_number(&reader, 2);
    tributary_put_array(w, (size_t)count);
    for (uint64_t i = 0; i < count && !reader.is_broken; i++) {
        char name[MAX_NAME + 1], unit[MAX_NAME + 1];
        tributary_channel channel = {name, unit, TRIBUTARY_GAUGE, NULL, false, 0, 0, 0};
        uint8_t flags = kept_byte(&reader);
        uint64_t values = 0;
        if ((flags & 7) > TRIBUTARY_POSITION) reader.is_broken = true;
        else channel.kind = (tributary_kind)(flags & 7);
        kept_name(&reader, name);
        kept_name(&reader, unit);
        channel.has_range = (flags & LIST_HAS_RANGE) != 0;
        if (channel.has_range) channel.min = kept_double(&reader), channel.max = kept_double(&reader);
        if (flags & LIST_HAS_RESOLUTION) channel.resolution = kept_double(&reader);
        if (flags & LIST_HAS_VALUES) values = kept_number(&reader, 2);
        put_channel(w, &channel, (size_t)values);
        for (uint64_t k = 0; k < values && !reader.is_broken; k++) {
            size_t bytes = (size_t)kept_number(&reader, 2);
            put_text_head(w, bytes);
            while (bytes-- > 0 && !reader.is_broken) put_byte(w, kept_byte(&reader));
        }
    }
    if (!reader.is_broken) return;
    t->is_hello_broken = true;
    t->lists[list].at.sector = 0;
}

static void put_command(tributary_writer *w, const tributary_command *command)
{
    tributary_put_map(w, command->description == NULL ? 2 : 3);
    tributary_put_key(w, "name");
    tributary_put_key(w, command->name);
    if (command->description != NULL) {
        tributary_put_key(w, "description");
        tributary_put_key(w, command->description);
    }
    tributary_put_key(w, "args");
    tributary_put_map(w, command->arg_count);
    for (int i = 0; i < command->arg_count; i++) {
        const tributary_arg *arg = &command->args[i];
        tributary_put_key(w, arg->name);
        bool has_min = arg->has_range && is_finite(arg->min), has_max = arg->has_range && is_finite(arg->max);
        tributary_put_map(w, (size_t)(1 + has_min + has_max));
        tributary_put_key(w, "type");
        tributary_put_key(w, ARG_TYPES[arg->type]);
        if (has_min) {
            tributary_put_key(w, "min");
            tributary_put_double(w, arg->min);
        }
        if (has_max) {
            tributary_put_key(w, "max");
            tributary_put_double(w, arg->max);
        }
    }
}

static bool is_listed(tributary *t, const tributary_epoch_ *epoch)
{
    return !is_finished(epoch) && (epoch != current_of(t) || (epoch->flags & IS_SAID));
}

/* Results whose value or reason is not kept whole go by their frames alone: what hello says of a command would be its end. */
static bool is_told(tributary *t, const tributary_entry_ *entry)
{
    return entry->state != 0 && (!is_ended(entry) || (!is_acked(t, entry) && entry->reason != REASON_OTHER));
}

static void put_hello(tributary *t, tributary_writer *w)
{
    const tributary_config *config = t->config;
    size_t unfinished = 0, results = 0;
    for (int i = 0; i < t->epoch_count; i++) unfinished += is_listed(t, &t->epochs[i]);
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++) results += is_told(t, &t->commands[i]);
    tributary_put_map(w, (size_t)(9 + (config->firmware != NULL) + (config->interval_s > 0) + (config->sleep_s > 0)
                                  + (config->write_reported != NULL) + (t->fence > 0)));
    tributary_put_key(w, "op");
    tributary_put_key(w, "hello");
    tributary_put_key(w, "device");
    tributary_put_key(w, config->device);
    tributary_put_key(w, "epoch");
    put_unsigned(w, current_of(t)->number);
    tributary_put_key(w, "unfinished");
    tributary_put_array(w, unfinished);
    for (int i = 0; i < t->epoch_count; i++) {
        const tributary_epoch_ *epoch = &t->epochs[i];
        bool has_list = epoch->list != t->list && t->lists[epoch->list].at.sector != 0;
        if (!is_listed(t, epoch)) continue;
        tributary_put_map(w, has_list ? 4 : 3);
        tributary_put_key(w, "epoch");
        put_unsigned(w, epoch->number);
        tributary_put_key(w, "first");
        put_unsigned(w, epoch->first);
        tributary_put_key(w, "last");
        put_unsigned(w, epoch->last);
        if (!has_list) continue;
        tributary_put_key(w, "channels");
        put_kept_list(t, w, epoch->list);
    }
    tributary_put_key(w, "channels");
    put_list(t, w);
    tributary_put_key(w, "commands");
    tributary_put_array(w, config->command_count);
    for (int i = 0; i < config->command_count; i++) put_command(w, &config->commands[i]);
    tributary_put_key(w, "results");
    tributary_put_array(w, results);
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++) {
        const tributary_entry_ *entry = &t->commands[i];
        if (!is_told(t, entry)) continue;
        tributary_put_map(w, (size_t)(2 + (entry->value_bytes > 0) + (REASONS[entry->reason][0] != 0)));
        put_result(w, entry, STATES[entry->state], -1, entry->value, entry->value_bytes, REASONS[entry->reason]);
    }
    tributary_put_key(w, t->is_hello_by_wall ? "clock_us" : "uptime_us");
    tributary_put_integer(w, t->hello_clock_us);
    tributary_put_key(w, "max_message_bytes");
    put_unsigned(w, TRIBUTARY_MESSAGE_BYTES);
    if (config->firmware != NULL) {
        tributary_put_key(w, "firmware");
        tributary_put_key(w, config->firmware);
    }
    if (config->interval_s > 0) {
        tributary_put_key(w, "interval_s");
        tributary_put_double(w, config->interval_s);
    }
    if (config->sleep_s > 0) {
        tributary_put_key(w, "sleep_s");
        tributary_put_double(w, config->sleep_s);
    }
    if (config->write_reported != NULL) {
        bool is_applied = t->shadow.applied == t->shadow.wanted && t->shadow.failed == 0;
        tributary_put_key(w, "shadow");
        tributary_put_map(w, 2);
        tributary_put_key(w, "version");
        tributary_put_integer(w, is_applied ? t->shadow.applied : 0);
        tributary_put_key(w, "reported");
        put_unsigned(w, t->shadow.number);
    }
    if (t->fence > 0) {
        tributary_put_key(w, "fence");
        put_unsigned(w, t->fence);
    }
}

/* ---- WebSocket, outwards ---- */

enum { CONTINUED = 0, TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

static void put_ws_head(tributary *t, uint8_t opcode, size_t payload, uint8_t mask[4], uint8_t *end)
{
    uint8_t head[8];
    size_t bytes = 2;
    t->port->random(t->port->context, mask, 4);
    head[0] = (uint8_t)(0x80 | opcode);
    head[1] = (uint8_t)(0x80 | (payload < 126 ? payload : 126));
    if (payload >= 126) {
        put_be(head + 2, payload, 2);
        bytes = 4;
    }
    memcpy(head + bytes, mask, 4);
    bytes += 4;
    memcpy(end - bytes, head, bytes);
    t->tx_at = (size_t)(end - bytes - t->tx);
}

/* Send the payload that lies in tx behind the room for a head. */
static void send_ws(tributary *t, uint8_t opcode, size_t payload)
{
    uint8_t mask[4], *bytes = t->tx + 14;
    put_ws_head(t, opcode, payload, mask, bytes);
    for (size_t i = 0; i < payload; i++) bytes[i] ^= mask[i & 3];
    t->tx_end = 14 + payload;
}

static void send_close(tributary *t, int code)
{
    t->close_code = (uint16_t)code;
}

/* ---- sending: frames ---- */

static bool may_send(tributary *t, const tributary_window_ *window, size_t bytes)
{
    if (window->frames == 0 || window->bytes == 0 || t->in_flight_count == TRIBUTARY_MAX_IN_FLIGHT) return false;
    return window->frames_out == 0 || (window->frames_out < window->frames && window->bytes_out + bytes <= window->bytes);
}

static void note_sent(tributary *t, tributary_epoch_ *epoch, tributary_window_ *window, uint32_t seq, uint32_t last, size_t bytes, uint32_t readings)
{
    tributary_in_flight_ *entry = &t->in_flight[t->in_flight_count++];
    entry->key = epoch->key;
    entry->seq = seq;
    entry->last = last;
    entry->bytes = (uint32_t)bytes;
    entry->readings = readings;
    window->frames_out++;
    window->bytes_out += (uint32_t)bytes;
    epoch->sent = last;
    t->statistics.frames_sent++;
}

static bool send_gap(tributary *t, tributary_epoch_ *epoch, tributary_window_ *window, uint32_t last, uint32_t readings, int64_t from_us,
                     int64_t to_us, const char *reason)
{
    tributary_writer w = writer_of(t->tx + 14, sizeof t->tx - 14);
    uint32_t seq = epoch->sent + 1 > epoch->first ? epoch->sent + 1 : epoch->first;
    if (!may_send(t, window, GAP_BYTES)) return false;
    tributary_put_map(&w, 8);
    tributary_put_key(&w, "e");
    put_fixed(&w, epoch->number);
    tributary_put_key(&w, "s");
    put_unsigned(&w, seq);
    tributary_put_key(&w, "op");
    tributary_put_key(&w, "gap");
    tributary_put_key(&w, "last");
    put_unsigned(&w, last);
    tributary_put_key(&w, "readings");
    put_unsigned(&w, readings);
    tributary_put_key(&w, "from_us");
    if (from_us == NO_TIME) tributary_put_nil(&w);
    else tributary_put_integer(&w, from_us);
    tributary_put_key(&w, "to_us");
    if (from_us == NO_TIME) tributary_put_nil(&w);
    else tributary_put_integer(&w, to_us);
    tributary_put_key(&w, "reason");
    tributary_put_key(&w, reason);
    note_sent(t, epoch, window, seq, last, w.length, readings);
    send_ws(t, WS_BINARY, w.length);
    return true;
}

/* Before anything of an epoch goes out: its number binds from now on, and its offset is fixed. False: the storage failed. */
static bool settle_epoch(tributary *t, tributary_epoch_ *epoch)
{
    uint8_t flags = epoch->flags;
    if ((flags & IS_OF_THIS_BOOT) && !(flags & HAS_OFFSET)) {
        epoch->offset_us = t->hub_offset_us;
        epoch->flags |= HAS_OFFSET;
    }
    epoch->flags |= IS_KNOWN;
    if (keep_epoch(t, epoch)) return true;
    epoch->flags = (uint8_t)(flags | IS_DIRTY);
    return false;
}

static bool send_drop_gap(tributary *t, tributary_epoch_ *epoch, tributary_window_ *window)
{
    int64_t from_us = epoch->gap_from_us, to_us = epoch->gap_to_us;
    if (epoch->flags & GAP_UNDATED) from_us = NO_TIME;
    if (from_us != NO_TIME && (epoch->flags & GAP_BY_UPTIME)) {
        if (epoch->flags & HAS_OFFSET) from_us += epoch->offset_us, to_us += epoch->offset_us;
        else from_us = NO_TIME;
    }
    if (!send_gap(t, epoch, window, epoch->gap_last, epoch->gap_readings - epoch->gap_sent, from_us, to_us, "spool_full")) return false;
    epoch->gap_sent = epoch->gap_readings;
    return true;
}

/* Find the next frame of an epoch from a place on; false: there is none, as far as can be read. */
static bool find_frame(tributary *t, const tributary_epoch_ *epoch, uint32_t seq, bool is_live, tributary_place_ *place, record *head)
{
    for (; find_record(t, place, head); step_over(t, place, head)) {
        if (head->type > GIVE_UP) continue;
        if (head->key == epoch->key && head->seq >= seq) return true;
        if (head->key != epoch->key && !is_live) {
            tributary_epoch_ *other = epoch_of_key(t, head->key);
            if (other != NULL && other > epoch) return false; /* epochs lie one behind the other */
        }
    }
    return false;
}

static bool is_bad(const tributary *t, const record *head)
{
    for (int i = 0; i < 4; i++)
        if (t->bad[i].seq == head->seq && t->bad[i].key == head->key) return true;
    return false;
}

/* Give a frame in tx its epoch's number and a time of the world; return its size then. */
static size_t finished(tributary *t, const tributary_epoch_ *epoch, const record *head)
{
    uint8_t *body = t->tx + 14;
    tributary_value map = {body, body + head->bytes}, time;
    put_be(body + 4, epoch->number, 8);
    if (!(head->flags & BY_UPTIME) || !tributary_get(map, "t", &time)) return head->bytes;
    body = t->tx + (time.at - t->tx);
    if (epoch->flags & HAS_OFFSET) {
        put_be(body + 1, (uint64_t)(signed_of(get_be(body + 1, 8)) + epoch->offset_us), 8);
        return head->bytes;
    }
    *body = 0xc0; /* made in an earlier life of which no hub ever told the time: it can never be dated */
    memmove(body + 1, body + 9, (size_t)(map.end - (time.at + 9)));
    return head->bytes - 8u;
}

/* Send the next frame of an epoch, or the gap in its place; false: there is none, or it may not go now. */
static bool send_next(tributary *t, tributary_epoch_ *epoch, tributary_window_ *window, tributary_place_ *place)
{
    uint32_t seq = epoch->sent + 1 > epoch->first ? epoch->sent + 1 : epoch->first;
    record head;
    size_t bytes;
    if (seq > epoch->last) return false;
    if (!may_send(t, window, 0)) return false;
    if (!(epoch->flags & IS_KNOWN)) {
        if (!settle_epoch(t, epoch)) return false;
        return send_next(t, epoch, window, place); /* to keep it may have made room, and dropped what was next */
    }
    if (epoch->gap_last >= seq) return send_drop_gap(t, epoch, window);
    if (!find_frame(t, epoch, seq, epoch == current_of(t), place, &head))
        return send_gap(t, epoch, window, epoch->last, 0, NO_TIME, NO_TIME, "corrupt");
    if (head.seq > seq) return send_gap(t, epoch, window, head.seq - 1, 0, NO_TIME, NO_TIME, "corrupt");
    if (is_bad(t, &head)) return send_gap(t, epoch, window, seq, head.readings, NO_TIME, NO_TIME, "bad_frame");
    if (!may_send(t, window, head.bytes)) return false;
    if (!is_body_read(t, *place, &head, t->tx + 14, sizeof t->tx - 14)) return false;
    bytes = finished(t, epoch, &head);
    note_sent(t, epoch, window, seq, seq, bytes, head.readings);
    step_over(t, place, &head);
    send_ws(t, WS_BINARY, bytes);
    return true;
}

static bool send_frame(tributary *t)
{
    tributary_epoch_ *live = current_of(t);
    if (live != NULL && send_next(t, live, &t->live, &t->live_at)) return true;
    for (int i = 0; i < t->epoch_count; i++) {
        tributary_epoch_ *epoch = &t->epochs[i];
        if (epoch == live || epoch->sent >= epoch->last || is_finished(epoch)) continue;
        return send_next(t, epoch, &t->backfill, &t->backfill_at); /* oldest first: none overtakes another */
    }
    return false;
}

static void take_ack(tributary *t, tributary_epoch_ *epoch, uint32_t seq)
{
    int kept = 0;
    if (seq > epoch->last) seq = epoch->last;
    for (int i = 0; i < t->in_flight_count; i++) {
        tributary_in_flight_ *entry = &t->in_flight[i];
        if (entry->key == epoch->key && entry->last <= seq) {
            tributary_window_ *window = epoch == current_of(t) ? &t->live : &t->backfill;
            window->frames_out--;
            window->bytes_out -= entry->bytes;
            t->statistics.frames_acked++;
            if (entry->last <= epoch->gap_last) { /* it was dropped while it was on its way, and came through: not lost after all */
                epoch->gap_readings -= entry->readings;
                epoch->gap_sent -= entry->readings;
            }
        } else {
            t->in_flight[kept++] = *entry;
        }
    }
    t->in_flight_count = (uint8_t)kept;
    if (seq >= epoch->first) epoch->first = seq + 1;
    if (epoch->sent + 1 < epoch->first) epoch->sent = epoch->first - 1;
    if (epoch->gap_last != 0 && epoch->first > epoch->gap_last) {
        epoch->gap_last = epoch->gap_readings = epoch->gap_sent = 0;
        epoch->gap_from_us = epoch->gap_to_us = NO_TIME;
        epoch->flags = (uint8_t)((epoch->flags & ~(GAP_BY_UPTIME | GAP_UNDATED)) | IS_DIRTY);
    }
}

/* ---- what the hub says ---- */

static void end_connection(tributary *t, int code, const char *reason);

static void note_reason(tributary *t, const char *text, size_t bytes)
{
    copy_text(t->statistics.last_reason, sizeof t->statistics.last_reason, text, bytes);
}

static bool get_window(tributary_value credit, const char *lane, tributary_window_ *window)
{
    tributary_value pair, item;
    int64_t frames, bytes;
    if (!tributary_get(credit, lane, &pair) || tributary_count(pair) != 2) return false;
    if (!tributary_item(pair, 0, &item) || !tributary_as_integer(item, &frames) || frames < 0) return false;
    if (!tributary_item(pair, 1, &item) || !tributary_as_integer(item, &bytes) || bytes < 0) return false;
    window->frames = frames > UINT32_MAX ? UINT32_MAX : (uint32_t)frames;
    window->bytes = bytes > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)bytes;
    return true;
}

static bool take_credit(tributary *t, tributary_value message)
{
    tributary_value credit;
    return tributary_get(message, "credit", &credit) && get_window(credit, "live", &t->live) && get_window(credit, "backfill", &t->backfill);
}

static bool get_pair(tributary_value pairs, size_t index, uint64_t *epoch, uint32_t *seq)
{
    tributary_value pair, item;
    int64_t first, second;
    if (!tributary_item(pairs, index, &pair) || tributary_count(pair) != 2) return false;
    if (!tributary_item(pair, 0, &item) || !tributary_as_integer(item, &first)) return false;
    if (!tributary_item(pair, 1, &item) || !tributary_as_integer(item, &second) || second < 0) return false;
    *epoch = (uint64_t)first;
    *seq = second > UINT32_MAX ? UINT32_MAX : (uint32_t)second;
    return true;
}

/* Let go of what the hub has. An ack above what was ever sent is no ack of that; a mark may be, after a resend. */
static bool take_acks(tributary *t, tributary_value message, const char *key, bool is_bound_by_sent)
{
    tributary_value pairs;
    uint64_t number;
    uint32_t seq;
    if (!tributary_get(message, key, &pairs)) return false;
    for (size_t i = 0; i < tributary_count(pairs); i++) {
        tributary_epoch_ *epoch;
        if (!get_pair(pairs, i, &number, &seq)) return false;
        epoch = epoch_of_number(t, number);
        if (epoch == NULL) continue;
        if (is_bound_by_sent && seq > epoch->sent) seq = epoch->sent;
        take_ack(t, epoch, seq);
    }
    return true;
}

static void take_fence(tributary *t, int64_t fence)
{
    if (fence <= 0 || (uint64_t)fence <= t->fence) return;
    t->fence = (uint64_t)fence;
    keep_fence(t);
}

static bool take_welcome(tributary *t, tributary_value message)
{
    int64_t time_us, number;
    if (!get_integer(message, "time_us", 1, &time_us) || !take_credit(t, message) || !take_acks(t, message, "marks", false)) return false;
    if (!get_seconds(message, "heartbeat_s", &t->heartbeat_s) || t->heartbeat_s < 0.01) t->heartbeat_s = 20;
    t->hub_offset_us = time_us - now_of(t);
    t->has_hub_time = true;
    if (get_integer(message, "fence", 0, &number)) take_fence(t, number);
    if (t->config->write_reported != NULL && get_integer(message, "reported", 0, &number)) {
        tributary_epoch_ *epoch = t->shadow.key == 0 ? NULL : epoch_of_key(t, t->shadow.key);
        bool is_on_its_way = epoch != NULL && t->shadow.seq >= epoch->first;
        if ((uint64_t)number > t->shadow.floor) t->shadow.floor = (uint64_t)number;
        if (t->shadow.number != 0 && (uint64_t)number != t->shadow.number && ((uint64_t)number > t->shadow.number || !is_on_its_way))
            t->shadow.is_report_due = t->shadow.is_report_forced = true;
    }
    t->phase = TALKING;
    t->state = TRIBUTARY_CONNECTED;
    t->was_welcomed = true;
    t->welcomed_us = t->heard_us = t->pinged_us = t->quiet_us = now_of(t);
    t->redraws = 0;
    t->statistics.connections++;
    return true;
}

/* True: this is the word of who speaks for the hub now. */
static bool is_in_force(tributary *t, tributary_value message)
{
    int64_t fence;
    if (!get_integer(message, "fence", 0, &fence)) return true;
    if ((uint64_t)fence < t->fence) return false;
    take_fence(t, fence);
    return true;
}

static bool get_id(tributary_value message, const char **id, size_t *bytes)
{
    tributary_value value;
    if (!tributary_get(message, "id", &value) || !tributary_as_text(value, id, bytes)) return false;
    return *bytes > 0 && *bytes <= TRIBUTARY_ID_BYTES && memchr(*id, 0, *bytes) == NULL;
}

static bool is_arg_good(const tributary_arg *arg, tributary_value value)
{
    double number = 0;
    int64_t integer;
    bool is_true;
    const char *text;
    size_t bytes;
    if (arg->type == TRIBUTARY_ARG_BOOL) return tributary_as_bool(value, &is_true);
    if (arg->type == TRIBUTARY_ARG_TEXT) return tributary_as_text(value, &text, &bytes);
    if (arg->type == TRIBUTARY_ARG_INTEGER && !tributary_as_integer(value, &integer)) return false;
    if (!tributary_as_double(value, &number) || !is_finite(number)) return false;
    return !arg->has_range || (number >= arg->min && number <= arg->max);
}

static bool are_args_good(const tributary_command *command, tributary_value args)
{
    size_t known = 0;
    tributary_value value;
    for (int i = 0; i < command->arg_count; i++) {
        bool is_there = tributary_get(args, command->args[i].name, &value);
        if (is_there ? !is_arg_good(&command->args[i], value) : !command->args[i].is_optional) return false;
        known += is_there;
    }
    return known == tributary_count(args);
}

static void refuse(tributary *t, tributary_entry_ *entry, uint8_t state, uint8_t reason)
{
    entry->state = state;
    entry->reason = reason;
    say_again(t, entry);
}

static tributary_entry_ *begun_entry(tributary *t, tributary_entry_ *entry, const char *id, size_t bytes, int64_t keep_us)
{
    memcpy(entry->id, id, bytes);
    entry->id[bytes] = 0;
    entry->expires_us = tributary_hub_time(t) + keep_us;
    return entry;
}

static void run_command(tributary *t, tributary_entry_ *entry, tributary_value message, double ttl_s)
{
    tributary_value name, args = {(const uint8_t *)"\x80", NULL};
    const tributary_command *known = NULL;
    int number = (int)(entry - t->commands);
    args.end = args.at + 1;
    tributary_get(message, "args", &args);
    for (int i = 0; i < t->config->command_count; i++)
        if (tributary_get(message, "name", &name) && tributary_is(name, t->config->commands[i].name)) known = &t->config->commands[i];
    if (known == NULL || t->config->on_command == NULL) {
        refuse(t, entry, TRIBUTARY_REJECTED, REASON_UNKNOWN);
    } else if (!are_args_good(known, args)) {
        refuse(t, entry, TRIBUTARY_REJECTED, REASON_ARGUMENT);
    } else if (ttl_s <= 0) {
        refuse(t, entry, TRIBUTARY_EXPIRED, REASON_NONE);
    } else {
        entry->state = TRIBUTARY_ACCEPTED;
        entry->command = (uint8_t)(known - t->config->commands);
        if (say_again(t, entry)) {
            t->config->on_command(t->config->app, number, known->name, args);
        } else {
            entry->state = 0; /* what cannot be written down is neither run nor answered; the hub sends it again */
        }
    }
}

static void take_command(tributary *t, tributary_value message)
{
    const char *id;
    size_t bytes;
    double ttl_s = 0;
    tributary_entry_ *entry;
    if (!get_id(message, &id, &bytes) || !get_seconds(message, "ttl_s", &ttl_s) || !is_in_force(t, message)) return;
    t->quiet_us = now_of(t);
    entry = entry_of(t, id, bytes);
    if (entry != NULL) {
        say_again(t, entry);
        return;
    }
    entry = place_for_entry(t, false);
    if (entry != NULL) {
        run_command(t, begun_entry(t, entry, id, bytes, (int64_t)(ttl_s * SECOND_US)), message, ttl_s);
        return;
    }
    entry = place_for_entry(t, true);
    if (entry != NULL) refuse(t, begun_entry(t, entry, id, bytes, (int64_t)(ttl_s * SECOND_US)), TRIBUTARY_REJECTED, REASON_BUSY);
}

static void take_cancel(tributary *t, tributary_value message)
{
    const char *id;
    size_t bytes;
    tributary_entry_ *entry;
    if (!get_id(message, &id, &bytes) || !is_in_force(t, message)) return;
    t->quiet_us = now_of(t);
    entry = entry_of(t, id, bytes);
    if (entry == NULL) {
        entry = place_for_entry(t, false);
        if (entry == NULL) entry = place_for_entry(t, true);
        if (entry != NULL) refuse(t, begun_entry(t, entry, id, bytes, CANCELLED_UNSEEN_US), TRIBUTARY_CANCELLED, REASON_NONE);
    } else if (is_ended(entry)) {
        if (epoch_for_frames(t) != NULL) keep_result(t, entry, "too_late", -1, NULL, 0, "");
    } else if (t->config->on_cancel != NULL) {
        t->config->on_cancel(t->config->app, (int)(entry - t->commands));
    }
}

static void take_desired(tributary *t, tributary_value message)
{
    int64_t version;
    tributary_value document;
    record head = {DESIRED, 0, 0, 0, 0, 0, 0, 0};
    tributary_place_ place;
    const uint8_t *end;
    uint32_t sector;
    if (t->config->write_reported == NULL || !get_integer(message, "version", 0, &version)) return;
    if (!tributary_get(message, "document", &document) || token_at(document.at, document.end).kind != MAP) return;
    if (version == t->shadow.applied && version == t->shadow.wanted && t->shadow.failed == 0) return;
    t->quiet_us = now_of(t);
    end = behind(document.at, document.end);
    t->shadow.wanted = version;
    if (end - document.at > TRIBUTARY_DOCUMENT_BYTES) {
        static const char TOO_LARGE[] = "too large for this device";
        t->shadow.failed = version;
        memcpy(t->shadow.error, TOO_LARGE, sizeof TOO_LARGE);
        t->shadow.is_report_due = t->shadow.is_report_forced = true;
        return;
    }
    head.note = (uint64_t)version;
    head.bytes = (uint16_t)(end - document.at);
    if (!append(t, &head, document.at, &sector)) return; /* neither applied nor reported: it comes again with the next connection */
    place.sector = sector;
    place.offset = t->head_offset - aligned(t, RECORD_HEAD + head.bytes);
    t->shadow.document = place;
    t->shadow.document_bytes = head.bytes;
    apply_desired(t, document);
}

static void take_reject(tributary *t, tributary_value message)
{
    tributary_value value;
    char code[32] = "", reason[64] = "";
    const char *text;
    size_t bytes;
    t->statistics.rejects++;
    if (tributary_get(message, "code", &value) && tributary_as_text(value, &text, &bytes)) copy_text(code, sizeof code, text, bytes);
    if (tributary_get(message, "reason", &value) && tributary_as_text(value, &text, &bytes)) copy_text(reason, sizeof reason, text, bytes);
    if (t->config->on_reject != NULL) t->config->on_reject(t->config->app, code, reason);
}

/* Which frame the hub could not read: of those on their way, in order of sending, the first that it has not received. */
static void note_stumble(tributary *t, tributary_value expected, bool is_jump)
{
    uint64_t number, key = 0;
    uint32_t seq, stumbled = 0;
    for (int i = 0; i < t->in_flight_count && stumbled == 0 && !is_jump; i++) {
        tributary_epoch_ *epoch = epoch_of_key(t, t->in_flight[i].key);
        uint32_t awaited = 1;
        for (size_t k = 0; epoch != NULL && k < tributary_count(expected); k++)
            if (get_pair(expected, k, &number, &seq) && number == epoch->number) awaited = seq;
        if (t->in_flight[i].last >= awaited) {
            stumbled = t->in_flight[i].seq;
            key = t->in_flight[i].key;
        }
    }
    if (is_jump && get_pair(expected, 0, &number, &seq)) {
        tributary_epoch_ *epoch = epoch_of_number(t, number);
        stumbled = seq;
        key = epoch == NULL ? 0 : epoch->key;
    }
    if (stumbled == 0 || key == 0) return;
    if (key == t->stumbled_key && stumbled == t->stumbled_seq) {
        t->bad[t->bad_next].key = key;
        t->bad[t->bad_next].seq = stumbled;
        keep_bad(t, t->bad_next);
        t->bad_next = (uint8_t)((t->bad_next + 1) % 4);
    }
    t->stumbled_key = key;
    t->stumbled_seq = stumbled;
}

static void take_bye(tributary *t, tributary_value message)
{
    int64_t code;
    tributary_value value;
    const char *text;
    size_t bytes;
    if (!get_integer(message, "code", 1000, &code) || code > 4999) return;
    t->has_bye = true;
    t->bye_code = (int)code;
    t->has_bye_retry = get_seconds(message, "retry_s", &t->bye_retry_s);
    if (!get_seconds(message, "jitter_s", &t->bye_jitter_s)) t->bye_jitter_s = 0;
    if (tributary_get(message, "reason", &value) && tributary_as_text(value, &text, &bytes)) note_reason(t, text, bytes);
    if ((code == 4005 || code == 4006) && tributary_get(message, "expected", &value)) note_stumble(t, value, code == 4006);
    t->since_us = now_of(t);
}

/* Take one message; false: it is none, and the connection is worth nothing. */
static bool take_message(tributary *t, const uint8_t *bytes, size_t size)
{
    tributary_value message, op;
    if (!tributary_check(bytes, size, &message) || !tributary_get(message, "op", &op)) return false;
    if (tributary_is(op, "bye")) {
        take_bye(t, message);
    } else if (t->phase == AWAITING) {
        return !tributary_is(op, "welcome") || take_welcome(t, message);
    } else if (tributary_is(op, "ack")) {
        return take_credit(t, message) && take_acks(t, message, "acks", true);
    } else if (tributary_is(op, "command")) {
        take_command(t, message);
    } else if (tributary_is(op, "cancel")) {
        take_cancel(t, message);
    } else if (tributary_is(op, "desired")) {
        take_desired(t, message);
    } else if (tributary_is(op, "reject")) {
        take_reject(t, message);
    }
    return true; /* an op of a later version is no reason to leave */
}

/* ---- WebSocket, inwards ---- */

static void take_control(tributary *t)
{
    if (t->ws_opcode == WS_PING) {
        memcpy(t->pong, t->control, t->control_bytes);
        t->pong_bytes = t->control_bytes;
        t->has_pong = true;
    } else if (t->ws_opcode == WS_CLOSE) {
        int code = t->control_bytes >= 2 ? (int)get_be(t->control, 2) : 1005;
        if (t->control_bytes > 2 && !t->has_bye) note_reason(t, (const char *)t->control + 2, t->control_bytes - 2u);
        if (!t->is_closed_by_us && t->tx_at == t->tx_end) { /* RFC 6455 5.5.1: answered; whether it still gets through matters to nobody */
            size_t bytes = t->control_bytes >= 2 ? 2 : 0;
            memcpy(t->tx + 14, t->control, bytes);
            send_ws(t, WS_CLOSE, bytes);
            if (t->port->write(t->port->context, t->tx + t->tx_at, t->tx_end - t->tx_at) > 0) t->is_closed_by_us = true;
        }
        end_connection(t, code, NULL);
    }
}

static void take_frame_end(tributary *t)
{
    if (t->ws_opcode >= WS_CLOSE) {
        take_control(t);
    } else if (t->is_final) {
        size_t size = t->rx_bytes;
        bool is_whole = !t->is_too_large;
        t->is_in_message = t->is_too_large = false;
        t->rx_bytes = 0;
        /* Too large for this device: it was said in hello what is not, so this is nothing that it must know, such as a long reject. */
        if (is_whole && t->state != TRIBUTARY_CLOSING && t->close_code == 0 && !take_message(t, t->rx, size)) send_close(t, 1002);
    }
    t->ws_have = 0;
}

/* Check the head of a frame once it is whole: 1 it is good, 0 more is needed, -1 it breaks RFC 6455. */
static int take_ws_head(tributary *t)
{
    const uint8_t *head = t->ws_head;
    uint8_t opcode = head[0] & 15, length = head[1] & 127;
    uint8_t need = (uint8_t)(length == 126 ? 4 : length == 127 ? 10 : 2);
    if (t->ws_have < need) return 0;
    t->ws_left = length < 126 ? length : get_be(head + 2, need - 2);
    if ((head[0] & 0x70) || (head[1] & 0x80) || (opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG) return -1;
    t->is_final = (head[0] & 0x80) != 0;
    t->ws_opcode = opcode;
    if (opcode >= WS_CLOSE) {
        t->control_bytes = 0;
        return t->is_final && length < 126 ? 1 : -1;
    }
    if ((opcode == CONTINUED) != t->is_in_message || opcode == TEXT || t->ws_left > 65536) return -1;
    t->is_in_message = true;
    return 1;
}

static void take_ws_bytes(tributary *t, const uint8_t *bytes, size_t size)
{
    while (size > 0 && t->phase != OPENING && t->phase != UPGRADING) {
        size_t part;
        if (t->ws_have == 0 || t->ws_left == UINT64_MAX) {
            int verdict;
            t->ws_left = UINT64_MAX;
            t->ws_head[t->ws_have++] = *bytes++;
            size--;
            verdict = t->ws_have < 2 ? 0 : take_ws_head(t);
            if (verdict < 0) {
                send_close(t, t->ws_opcode == TEXT && t->ws_have >= 2 ? 1003 : 1002);
                t->ws_have = 0;
                return;
            }
            if (verdict == 0) {
                t->ws_left = UINT64_MAX;
                continue;
            }
            if (t->ws_left == 0) take_frame_end(t);
            continue;
        }
        part = size < t->ws_left ? size : (size_t)t->ws_left;
        if (t->ws_opcode >= WS_CLOSE) {
            memcpy(t->control + t->control_bytes, bytes, part);
            t->control_bytes = (uint8_t)(t->control_bytes + part);
        } else if (t->rx_bytes + part <= sizeof t->rx && !t->is_too_large) {
            memcpy(t->rx + t->rx_bytes, bytes, part);
            t->rx_bytes += part;
        } else {
            t->is_too_large = true;
        }
        bytes += part;
        size -= part;
        t->ws_left -= part;
        if (t->ws_left == 0) take_frame_end(t);
    }
}

/* ---- the handshake ---- */

/* Write the request for the upgrade; false: host, path and token are too long for the buffer. */
static bool send_request(tributary *t)
{
    const tributary_config *config = t->config;
    const char *const parts[] = {"GET ", config->path == NULL ? "/v1/device" : config->path, " HTTP/1.1\r\nHost: ", config->host,
                                 "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ", t->key,
                                 "\r\nSec-WebSocket-Protocol: tributary.device.v1\r\nAuthorization: Bearer ", config->token, "\r\n\r\n"};
    tributary_writer w = writer_of(t->tx, sizeof t->tx);
    uint8_t nonce[16];
    t->port->random(t->port->context, nonce, sizeof nonce);
    base64(nonce, sizeof nonce, t->key);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) put_raw(&w, parts[i], strlen(parts[i]));
    t->tx_at = 0;
    t->tx_end = w.length;
    t->rx_bytes = 0;
    return w.length <= w.capacity;
}

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter + 32) : letter;
}

/* Find a header in the head of an answer; names and, of `expected`, values are compared without case where `is_word`. */
static const char *header_of(const char *head, const char *name, size_t *bytes)
{
    size_t size = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        size_t i = 0;
        line += 2;
        while (i < size && lower(line[i]) == name[i]) i++;
        if (i == size && line[i] == ':') {
            const char *end = strstr(line, "\r\n");
            line += size + 1;
            while (*line == ' ' || *line == '\t') line++;
            while (end > line && (end[-1] == ' ' || end[-1] == '\t')) end--;
            *bytes = (size_t)(end - line);
            return line;
        }
    }
    return NULL;
}

static bool is_header(const char *head, const char *name, const char *expected, bool is_word)
{
    size_t bytes;
    const char *value = header_of(head, name, &bytes);
    if (value == NULL || bytes != strlen(expected)) return false;
    for (size_t i = 0; i < bytes; i++)
        if ((is_word ? lower(value[i]) : value[i]) != expected[i]) return false;
    return true;
}

static bool is_proven(const tributary *t, const char *head)
{
    uint8_t bytes[60], digest[20];
    char proof[29];
    memcpy(bytes, t->key, 24);
    memcpy(bytes + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    sha1_of_60(bytes, digest);
    base64(digest, sizeof digest, proof);
    return is_header(head, "sec-websocket-accept", proof, false);
}

static void take_answer(tributary *t, const char *head)
{
    int status = 0;
    size_t bytes;
    const char *retry = header_of(head, "retry-after", &bytes), *proxy;
    if (strncmp(head, "HTTP/1.1 ", 9) == 0)
        for (int i = 9; i < 12 && head[i] >= '0' && head[i] <= '9'; i++) status = status * 10 + (head[i] - '0');
    if (status == 401 || status == 403) {
        const char *length = header_of(head, "content-length", &bytes);
        t->answer_bytes = 0;
        for (size_t i = 0; length != NULL && i < bytes && i < 6 && length[i] >= '0' && length[i] <= '9'; i++)
            t->answer_bytes = t->answer_bytes * 10 + (size_t)(length[i] - '0');
        if (t->answer_bytes > 0 && t->answer_bytes <= MAX_ANSWER) {
            t->refused_status = status;
            return;
        }
    }
    if (status != 101) {
        t->bye_retry_s = 0;
        for (size_t i = 0; retry != NULL && i < bytes && i < 6 && retry[i] >= '0' && retry[i] <= '9'; i++)
            t->bye_retry_s = t->bye_retry_s * 10 + (retry[i] - '0');
        end_connection(t, status, "the hub refused the upgrade");
    } else if (!is_header(head, "upgrade", "websocket", true) || !is_proven(t, head) || header_of(head, "sec-websocket-extensions", &bytes)
               || !is_header(head, "sec-websocket-protocol", "tributary.device.v1", false)
               || (proxy = header_of(head, "connection", &bytes)) == NULL) {
        end_connection(t, 1002, "a wrong answer to the upgrade");
    } else {
        t->phase = GREETING;
    }
}

/* The hub says a code and why; what has none is a proxy's word, or a hotel's, and passes. */
static void take_refusal(tributary *t)
{
    char *code, *end = NULL;
    t->rx[t->rx_bytes] = 0;
    code = strstr((char *)t->rx, "\"code\"");
    if (code != NULL) {
        code += 6;
        code += strspn(code, " \t\r\n:");
        if (*code == '"') end = strchr(++code, '"');
    }
    t->is_refused_by_hub = end != NULL && end > code;
    if (t->is_refused_by_hub) *end = 0;
    end_connection(t, t->refused_status, t->is_refused_by_hub ? code : "the hub refused the upgrade");
}

static void take_answer_byte(tributary *t, uint8_t byte)
{
    t->rx[t->rx_bytes++] = byte;
    if (t->refused_status != 0) {
        if (t->rx_bytes == t->answer_bytes) take_refusal(t);
    } else if (t->rx_bytes >= 4 && memcmp(t->rx + t->rx_bytes - 4, "\r\n\r\n", 4) == 0) {
        t->rx[t->rx_bytes - 2] = 0; /* one line end stays: every header ends with one */
        t->rx_bytes = 0;
        if (memchr(t->rx, 0, 4) == NULL) take_answer(t, (const char *)t->rx);
    } else if (t->rx_bytes == sizeof t->rx) {
        end_connection(t, 0, "an answer without end");
    }
}

/* ---- the life of a connection ---- */

static double backoff_s(tributary *t)
{
    double most = t->attempt >= 6 ? MAX_BACKOFF_S : (double)(1 << t->attempt);
    return uniform(t, most);
}

/* Draw another number for the newest epoch: the hub knows this one from somebody else. */
static double redrawn(tributary *t)
{
    tributary_epoch_ *epoch = current_of(t);
    if (epoch == NULL || epoch->first != 1) return backoff_s(t);
    if (epoch->last == 0) {
        remove_epoch(t, epoch->key); /* the next hello draws one; a number that is not kept would not outlive a reset */
    } else {
        bool was_known = (epoch->flags & IS_KNOWN) != 0;
        epoch->number = drawn_epoch(t); /* after a reset yet another one is drawn: none binds before it is known */
        epoch->flags &= (uint8_t) ~(IS_SAID | IS_KNOWN);
        if (was_known) keep_epoch(t, epoch);
    }
    return t->redraws++ == 0 ? 0 : backoff_s(t);
}

static double delay_after(tributary *t, int code, bool is_http)
{
    double wish_s;
    if (code == 4002) return redrawn(t);
    if (t->is_refused_by_hub) return REFUSED_RETRY_S + uniform(t, REFUSED_RETRY_S);
    if (is_http) return t->bye_retry_s + backoff_s(t);
    if (!t->has_bye || !t->has_bye_retry) return backoff_s(t);
    wish_s = t->bye_retry_s + uniform(t, t->bye_jitter_s);
    if (t->attempt > 0) { /* a hub that lets us in and throws us out again is not asked at its own pace for ever */
        double own_s = backoff_s(t);
        if (own_s > wish_s) wish_s = own_s;
    }
    return wish_s;
}

/* Let go of the stream and decide when to come back. */
static void end_connection(tributary *t, int code, const char *reason)
{
    int64_t now = now_of(t);
    bool is_http = t->phase == UPGRADING && code >= 100 && code < 1000, is_refused;
    if (t->phase == OPENING && t->state != TRIBUTARY_CONNECTING && t->state != TRIBUTARY_CLOSING) return;
    t->port->close(t->port->context);
    if (t->refused_status != 0) code = t->refused_status;
    if (t->has_bye && (code < 1002 || code == 1005 || code == 1006)) code = t->bye_code;
    t->statistics.last_code = code;
    if (reason != NULL && !t->has_bye) note_reason(t, reason, strlen(reason));
    if (t->was_welcomed && now - t->welcomed_us >= STEADY_US) t->attempt = 0;
    t->wake_us = now + (int64_t)(delay_after(t, code, is_http) * SECOND_US);
    if (code >= 4500 && code < 5000) t->wake_us = INT64_MAX;
    is_refused = t->is_refused_by_hub || t->wake_us == INT64_MAX;
    if (t->attempt < 6) t->attempt++;
    t->phase = OPENING;
    t->state = t->is_asleep_wanted ? TRIBUTARY_ASLEEP : is_refused ? TRIBUTARY_REFUSED : TRIBUTARY_WAITING;
    t->tx_at = t->tx_end = 0;
    t->in_flight_count = 0;
    t->has_pong = false;
    for (int i = 0; i < t->epoch_count; i++) t->epochs[i].sent = t->epochs[i].gap_sent = 0;
    if (is_refused && t->config->on_refused != NULL) t->config->on_refused(t->config->app, code, t->statistics.last_reason);
}

static void begin_connection(tributary *t)
{
    t->state = TRIBUTARY_CONNECTING;
    t->phase = OPENING;
    t->since_us = t->progress_us = now_of(t);
    t->was_welcomed = t->has_bye = t->has_bye_retry = t->is_closed_by_us = t->has_pong = false;
    t->bye_retry_s = t->bye_jitter_s = 0;
    t->close_code = 0;
    t->refused_status = 0;
    t->is_refused_by_hub = false;
    t->hello_done = 0;
    t->ws_have = 0;
    t->rx_bytes = 0;
    t->is_in_message = t->is_too_large = false;
    t->tx_at = t->tx_end = 0;
    t->statistics.last_reason[0] = 0;
}

static bool may_go_on(const tributary *t, const tributary_epoch_ *epoch)
{
    if (!(epoch->flags & IS_SAID) && epoch->last < FEW_FRAMES) return true; /* made since the start, and too few to hold up what is new */
    if (epoch->last == 0) return false; /* the hub may know it from that hello, and then it would have to be listed */
    return !is_finished(epoch) && count_unfinished(t) >= LIVE_REUSE;
}

static size_t count_hello(tributary *t)
{
    tributary_writer counting = writer_of(t->tx, 0);
    t->is_hello_broken = false;
    put_hello(t, &counting);
    return counting.length;
}

/* A list that was found damaged since the start: the program knows its own, frames by another are given up. */
static bool mend_lists(tributary *t)
{
    tributary_writer list;
    if (t->lists[t->list].at.sector == 0) {
        list = kept_form(t); /* nothing is being received now */
        if (!keep_list(t, &list)) return false;
    }
    return give_up_listless(t);
}

/* Choose the live epoch, and fix what hello says. False: the storage failed. */
static bool prepare_hello(tributary *t)
{
    tributary_epoch_ *epoch = current_of(t);
    if (epoch != NULL && !may_go_on(t, epoch)) {
        t->has_current = false;
        if (epoch->last == 0) remove_epoch(t, epoch->key);
    }
    if (!forget_finished(t) || epoch_for_frames(t) == NULL || !mend_lists(t)) return false;
    for (int i = 0; i < t->epoch_count; i++) t->epochs[i].sent = t->epochs[i].gap_sent = 0;
    t->in_flight_count = 0;
    t->live.frames_out = t->live.bytes_out = t->backfill.frames_out = t->backfill.bytes_out = 0;
    t->live_at = current_of(t)->start;
    t->backfill_at.sector = 0;
    t->backfill_at.offset = 0;
    t->hello_clock_us = wall_of(t);
    t->is_hello_by_wall = t->hello_clock_us != 0;
    if (!t->is_hello_by_wall) t->hello_clock_us = now_of(t);
    t->hello_bytes = count_hello(t);
    while (t->hello_bytes > MAX_HELLO && t->epoch_count > 1) { /* every list takes its place in it */
        tributary_epoch_ old = t->epochs[0];
        memmove(t->epochs, t->epochs + 1, --t->epoch_count * sizeof old);
        if (!give_up(t, &old, "too_many_epochs")) return false;
        t->hello_bytes = count_hello(t);
    }
    t->hello_done = 0;
    return !t->is_hello_broken;
}

/* Hello goes out in as many pieces as its size needs; each is encoded anew, which takes no buffer of its size. */
static void send_hello_piece(tributary *t)
{
    tributary_writer w = {t->tx + 14, sizeof t->tx - 14, t->hello_done, 0};
    size_t bytes;
    if (t->hello_done == 0) put_ws_head(t, WS_BINARY, t->hello_bytes, t->hello_mask, t->tx + 14);
    else t->tx_at = 14;
    put_hello(t, &w);
    if (t->is_hello_broken) {
        end_connection(t, 0, "the storage fails");
        return;
    }
    bytes = t->hello_bytes - t->hello_done < w.capacity ? t->hello_bytes - t->hello_done : w.capacity;
    for (size_t i = 0; i < bytes; i++) t->tx[14 + i] ^= t->hello_mask[(t->hello_done + i) & 3];
    t->tx_end = 14 + bytes;
    t->hello_done += bytes;
    if (t->hello_done == t->hello_bytes) {
        current_of(t)->flags |= IS_SAID;
        t->phase = AWAITING;
    }
}

/* Put what is to be said next into tx; false: there is nothing now. */
static bool is_anything_to_send(tributary *t)
{
    int64_t now = now_of(t);
    if (t->phase == GREETING) {
        if (t->hello_done == 0 && !prepare_hello(t)) {
            end_connection(t, 0, "the storage fails");
            return false;
        }
        send_hello_piece(t);
        return t->phase != OPENING;
    } else if (t->phase < AWAITING || t->is_closed_by_us) {
        return false;
    } else if (t->close_code != 0) {
        put_be(t->tx + 14, t->close_code, 2);
        send_ws(t, WS_CLOSE, 2);
        t->is_closed_by_us = true;
        t->state = TRIBUTARY_CLOSING;
        t->since_us = now;
    } else if (t->has_pong) {
        memcpy(t->tx + 14, t->pong, t->pong_bytes);
        send_ws(t, WS_PONG, t->pong_bytes);
        t->has_pong = false;
    } else if (t->phase == TALKING && (double)(now - t->pinged_us) > t->heartbeat_s * SECOND_US) {
        t->pinged_us = now;
        send_ws(t, WS_PING, 0);
    } else {
        return t->phase == TALKING && !t->has_bye && send_frame(t);
    }
    return true;
}

static bool write_out(tributary *t)
{
    bool is_progress = false;
    while (t->tx_at < t->tx_end || is_anything_to_send(t)) {
        long taken = t->port->write(t->port->context, t->tx + t->tx_at, t->tx_end - t->tx_at);
        if (taken < 0) {
            /* What the hub said before it left, a bye say, may still be there to be read. */
            t->tx_at = t->tx_end;
            t->is_closed_by_us = true;
            return is_progress;
        }
        if (taken == 0) return is_progress;
        t->tx_at += (size_t)taken;
        t->statistics.bytes_sent += (uint64_t)taken;
        t->progress_us = now_of(t);
        is_progress = true;
        if (t->statistics.frames_sent % 8 == 0) break; /* what came is read between */
    }
    return is_progress;
}

static bool read_in(tributary *t)
{
    uint8_t chunk[256];
    long count = t->port->read(t->port->context, chunk, sizeof chunk);
    size_t at = 0;
    if (count < 0) {
        end_connection(t, t->has_bye ? t->bye_code : 0, "the connection broke");
        return true;
    }
    if (count == 0) return false;
    t->statistics.bytes_received += (uint64_t)count;
    t->heard_us = now_of(t);
    while (at < (size_t)count && t->phase == UPGRADING) take_answer_byte(t, chunk[at++]);
    if (t->phase >= GREETING) take_ws_bytes(t, chunk + at, (size_t)count - at);
    return true;
}

/* End what takes too long. */
static void watch(tributary *t)
{
    int64_t now = now_of(t);
    if (t->state == TRIBUTARY_CONNECTING && now - t->since_us > CONNECT_TIMEOUT_US) end_connection(t, 0, "no welcome in time");
    else if (t->state == TRIBUTARY_CLOSING && now - t->since_us > CLOSE_TIMEOUT_US) end_connection(t, 0, "closed");
    else if (t->state == TRIBUTARY_CONNECTED && (double)(now - t->heard_us) > 2 * t->heartbeat_s * SECOND_US)
        end_connection(t, 4001, "nothing heard");
    else if (t->state == TRIBUTARY_CONNECTED && t->tx_at < t->tx_end && now - t->progress_us > SEND_TIMEOUT_US)
        end_connection(t, 0, "nothing could be sent");
    else if (t->has_bye && now - t->since_us > CLOSE_TIMEOUT_US) end_connection(t, t->bye_code, NULL);
    else if (t->is_closed_by_us && t->state != TRIBUTARY_CLOSING && now - t->progress_us > CLOSE_TIMEOUT_US) end_connection(t, 0, "broken");
}

static bool is_command_running(const tributary *t)
{
    for (int i = 0; i < TRIBUTARY_MAX_COMMANDS; i++)
        if (t->commands[i].state != 0 && (!is_ended(&t->commands[i]) || t->commands[i].is_unsaid)) return true;
    return false;
}

static void sleep_if_drained(tributary *t)
{
    if (!t->is_sleep_after_drain || t->state != TRIBUTARY_CONNECTED || t->close_code != 0) return;
    if (t->batch_count > 0 || tributary_unacked(t) > 0 || is_command_running(t) || t->shadow.is_report_due) return;
    if (now_of(t) - t->quiet_us < LINGER_US) return;
    t->is_asleep_wanted = true;
    send_close(t, 1000);
    forget_finished(t);
}

static uint32_t rest_ms(tributary *t)
{
    int64_t now = now_of(t), left;
    if (t->state == TRIBUTARY_ASLEEP || t->state == TRIBUTARY_REFUSED) return 1000;
    if (t->state == TRIBUTARY_WAITING) {
        left = (t->wake_us - now) / 1000 + 1;
        return left < 0 ? 0 : left > 1000 ? 1000 : (uint32_t)left;
    }
    if (t->state == TRIBUTARY_CONNECTED && t->tx_at == t->tx_end && !t->is_sleep_after_drain) return 250;
    return 20;
}

uint32_t tributary_poll(tributary *t)
{
    bool is_busy = true;
    if (t->shadow.is_apply_due && t->state != TRIBUTARY_CONNECTED) apply_kept(t);
    say_what_is_due(t);
    if ((t->state == TRIBUTARY_WAITING || t->state == TRIBUTARY_REFUSED) && now_of(t) >= t->wake_us) begin_connection(t);
    if (t->state == TRIBUTARY_CONNECTING && t->phase == OPENING) {
        int opened = t->port->connect(t->port->context);
        if (opened < 0) {
            end_connection(t, 0, "no connection");
        } else if (opened > 0) {
            t->phase = UPGRADING;
            if (!send_request(t)) end_connection(t, 0, "host, path and token are too long");
        }
    }
    for (int turns = 0; is_busy && turns < 16 && t->phase != OPENING; turns++) {
        is_busy = write_out(t);
        if (t->phase != OPENING) is_busy = read_in(t) || is_busy;
        if (t->phase == TALKING) {
            say_what_is_due(t);
            forget_finished(t);
        }
        sleep_if_drained(t);
    }
    if (t->phase != OPENING || t->state == TRIBUTARY_CONNECTING) watch(t);
    return is_busy && t->phase != OPENING ? 0 : rest_ms(t);
}

/* ---- the calls of the program ---- */

tributary_error tributary_open(tributary *t, const tributary_config *config, const tributary_port *port, const tributary_storage *storage)
{
    uint32_t unit = storage->write_bytes;
    tributary_writer list;
    if (unit == 0 || unit > MAX_ALIGN || (unit & (unit - 1)) || storage->sector_bytes % unit || storage->sectors < 3) return TRIBUTARY_BAD_ARGUMENT;
    if (storage->sector_bytes < TRIBUTARY_SECTOR_BYTES || storage->sector_bytes < TRIBUTARY_FRAME_BYTES + 128) return TRIBUTARY_BAD_ARGUMENT;
    if (config->channel_count > TRIBUTARY_MAX_CHANNELS || !is_list_good(config)) return TRIBUTARY_BAD_ARGUMENT;
    memset(t, 0, sizeof *t);
    t->config = config;
    t->port = port;
    t->storage = storage;
    for (int i = 0; i < TRIBUTARY_MAX_CHANNELS; i++) t->stamps_us[i] = NO_TIME;
    t->wake_us = now_of(t);
    if (kept_form(t).length > TRIBUTARY_LIST_BYTES) return TRIBUTARY_TOO_LARGE;
    if (!open_log(t)) return TRIBUTARY_STORAGE_FAILED;
    list = kept_form(t);
    return settle_lists(t, &list) ? TRIBUTARY_OK : TRIBUTARY_STORAGE_FAILED;
}

tributary_state tributary_state_of(const tributary *t)
{
    return t->state;
}

void tributary_sleep(tributary *t)
{
    t->is_sleep_after_drain = true;
}

void tributary_stop(tributary *t)
{
    t->is_asleep_wanted = true;
    if (t->state == TRIBUTARY_CONNECTED) {
        send_close(t, 1000);
        forget_finished(t);
    } else if (t->state == TRIBUTARY_CONNECTING) {
        end_connection(t, 0, "stopped");
    } else if (t->state != TRIBUTARY_CLOSING) {
        t->state = TRIBUTARY_ASLEEP;
    }
}

void tributary_wake(tributary *t)
{
    t->is_asleep_wanted = t->is_sleep_after_drain = false;
    if (t->state == TRIBUTARY_ASLEEP || t->state == TRIBUTARY_REFUSED || t->state == TRIBUTARY_WAITING) {
        t->state = TRIBUTARY_WAITING;
        t->wake_us = now_of(t);
    }
}

int64_t tributary_hub_time(const tributary *t)
{
    return t->has_hub_time ? t->port->uptime(t->port->context) + t->hub_offset_us : 0;
}

uint32_t tributary_unacked(const tributary *t)
{
    uint32_t count = 0;
    for (int i = 0; i < t->epoch_count; i++) count += t->epochs[i].last + 1 - t->epochs[i].first;
    return count;
}

/* ---- a storage in plain memory ---- */

static int ram_read(void *context, uint32_t address, void *buffer, size_t size)
{
    memcpy(buffer, ((tributary_ram_context *)context)->memory + address, size);
    return 0;
}

static int ram_program(void *context, uint32_t address, const void *bytes, size_t size)
{
    memcpy(((tributary_ram_context *)context)->memory + address, bytes, size);
    return 0;
}

static int ram_erase(void *context, uint32_t sector)
{
    tributary_ram_context *ram = context;
    memset(ram->memory + (size_t)sector * ram->sector_bytes, 0xff, ram->sector_bytes);
    return 0;
}

void tributary_ram(tributary_storage *storage, tributary_ram_context *context, uint8_t *memory, uint32_t bytes, uint32_t sector_bytes)
{
    context->memory = memory;
    context->sector_bytes = sector_bytes;
    storage->context = context;
    storage->sector_bytes = sector_bytes;
    storage->sectors = bytes / sector_bytes;
    storage->write_bytes = 1;
    storage->read = ram_read;
    storage->program = ram_program;
    storage->erase = ram_erase;
}
