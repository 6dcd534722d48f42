/*
 * Tributary for microcontrollers: what a device measures goes to the hub exactly once, what the hub wants comes down the same channel.
 *
 * One header, one source file, C99, no heap. Everything the client needs lies in a `tributary` of the caller's; how large that is the
 * TRIBUTARY_... constants below say, at compile time. It never blocks: the program calls `tributary_poll` again and again, and the
 * network, the clock, chance and the flash are functions that the program gives (`tributary_port`, `tributary_storage`).
 *
 * How it keeps its promises: each frame is written to the storage before it is sent and stays there until the hub has said that it is on
 * the hub's disk. The storage survives resets and power cuts at any byte. A full one drops its oldest frames and tells the hub which.
 * The id of a command is written before the command runs, so that none runs twice. docs/protocol.md is the protocol, docs/guide/c.md
 * a tour with complete ports. A client is not safe to be called from several threads at once, nor from interrupts.
 *
 *     static tributary hub;
 *     tributary_open(&hub, &config, &port, &storage);
 *     for (;;) {
 *         if (time_to_measure()) {
 *             tributary_number(&hub, TEMPERATURE, read_temperature());
 *             tributary_flush(&hub);
 *         }
 *         wait_for_socket_at_most_ms(tributary_poll(&hub));
 *     }
 */
#ifndef TRIBUTARY_H
#define TRIBUTARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sizes: define another before including, or on the compiler's command line (the same for tributary.c and for you) ---- */

#ifndef TRIBUTARY_FRAME_BYTES
#define TRIBUTARY_FRAME_BYTES 1024 /* the largest frame that is made; two buffers of this size */
#endif
#ifndef TRIBUTARY_MESSAGE_BYTES
#define TRIBUTARY_MESSAGE_BYTES 2048 /* the largest command or desired document that is taken, at least 1,024; one buffer */
#endif
#ifndef TRIBUTARY_BATCH
#define TRIBUTARY_BATCH 32 /* readings that one data frame gathers; 16 bytes each */
#endif
#ifndef TRIBUTARY_BATCH_BYTES
#define TRIBUTARY_BATCH_BYTES 384 /* their values, encoded: 1 to 9 bytes a number, a text its own size */
#endif
#ifndef TRIBUTARY_MAX_CHANNELS
#define TRIBUTARY_MAX_CHANNELS 16 /* 8 bytes each: the newest time, so that no two readings share one */
#endif
#ifndef TRIBUTARY_MAX_COMMANDS
#define TRIBUTARY_MAX_COMMANDS 8 /* command ids kept; a quarter of them for ids that were refused because the rest was full */
#endif
#ifndef TRIBUTARY_KEPT_VALUE
#define TRIBUTARY_KEPT_VALUE 32 /* of a command's value, encoded, is kept with its id to be said again; a larger one is said once */
#endif
#ifndef TRIBUTARY_DOCUMENT_BYTES
#define TRIBUTARY_DOCUMENT_BYTES 384 /* the largest desired document that is taken, encoded; kept on the storage, no buffer of its own */
#endif
#ifndef TRIBUTARY_MAX_EPOCHS
#define TRIBUTARY_MAX_EPOCHS 24 /* epochs with unacked frames, at most 64; below the last 4 of them a connection opens no new one */
#endif
#ifndef TRIBUTARY_LISTS_BYTES
#define TRIBUTARY_LISTS_BYTES 2048 /* of the storage, for the lists of channels that unacked frames go by; one may take half, see TRIBUTARY_LIST_BYTES */
#endif
#ifndef TRIBUTARY_MAX_IN_FLIGHT
#define TRIBUTARY_MAX_IN_FLIGHT 16 /* frames that may be sent and not yet acked, whatever the hub's credit; 24 bytes each */
#endif

#if TRIBUTARY_FRAME_BYTES < 256 || TRIBUTARY_FRAME_BYTES > 65535 || TRIBUTARY_MESSAGE_BYTES < 1024 || TRIBUTARY_MESSAGE_BYTES > 65536
#error "TRIBUTARY_FRAME_BYTES must lie within 256...65535 and TRIBUTARY_MESSAGE_BYTES within 1024...65536"
#endif
#if TRIBUTARY_MAX_EPOCHS < 8 || TRIBUTARY_MAX_EPOCHS > 64 || TRIBUTARY_MAX_COMMANDS < 4 || TRIBUTARY_KEPT_VALUE > 255
#error "TRIBUTARY_MAX_EPOCHS must lie within 8...64, TRIBUTARY_MAX_COMMANDS be 4 or more, TRIBUTARY_KEPT_VALUE 255 or less"
#endif
#if TRIBUTARY_BATCH < 1 || TRIBUTARY_BATCH > 4096 || TRIBUTARY_BATCH_BYTES < 264 || TRIBUTARY_BATCH_BYTES > 65535
#error "TRIBUTARY_BATCH must lie within 1...4096 and TRIBUTARY_BATCH_BYTES be 264 or more"
#endif

