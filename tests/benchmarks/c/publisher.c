/* A closed-loop MQTT 3.1.1 QoS 1 publisher on raw sockets with prebuilt packets, cheap enough never to be the bottleneck.
 *
 * 1000 devices (--devices) send 5 values each to community/v1/COMMUNITY/dNNNN/telemetry; every device has several payload
 * variants. Only time stamps, sequence numbers and packet ids are patched in:
 *
 *   {"ts":<epoch ms>,"us":<epoch us>,"seq":<n>,"values":{"power":..,"temperature":..,"humidity":..,"level":..,"seq":<n>}}
 *
 * ts never repeats within a device (a burst runs at most some ms ahead), since (point, time) is a reading's identity; us is
 * the true moment of sending, for latencies. One message in --fault-every carries power 999.5, over the limit; ordinary
 * power is 10 to 90.
 *
 * The loop is closed on a count that the receiving side keeps in the first 64-bit word of --counter: sent minus counted
 * stays within --window. It counts received messages for a bare subscriber, committed ones for a pipeline.
 *
 * After --duration or --total it waits until everything is acknowledged and counted (--drain seconds at most) and prints
 * one line of JSON. --acked FILE: one record (uint32 device, uint32 seq, little endian) per PUBACK, written before exit
 * and at least every 50 ms. A lost connection is opened again; what it had not acknowledged is abandoned and counted. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { VARIANTS = 8, PACKET_ROOM = 320, BATCH_MAX = 256, IN_ROOM = 65536, FIRST_SEQ = 1000000000 };

struct template {
    int length, packet_id, ts, us, seq, seq_value, power;
    char bytes[PACKET_ROOM];
};

struct slot {
    uint32_t device, seq; /* seq 0: free */
};

struct connection {
    int fd;
    int used;                      /* bytes of out that wait to be written */
    int written;
    int have;                      /* bytes of in that are part of a packet */
    uint32_t unacked;
    uint16_t next_id;
    uint32_t next_device;          /* among its own */
    uint64_t retry_at;
    struct slot slots[65536];
    char out[BATCH_MAX * PACKET_ROOM];
    char in[IN_ROOM];
};

static struct {
    const char *host, *user, *password, *community, *counter, *acked;
    int port, connections, batch, window, devices, first_device;
    long fault_every, total;
    double rate, duration, drain;
    uint32_t first_seq;
} opt = {.host = "127.0.0.1", .port = 1883, .community = "bench", .user = "", .password = "", .connections = 50, .batch = 64,
         .window = 800, .devices = 1000, .fault_every = 10000, .duration = 10, .drain = 30, .first_seq = 0};

static struct template (*templates)[VARIANTS];
static uint32_t *next_seq;
static uint64_t *last_ts;
static struct connection **connections;
static volatile uint64_t *counter;
static FILE *acked_file;
static uint64_t sent, acked, abandoned, faults, reconnects;
static volatile sig_atomic_t stopping;

