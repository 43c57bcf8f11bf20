/* The yardstick: a minimal libmosquitto QoS 1 subscriber that only counts what it receives.
 *
 *   yardstick HOST PORT USER PASSWORD TOPIC COUNTER_FILE MARKER_TOPIC [INFLIGHT]
 *
 * The count is the first 64-bit word of COUNTER_FILE (made by whoever measures), so that a closed-loop publisher and
 * the measuring program can read it without asking. A message counts once the broker has read its PUBACK: a busy
 * mosquitto reads one packet of each connection in turn, so with many publishers the acknowledgements of the one
 * subscriber pile up unread, and a count on arrival would call that a sustained rate. Every few milliseconds a marker
 * is published behind the acknowledgements; its own PUBACK says that all before it have been read.
 * Prints "ready" once subscribed; ends on SIGTERM. */
#include <fcntl.h>
#include <mosquitto.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 5 };

static volatile uint64_t *counted;
static uint64_t received, marked;
static int marker_out;
static volatile sig_atomic_t stopping;
static const char *topic;

static void on_connect(struct mosquitto *client, void *unused, int reason) {
    (void)unused;
    if (reason != 0) {
        fprintf(stderr, "yardstick: refused: %s\n", mosquitto_connack_string(reason));
        exit(1);
    }
    mosquitto_subscribe(client, NULL, topic, 1);
}

static void on_subscribe(struct mosquitto *client, void *unused, int id, int count, const int *granted) {
    (void)client, (void)unused, (void)id, (void)count;
    if (granted[0] != 1) {
        fprintf(stderr, "yardstick: QoS 1 was not granted for %s\n", topic);
        exit(1);
    }
    puts("ready");
    fflush(stdout);
}

static void on_message(struct mosquitto *client, void *unused, const struct mosquitto_message *message) {
    (void)client, (void)unused, (void)message;
    received += 1;
}

static void on_publish(struct mosquitto *client, void *unused, int id) {
    (void)client, (void)unused, (void)id;
    *counted = marked;
    marker_out = 0;
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_term(int number) {
    (void)number;
    stopping = 1;
}

int main(int argc, char **argv) {
    if (argc < 8) {
        fputs("usage: yardstick HOST PORT USER PASSWORD TOPIC COUNTER_FILE MARKER_TOPIC [INFLIGHT]\n", stderr);
        return 2;
    }
    int file = open(argv[6], O_RDWR);
    if (file < 0) {
        perror(argv[6]);
        return 1;
    }
    counted = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counted == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    topic = argv[5];
    signal(SIGTERM, on_term);
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new("yardstick", true, NULL);
    mosquitto_username_pw_set(client, argv[3], argv[4]);
    mosquitto_max_inflight_messages_set(client, argc > 8 ? (unsigned)atoi(argv[8]) : 1000);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_message_callback_set(client, on_message);
    mosquitto_publish_callback_set(client, on_publish);
    if (mosquitto_connect(client, argv[1], atoi(argv[2]), 60) != MOSQ_ERR_SUCCESS) {
        fputs("yardstick: cannot connect\n", stderr);
        return 1;
    }
    int64_t looked_at = 0;
    while (!stopping) {
        if (mosquitto_loop(client, LOOK_EVERY_MS, 1) != MOSQ_ERR_SUCCESS && !stopping) {
            fputs("yardstick: connection lost\n", stderr);
            return 1;
        }
        if (marker_out || received == marked || now_ms() - looked_at < LOOK_EVERY_MS)
            continue;
        looked_at = now_ms();
        marked = received;
        marker_out = mosquitto_publish(client, NULL, argv[7], 1, "m", 1, false) == MOSQ_ERR_SUCCESS;
    }
    return 0;
}