#if TRIBUTARY_LISTS_BYTES < 512 || TRIBUTARY_LISTS_BYTES / 2 > TRIBUTARY_MESSAGE_BYTES
#error "TRIBUTARY_LISTS_BYTES must be 512 or more, and twice TRIBUTARY_MESSAGE_BYTES or less"
#endif

#define TRIBUTARY_ID_BYTES 64
#define TRIBUTARY_MAX_LISTS 8

/* What the list of channels may take: 3 bytes a channel, its name, its unit, 16 for a range, 8 for a resolution, 2 and the text for each value
 * of a state and 2 for all. So two lists always have room, that of the program before an update and its own; of usual size more have. */
#define TRIBUTARY_LIST_BYTES (TRIBUTARY_LISTS_BYTES / 2 - 64)

/* ---- what the program gives ---- */

/*
 * The network, the clock and chance. No function may block.
 *
 * connect  opens a byte stream to the hub, TLS being its own matter: 1 it is open, 0 not yet (it is called again), -1 it failed
 * read     like recv(): bytes read, 0 nothing is there now, -1 the stream has ended or is broken
 * write    like send(): bytes taken, which may be fewer, 0 none now, -1 the stream is broken
 * close    lets go of the stream; called after each connect, also one that failed
 * uptime   µs since the boot, never going back
 * wall     µs since 1970 UTC, 0 where it is not known (yet); NULL: there is no clock, and readings are dated by uptime and the hub's clock
 * random   fills with random bytes, of a true source: epochs must never repeat, over all boots
 */
typedef struct {
    void *context;
    int (*connect)(void *context);
    long (*read)(void *context, void *buffer, size_t size);
    long (*write)(void *context, const void *bytes, size_t size);
    void (*close)(void *context);
    int64_t (*uptime)(void *context);
    int64_t (*wall)(void *context);
    void (*random)(void *context, void *buffer, size_t size);
} tributary_port;

/*
 * The spool's place: flash by the rules of NOR. `erase` sets every bit of a sector, `program` only clears bits and is asked once for each
 * byte between two erases; address and size are multiples of `write_bytes` (1, 2, 4, 8 or 16). All return 0, or -1 for an error. When
 * they return it must be done, also after a power cut. A "sector" may be several of the chip's: each must have room for
 * TRIBUTARY_SECTOR_BYTES. Sectors are used in turn, so that all wear alike. tributary_ram makes one of plain memory.
 */
typedef struct {
    void *context;
    uint32_t sector_bytes;
    uint32_t sectors; /* 3 at least */
    uint32_t write_bytes;
    int (*read)(void *context, uint32_t address, void *buffer, size_t size);
    int (*program)(void *context, uint32_t address, const void *bytes, size_t size);
    int (*erase)(void *context, uint32_t sector);
} tributary_storage;

typedef enum { TRIBUTARY_GAUGE, TRIBUTARY_COUNTER, TRIBUTARY_STATE, TRIBUTARY_TEXT, TRIBUTARY_POSITION } tributary_kind;

/* One thing the device measures. Readings name it by its place in the array of channels. */
typedef struct {
    const char *name;
    const char *unit; /* a UCUM code ("Cel", "%", "V"), "" or NULL for a bare number */
    tributary_kind kind;
    const char *const *values; /* the texts a state may take, ended by NULL; NULL: true and false */
    bool has_range;            /* what the sensor can show; rejects nothing */
    double min, max;
    double resolution; /* 0: not said */
} tributary_channel;

typedef enum { TRIBUTARY_ARG_NUMBER, TRIBUTARY_ARG_INTEGER, TRIBUTARY_ARG_BOOL, TRIBUTARY_ARG_TEXT } tributary_arg_type;

typedef struct {
    const char *name;
    tributary_arg_type type;
    bool has_range;
    double min, max; /* -HUGE_VAL or HUGE_VAL: open at that end */
    bool is_optional; /* the hub's pages fill it in or leave it out */
} tributary_arg;