static void on_term(int number) {
    (void)number;
    stopping = 1;
}

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static double monotonic(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what) {
    fprintf(stderr, "publisher: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* --- packets ------------------------------------------------------------------------------------------------------- */

static void digits(char *at, int count, uint64_t value) {
    while (count-- > 0) {
        at[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

static int put_text(char *at, const char *text) {
    size_t length = strlen(text);
    at[0] = (char)(length >> 8);
    at[1] = (char)length;
    memcpy(at + 2, text, length);
    return (int)length + 2;
}

static void build(struct template *t, int device, int variant) {
    char topic[160], payload[256];
    int spread = device * 7 + variant * 13;
    snprintf(topic, sizeof topic, "community/v1/%s/d%04d/telemetry", opt.community, device);
    int size = snprintf(payload, sizeof payload,
                        "{\"ts\":%013d,\"us\":%016d,\"seq\":%010d,\"values\":{\"power\":%03d.%d,\"temperature\":%d.%d,"
                        "\"humidity\":%d.%d,\"level\":0.%03d,\"seq\":%010d}}",
                        0, 0, 0, 100, variant, 18 + spread % 9, spread % 10, 30 + spread % 60, (spread + 3) % 10,
                        100 + spread % 900, 0);
    int body = 2 + (int)strlen(topic) + 2 + size;
    char *at = t->bytes;
    *at++ = 0x32; /* PUBLISH, QoS 1 */
    *at++ = (char)(body % 128 | 128);
    *at++ = (char)(body / 128);
    at += put_text(at, topic);
    t->packet_id = (int)(at - t->bytes);
    at += 2;
    char *start = at;
    memcpy(at, payload, (size_t)size);
    at[size] = 0;
    t->ts = (int)(strstr(start, "\"ts\":") + 5 - t->bytes);
    t->us = (int)(strstr(start, "\"us\":") + 5 - t->bytes);
    t->seq = (int)(strstr(start, "\"seq\":") + 6 - t->bytes);
    t->seq_value = (int)(strstr(t->bytes + t->seq, "\"seq\":") + 6 - t->bytes);
    t->power = (int)(strstr(start, "\"power\":") + 8 - t->bytes);
    t->length = (int)(at + size - t->bytes);
    /* ordinary power is 10.x to 90.x and a fault 999.5: both patched as five characters, "0" being no JSON start */
    char power[8];
    snprintf(power, sizeof power, "%02d.%02d", 10 + spread % 81, variant * 11);
    memcpy(t->bytes + t->power, power, 5);
}

static char *append(char *out, struct connection *c, uint32_t device, uint64_t us) {
    uint32_t seq = next_seq[device]++;
    const struct template *t = &templates[device][seq % VARIANTS];
    uint64_t ts = us / 1000;
    if (ts <= last_ts[device])
        ts = last_ts[device] + 1;
    last_ts[device] = ts;
    do {
        c->next_id = (uint16_t)(c->next_id + 1);
    } while (c->next_id == 0 || c->slots[c->next_id].seq != 0);
    c->slots[c->next_id] = (struct slot){device, seq};
    c->unacked++;
    memcpy(out, t->bytes, (size_t)t->length);
    out[t->packet_id] = (char)(c->next_id >> 8);
    out[t->packet_id + 1] = (char)c->next_id;
    digits(out + t->ts, 13, ts);
    digits(out + t->us, 16, us);
    digits(out + t->seq, 10, seq);
    digits(out + t->seq_value, 10, seq);
    sent++;
    if (opt.fault_every > 0 && sent % (uint64_t)opt.fault_every == 0) {
        memcpy(out + t->power, "999.5", 5);
        faults++;
    }
    return out + t->length;
}

/* --- connections --------------------------------------------------------------------------------------------------- */

static int open_connection(struct connection *c, int number) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
    inet_pton(AF_INET, opt.host, &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0)
        die("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct timeval patience = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        return -1;
    }
    char packet[512], id[64], *at = packet + 3;
    snprintf(id, sizeof id, "bench-%d-%d", (int)getpid(), number);
    at += put_text(at, "MQTT");
    *at++ = 4;
    *at++ = (char)(opt.user[0] ? 0xC2 : 0x02);
    *at++ = 600 >> 8;
    *at++ = (char)(600 & 255);
    at += put_text(at, id);
    if (opt.user[0]) {
        at += put_text(at, opt.user);
        at += put_text(at, opt.password);
    }
    int body = (int)(at - packet) - 3;
    packet[0] = 0x10;
    packet[1] = (char)(body % 128 | 128);
    packet[2] = (char)(body / 128);
    unsigned char answer[4];
    if (send(fd, packet, (size_t)body + 3, MSG_NOSIGNAL) < 0 || recv(fd, answer, 4, MSG_WAITALL) != 4) {
        close(fd);
        return -1;
    }
    if (answer[3] != 0) {
        fprintf(stderr, "publisher: the broker refused the connection, code %d\n", answer[3]);
        exit(1);
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    c->fd = fd;
    c->used = c->written = c->have = 0;
    return 0;
}

static void lose(struct connection *c) {
    close(c->fd);
    c->fd = -1;
    abandoned += c->unacked;
    c->unacked = 0;
    memset(c->slots, 0, sizeof c->slots);
    c->retry_at = now_us() + 50000;
}

static void on_puback(struct connection *c, unsigned id) {
    struct slot *slot = &c->slots[id];
    if (slot->seq == 0)
        return;
    if (acked_file) {
        uint32_t record[2] = {slot->device, slot->seq};
        fwrite(record, sizeof record, 1, acked_file);
    }
    slot->seq = 0;
    c->unacked--;
    acked++;
}

static void read_acks(struct connection *c) {
    for (;;) {
        ssize_t got = recv(c->fd, c->in + c->have, (size_t)(IN_ROOM - c->have), 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            lose(c);
            return;
        }
        if (got < 0)
            return;
        int whole = c->have + (int)got, at = 0;
        while (whole - at >= 2 && whole - at >= 2 + c->in[at + 1]) { /* every answer is shorter than 128 bytes */
            if ((c->in[at] & 0xF0) == 0x40)
                on_puback(c, (unsigned)((unsigned char)c->in[at + 2] << 8 | (unsigned char)c->in[at + 3]));
            at += 2 + c->in[at + 1];
        }
        c->have = whole - at;
        memmove(c->in, c->in + at, (size_t)c->have);
        if (got < IN_ROOM / 2)
            return;
    }
}

static void write_out(struct connection *c) {
    ssize_t put = send(c->fd, c->out + c->written, (size_t)(c->used - c->written), MSG_NOSIGNAL);
    if (put < 0 && errno != EAGAIN && errno != EINTR) {
        lose(c);
        return;
    }
    if (put > 0)
        c->written += (int)put;
    if (c->written == c->used)
        c->written = c->used = 0;
}

/* Devices are dealt out to connections, so that one device's messages keep their order. */
static int fill(struct connection *c, int number, int most) {
    int count = most < opt.batch ? most : opt.batch;
    uint32_t mine = (uint32_t)(opt.devices - number + opt.connections - 1) / (uint32_t)opt.connections;
    char *at = c->out;
    if (mine == 0 || c->unacked + (uint32_t)count > 60000)
        return 0;
    uint64_t us = now_us();
    for (int i = 0; i < count; i++) {
        uint32_t device = (uint32_t)number + (c->next_device++ % mine) * (uint32_t)opt.connections;
        at = append(at, c, device, us);
    }
    c->used = (int)(at - c->out);
    c->written = 0;
    return count;
}

/* --- the loop ------------------------------------------------------------------------------------------------------ */

static int64_t room(double elapsed) {
    int64_t most = INT64_MAX;
    if (counter) {
        int64_t outstanding = (int64_t)(sent - abandoned) - (int64_t)*counter;
        most = opt.window - outstanding;
    }
    if (opt.rate > 0) {
        int64_t due = (int64_t)(opt.rate * elapsed) - (int64_t)sent;
        most = due < most ? due : most;
    }
    if (opt.total > 0 && opt.total - (int64_t)sent < most)
        most = opt.total - (int64_t)sent;
    return most;
}

static int unfinished(void) {
    uint64_t waiting = 0;
    for (int i = 0; i < opt.connections; i++)
        waiting += connections[i]->unacked;
    return waiting > 0 || (counter && *counter + abandoned < sent);
}

static void turn(struct pollfd *polls, int sending, double elapsed, int *first) {
    for (int i = 0; i < opt.connections; i++) {
        struct connection *c = connections[i];
        if (c->fd < 0 && now_us() >= c->retry_at) {
            if (open_connection(c, i) < 0)
                c->retry_at = now_us() + 50000;
            else
                reconnects++;
        }
    }
    int64_t most = sending ? room(elapsed) : 0;
    int filled = 0;
    /* A closed loop sends whole batches: many small writes would measure the publisher. */
    if (counter && most < opt.batch && opt.rate <= 0 && (opt.total == 0 || opt.total - (int64_t)sent > most))
        most = 0;
    for (int k = 0; k < opt.connections && most > 0; k++) {
        int i = (*first + k) % opt.connections;
        struct connection *c = connections[i];
        if (c->fd >= 0 && c->used == 0) {
            int count = fill(c, i, most > opt.batch ? opt.batch : (int)most);
            most -= count;
            filled += count;
            if (c->used)
                write_out(c);
            *first = (i + 1) % opt.connections;
        }
    }
    for (int i = 0; i < opt.connections; i++) {
        struct connection *c = connections[i];
        polls[i].fd = c->fd;
        polls[i].events = (short)(POLLIN | (c->used ? POLLOUT : 0));
        polls[i].revents = 0;
    }
    /* The broker writes each PUBACK apart: let some gather, since one read for each would measure the publisher. */
    if (most <= 0 || filled == 0)
        usleep(300);
    int ready = poll(polls, (nfds_t)opt.connections, 0);
    for (int i = 0; i < opt.connections && ready > 0; i++) {
        struct connection *c = connections[i];
        if (polls[i].fd >= 0 && polls[i].revents & (POLLIN | POLLHUP | POLLERR))
            read_acks(c);
        if (c->fd >= 0 && c->used && polls[i].revents & POLLOUT)
            write_out(c);
    }
}

static void set_up(void) {
    templates = malloc(sizeof *templates * (size_t)opt.devices);
    next_seq = malloc(sizeof *next_seq * (size_t)opt.devices);
    last_ts = calloc((size_t)opt.devices, sizeof *last_ts);
    connections = malloc(sizeof *connections * (size_t)opt.connections);
    for (int device = 0; device < opt.devices; device++) {
        next_seq[device] = FIRST_SEQ + opt.first_seq;
        for (int variant = 0; variant < VARIANTS; variant++)
            build(&templates[device][variant], device, variant);
    }
    if (opt.counter) {
        int file = open(opt.counter, O_RDONLY);
        if (file < 0)
            die(opt.counter);
        counter = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
        if (counter == MAP_FAILED)
            die("mmap");
    }
    if (opt.acked && !(acked_file = fopen(opt.acked, "ab")))
        die(opt.acked);
    for (int i = 0; i < opt.connections; i++) {
        connections[i] = calloc(1, sizeof **connections);
        if (open_connection(connections[i], i) < 0)
            die("connect");
    }
}

static void read_options(int argc, char **argv) {
    static const struct option names[] = {
        {"host", 1, 0, 'h'},        {"port", 1, 0, 'p'},     {"user", 1, 0, 'u'},        {"password", 1, 0, 'P'},
        {"community", 1, 0, 'c'},   {"counter", 1, 0, 'C'},  {"acked", 1, 0, 'a'},       {"connections", 1, 0, 'n'},
        {"batch", 1, 0, 'b'},       {"window", 1, 0, 'w'},   {"devices", 1, 0, 'd'},     {"fault-every", 1, 0, 'f'},
        {"total", 1, 0, 't'},       {"rate", 1, 0, 'r'},     {"duration", 1, 0, 'D'},    {"drain", 1, 0, 'x'},
        {"first-seq", 1, 0, 's'},   {0, 0, 0, 0}};
    int found;
    while ((found = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (found) {
            case 'h': opt.host = optarg; break;
            case 'p': opt.port = atoi(optarg); break;
            case 'u': opt.user = optarg; break;
            case 'P': opt.password = optarg; break;
            case 'c': opt.community = optarg; break;
            case 'C': opt.counter = optarg; break;
            case 'a': opt.acked = optarg; break;
            case 'n': opt.connections = atoi(optarg); break;
            case 'b': opt.batch = atoi(optarg); break;
            case 'w': opt.window = atoi(optarg); break;
            case 'd': opt.devices = atoi(optarg); break;
            case 'f': opt.fault_every = atol(optarg); break;
            case 't': opt.total = atol(optarg); break;
            case 'r': opt.rate = atof(optarg); break;
            case 'D': opt.duration = atof(optarg); break;
            case 'x': opt.drain = atof(optarg); break;
            case 's': opt.first_seq = (uint32_t)atol(optarg); break;
            default: exit(2);
        }
    }
    if (opt.batch < 1 || opt.batch > BATCH_MAX || opt.devices < 1 || opt.devices > 10000 || opt.connections < 1) {
        fprintf(stderr, "publisher: batch 1 to %d, devices 1 to 10000, connections at least 1\n", BATCH_MAX);
        exit(2);
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    signal(SIGTERM, on_term);
    signal(SIGPIPE, SIG_IGN);
    set_up();
    puts("ready");
    fflush(stdout);
    struct pollfd *polls = calloc((size_t)opt.connections, sizeof *polls);
    double start = monotonic(), flushed = start, now = start;
    int first = 0;
    while (!stopping && (opt.total > 0 ? (long)sent < opt.total : now - start < opt.duration)) {
        turn(polls, 1, now - start, &first);
        now = monotonic();
        if (acked_file && now - flushed > 0.05) {
            fflush(acked_file);
            flushed = now;
        }
    }
    double sending = now - start, until = now + opt.drain;
    while (unfinished() && (now = monotonic()) < until)
        turn(polls, 0, now - start, &first);
    if (acked_file)
        fclose(acked_file);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
    printf("{\"sent\": %llu, \"acked\": %llu, \"abandoned\": %llu, \"faults\": %llu, \"reconnects\": %llu, \"counted\": %lld, "
           "\"seconds\": %.3f, \"us_per_message\": %.2f}\n",
           (unsigned long long)sent, (unsigned long long)acked, (unsigned long long)abandoned, (unsigned long long)faults,
           (unsigned long long)reconnects, counter ? (long long)*counter : -1LL, sending, sent ? cpu * 1e6 / (double)sent : 0.0);
    return 0;
}