typedef struct {
    const char *name;
    const char *description; /* NULL: none */
    const tributary_arg *args;
    uint8_t arg_count;
} tributary_command;

/* A value of a message that came, checked to be whole msgpack; read it by the functions below while the callback runs, not later. */
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} tributary_value;

/* Writes msgpack. `length` counts on where `capacity` is over: compare them at the end. */
typedef struct {
    uint8_t *buffer;
    size_t capacity;
    size_t skip; /* so many bytes are counted and not kept: how a message goes out in pieces that is larger than any buffer */
    size_t length;
} tributary_writer;

/* What the device says of itself, and what is called. It must stay as it is while the client is in use. */
typedef struct {
    const char *host;     /* for the Host header: "hub.example:8080" */
    const char *path;     /* NULL: "/v1/device" */
    const char *token;    /* the device token */
    const char *device;   /* the device's name, which the token was made for */
    const char *firmware; /* name and version; NULL: none */
    /* Frames on the storage name channels by their place in this list. It is kept beside them: a later version of the program may have any
     * other list, and the hub reads the frames of the one before by theirs. At most TRIBUTARY_LIST_BYTES. */
    const tributary_channel *channels;
    uint16_t channel_count;
    const tributary_command *commands;
    uint16_t command_count;
    double interval_s; /* how often it means to report; 0: not said */
    double sleep_s;    /* how long it is away between two connections, asleep; 0: it does not sleep */

    void *app; /* given to each callback */
    /* A command that the device takes, its arguments checked: begin it, and say how it ended by tributary_finish, at once or later. Its id
     * is on the storage, it never comes a second time. */
    void (*on_command)(void *app, int command, const char *name, tributary_value args);
    /* End a command that runs, if that is possible: tributary_finish(..., TRIBUTARY_CANCELLED, ...). NULL: none can be stopped. */
    void (*on_cancel)(void *app, int command);
    /* Make the device what is desired; NULL back: it is, else why not. Called on each change and at each start: it must be repeatable. */
    const char *(*on_desired)(void *app, tributary_value document);
    /* Write the whole state of the device, one map of at most TRIBUTARY_FRAME_BYTES - 160 bytes, as it is now. Called twice for a report.
     * NULL: the device takes no shadow. */
    void (*write_reported)(void *app, tributary_writer *writer);
    /* Told what the hub will not store, and (`too_large`) what write_reported wrote where that is too large to be said: a mistake of this
     * program. NULL: nobody is told. */
    void (*on_reject)(void *app, const char *code, const char *reason);
    /* Told that the hub will not have this device until somebody acts, at each try: `code` is a close code of 4500 or more, after which only
     * tributary_wake tries again, or 401 or 403, after which it tries again by itself in 15 to 30 minutes. NULL: nobody is told. */
    void (*on_refused)(void *app, int code, const char *reason);
} tributary_config;

/* ---- what the program reads ---- */

typedef enum {
    TRIBUTARY_WAITING,    /* for the time of the next try */
    TRIBUTARY_CONNECTING, /* until the hub's welcome */
    TRIBUTARY_CONNECTED,
    TRIBUTARY_CLOSING,
    TRIBUTARY_ASLEEP, /* closed by tributary_sleep or tributary_stop: power may go; tributary_wake goes on */
    TRIBUTARY_REFUSED /* somebody has to act: see on_refused and statistics.last_code; tributary_wake tries again at once */
} tributary_state;

typedef enum {
    TRIBUTARY_OK = 0,
    TRIBUTARY_BAD_ARGUMENT = -1, /* nothing was done: no such channel, another kind of value, too long */
    TRIBUTARY_STORAGE_FAILED = -2, /* the storage reports an error or is too small: nothing was kept */
    TRIBUTARY_TOO_LARGE = -3 /* it does not fit, and never will with these sizes: TRIBUTARY_FRAME_BYTES, for a list TRIBUTARY_LISTS_BYTES */
} tributary_error;

typedef enum {
    TRIBUTARY_ACCEPTED = 1,
    TRIBUTARY_RUNNING,
    TRIBUTARY_DONE,
    TRIBUTARY_FAILED,
    TRIBUTARY_REJECTED,
    TRIBUTARY_EXPIRED,
    TRIBUTARY_CANCELLED
} tributary_outcome;

typedef enum { TRIBUTARY_DEBUG, TRIBUTARY_INFO, TRIBUTARY_WARNING, TRIBUTARY_ERROR } tributary_level;

typedef struct {
    uint32_t connections;      /* that were welcomed */
    uint32_t frames_sent;      /* also those sent again */
    uint32_t frames_acked;
    uint32_t readings_dropped; /* given up because the storage was full, and declared */
    uint32_t rejects;
    uint32_t too_large;        /* reports and results that did not fit */
    uint32_t storage_errors;
    uint32_t erases;           /* of sectors */
    uint64_t bytes_sent;
    uint64_t bytes_received;
    int last_code;             /* how the last connection ended: close code or HTTP status, 0: it broke */
    char last_reason[48];
} tributary_statistics;

/* ---- inside; the caller only gives it a place ---- */

typedef struct {
    uint32_t sector; /* counts up for ever; its place is this modulo the number of sectors */
    uint32_t offset;
} tributary_place_;

typedef struct {
    uint64_t key;    /* as its frames on the storage name it */
    uint64_t number; /* as the wire does; another one only where the hub knew the first */
    int64_t offset_us;
    int64_t gap_from_us, gap_to_us;
    uint32_t first, last;  /* first unacked seq, last one made */
    uint32_t kept_first;   /* what the storage knows of `first` */
    uint32_t sent;         /* highest seq sent on this connection */
    uint32_t gap_last;     /* frames `first` to this one were dropped; 0: none */
    uint32_t gap_readings; /* in them */
    uint32_t gap_sent;     /* of these, already sent on this connection */
    uint32_t record;       /* sector of its newest record, 0: it has none */
    tributary_place_ start;
    uint8_t flags;
    uint8_t list; /* of channels that its frames go by */
} tributary_epoch_;

typedef struct {
    uint64_t key;
    uint32_t last;
    uint32_t bytes;
    uint32_t readings;
    uint32_t seq;
} tributary_in_flight_;

typedef struct {
    int64_t expires_us; /* by the hub's clock */
    uint64_t key;       /* epoch of the frame with its newest outcome, 0: that is acked */
    uint32_t seq;
    uint32_t record;
    uint8_t state; /* 0: this place is free */
    uint8_t reason;
    uint8_t command; /* which of config.commands runs, 255: none */
    uint8_t is_unsaid;
    uint8_t value_bytes;
    uint8_t value[TRIBUTARY_KEPT_VALUE > 0 ? TRIBUTARY_KEPT_VALUE : 1];
    char id[TRIBUTARY_ID_BYTES + 1];
} tributary_entry_;

typedef struct {
    int64_t time_us;
    uint16_t channel;
    uint16_t value_at;
    uint16_t value_bytes;
} tributary_reading_;

typedef struct {
    uint32_t frames, bytes; /* granted */
    uint32_t frames_out, bytes_out;
} tributary_window_;

typedef struct tributary {
    const tributary_config *config;
    const tributary_port *port;
    const tributary_storage *storage;
    tributary_statistics statistics;

    /* the log on the storage */
    uint32_t head_sector, head_offset, tail_sector;
    bool is_opening; /* a sector: nothing may ask for another */
    uint64_t note, kept_note; /* as set, as it stands with the newest frame */
    uint32_t note_record;
    uint64_t fence;
    uint32_t fence_record;
    struct {
        tributary_place_ at; /* sector 0: there is none */
        uint32_t bytes;
    } lists[TRIBUTARY_MAX_LISTS];
    uint8_t list; /* which is that of this program */
    struct {
        uint64_t key;
        uint32_t seq, record;
    } bad[4];
    uint8_t bad_next;

    tributary_epoch_ epochs[TRIBUTARY_MAX_EPOCHS]; /* oldest first */
    uint8_t epoch_count;
    bool has_current; /* then the newest one takes new frames */

    tributary_entry_ commands[TRIBUTARY_MAX_COMMANDS];

    struct {
        int64_t wanted, applied, failed; /* versions */
        tributary_place_ document;       /* sector 0: there is none */
        uint32_t document_bytes;
        uint64_t number, floor;          /* of the last report; of what the hub has */
        uint64_t key;
        uint32_t seq, record, crc;
        bool is_apply_due, is_report_due, is_report_forced;
        char error[48];
    } shadow;

    /* readings that wait for tributary_flush */
    tributary_reading_ batch[TRIBUTARY_BATCH];
    uint8_t batch_values[TRIBUTARY_BATCH_BYTES];
    uint16_t batch_count, batch_bytes;
    bool is_batch_by_uptime, is_stamps_by_uptime;
    int64_t stamps_us[TRIBUTARY_MAX_CHANNELS];
    int64_t given_time_us;

    /* the connection */
    tributary_state state;
    uint8_t phase;
    bool is_asleep_wanted, is_sleep_after_drain, was_welcomed, is_closed_by_us, has_bye, has_bye_retry, has_hub_time;
    uint8_t attempt, redraws;
    int64_t since_us, wake_us, heard_us, pinged_us, progress_us, welcomed_us, quiet_us;
    int64_t hub_offset_us;
    double heartbeat_s, bye_retry_s, bye_jitter_s;
    int bye_code;
    uint16_t close_code;
    uint64_t stumbled_key;
    uint32_t stumbled_seq;
    tributary_window_ live, backfill;
    tributary_in_flight_ in_flight[TRIBUTARY_MAX_IN_FLIGHT];
    uint8_t in_flight_count;
    tributary_place_ live_at, backfill_at;

    /* hello, which goes out in pieces */
    size_t hello_bytes, hello_done;
    int64_t hello_clock_us;
    uint8_t hello_mask[4];
    bool is_hello_by_wall, is_hello_broken, is_refused_by_hub;

    /* bytes */
    char key[25];
    uint8_t ws_head[14];
    uint8_t ws_have, ws_opcode, ws_message_opcode;
    bool is_final, is_in_message, is_too_large;
    uint64_t ws_left;
    size_t rx_bytes, answer_bytes;
    int refused_status;
    uint8_t control_bytes, pong_bytes;
    bool has_pong;
    uint8_t control[125], pong[125];
    size_t tx_at, tx_end;
    uint8_t tx[TRIBUTARY_FRAME_BYTES + 14];
    uint8_t rx[TRIBUTARY_MESSAGE_BYTES];
    uint8_t work[TRIBUTARY_FRAME_BYTES];
} tributary;

/* What a sector must hold at least: half of all that must outlive frames, and a frame. */
#define TRIBUTARY_CARRIED_BYTES_                                                                                                            \
    (512 + TRIBUTARY_MAX_COMMANDS * (64 + TRIBUTARY_ID_BYTES + TRIBUTARY_KEPT_VALUE) + TRIBUTARY_MAX_EPOCHS * 64 + 48 + TRIBUTARY_DOCUMENT_BYTES)
#define TRIBUTARY_SECTOR_BYTES                                                                                                              \
    ((TRIBUTARY_CARRIED_BYTES_ + TRIBUTARY_LISTS_BYTES) / 2 + TRIBUTARY_FRAME_BYTES + 64)

/* ---- the client ---- */

/*
 * Take the storage as it is, or make it ready, and begin. Nothing of the storage's frames is lost; commands that ran when the power went
 * are reported as interrupted. A storage whose size or sector size has changed is begun anew. TRIBUTARY_BAD_ARGUMENT where sizes do not fit,
 * TRIBUTARY_TOO_LARGE where the list of channels is over TRIBUTARY_LIST_BYTES. Where a list changed so often that the storage has no room for
 * another while frames by the older ones are unacked, those of the oldest list are given up, and declared (`channels_changed`).
 */
tributary_error tributary_open(
    tributary *client, const tributary_config *config, const tributary_port *port, const tributary_storage *storage);

/* Do what there is to do now, without waiting; return after how many ms to call again at the latest, sooner once the stream has bytes. */
uint32_t tributary_poll(tributary *client);

tributary_state tributary_state_of(const tributary *client);

/*
 * Readings. They are gathered, and made one frame by tributary_flush or when the frame is full; only then do they outlive a reset.
 * Their time is now, or the one set by tributary_at.
 */
tributary_error tributary_number(tributary *client, uint16_t channel, double value);
tributary_error tributary_integer(tributary *client, uint16_t channel, int64_t value);
tributary_error tributary_bool(tributary *client, uint16_t channel, bool value);
tributary_error tributary_text(tributary *client, uint16_t channel, const char *value); /* at most 256 bytes and TRIBUTARY_FRAME_BYTES - 84 */
tributary_error tributary_position(tributary *client, uint16_t channel, double latitude, double longitude);

/* Date the readings that follow, µs since 1970; 0: by the clock again. */
void tributary_at(tributary *client, int64_t time_us);

/* Write what was gathered to the storage, as one frame. */
tributary_error tributary_flush(tributary *client);

/* A burst of one channel at a regular step, 1 to 10^14 ns: a quarter of the bytes. `start_us` as in tributary_at, 0: it ends now. */
tributary_error tributary_pack(tributary *client, uint16_t channel, int64_t start_us, uint64_t step_ns, const float *values, size_t count);

/* A line for the device's log at the hub; a text that does not fit into a frame is cut. */
tributary_error tributary_log(tributary *client, tributary_level level, const char *text);

/*
 * A number of the program's own that is written in one piece with the next frame of readings, and is there again after a reset: a counter
 * or a total goes on exactly where the kept readings end. Set it after the reading it belongs to.
 */
void tributary_set_note(tributary *client, uint64_t note);
uint64_t tributary_note(const tributary *client); /* of the last frame of readings that was kept; 0 at first */

/* The id of a command that has not ended yet, as the hub gave it; "" for any other. */
const char *tributary_command_id(const tributary *client, int command);

/* Tell how far a command is, 0...1. It always fits. */
tributary_error tributary_progress(tributary *client, int command, double fraction);

/*
 * Tell how a command ended: DONE with a value (msgpack, may be empty), FAILED with a reason, CANCELLED, or REJECTED with a reason if it
 * was not begun. A reason is cut to 256 bytes, to TRIBUTARY_FRAME_BYTES - 164 where that is less. TRIBUTARY_TOO_LARGE: the value, with the
 * reason, does not fit into a frame; the command has ended as FAILED, and its reason says so.
 */
tributary_error tributary_finish(
    tributary *client, int command, tributary_outcome outcome, const uint8_t *value, size_t value_bytes, const char *reason);

/*
 * Say that the device's state changed: write_reported is called at the next poll, and what it writes is told if it differs. It is called here,
 * too, to see how much that is. TRIBUTARY_TOO_LARGE: it writes more than TRIBUTARY_FRAME_BYTES - 160 bytes, and nothing will be told;
 * TRIBUTARY_BAD_ARGUMENT: there is no write_reported.
 */
tributary_error tributary_report(tributary *client);

/* Close once everything is acked, commands were taken and have ended; then the state is TRIBUTARY_ASLEEP. Limit the wait by a timer. */
void tributary_sleep(tributary *client);
/* Close at once; what is not acked stays on the storage. */
void tributary_stop(tributary *client);
/* Connect again now, after TRIBUTARY_ASLEEP or TRIBUTARY_REFUSED, or instead of waiting. */
void tributary_wake(tributary *client);

/* The hub's clock now, µs since 1970; 0 before the first welcome. */
int64_t tributary_hub_time(const tributary *client);

/* Frames that are kept and not yet acked; declared gaps count as they are. */
uint32_t tributary_unacked(const tributary *client);

/* ---- msgpack, for arguments, values and documents ---- */

bool tributary_get(tributary_value map, const char *key, tributary_value *found);
size_t tributary_count(tributary_value value); /* items of an array, entries of a map; 0 for anything else */
bool tributary_item(tributary_value array, size_t index, tributary_value *found);
bool tributary_as_double(tributary_value value, double *number); /* of an integer, too */
bool tributary_as_integer(tributary_value value, int64_t *number);
bool tributary_as_bool(tributary_value value, bool *is_true);
bool tributary_as_text(tributary_value value, const char **text, size_t *bytes); /* not ended by 0 */
bool tributary_is(tributary_value value, const char *text);

void tributary_put_map(tributary_writer *writer, size_t entries);
void tributary_put_array(tributary_writer *writer, size_t items);
void tributary_put_text(tributary_writer *writer, const char *text, size_t bytes);
void tributary_put_key(tributary_writer *writer, const char *key); /* or any text that is ended by 0 */
void tributary_put_integer(tributary_writer *writer, int64_t number);
void tributary_put_double(tributary_writer *writer, double number); /* in 5 bytes where nothing is lost */
void tributary_put_bool(tributary_writer *writer, bool is_true);
void tributary_put_nil(tributary_writer *writer);
void tributary_put_bytes(tributary_writer *writer, const void *bytes, size_t size); /* msgpack "binary" */

/* Check that bytes are one whole msgpack value within the protocol's limits, and make it readable. */
bool tributary_check(const uint8_t *bytes, size_t size, tributary_value *value);

/* ---- a storage in plain memory, for boards without flash: outlives lost connections, not a reset ---- */

typedef struct {
    uint8_t *memory;
    uint32_t sector_bytes;
} tributary_ram_context;

/* Make a storage of `bytes` bytes of memory, in sectors of `sector_bytes`. */
void tributary_ram(tributary_storage *storage, tributary_ram_context *context, uint8_t *memory, uint32_t bytes, uint32_t sector_bytes);

#ifdef __cplusplus
}
#endif
#endif
