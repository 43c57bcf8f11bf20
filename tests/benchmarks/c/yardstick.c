/* The yardstick: a minimal libmosquitto QoS 1 subscriber that only counts what it receives.
 *
 *   yardstick HOST PORT USER PASSWORD TOPIC COUNTER_FILE [INFLIGHT]
 *
 * The count is the first 64-bit word of COUNTER_FILE (made by whoever measures), so that a closed-loop publisher and
 * the measuring program can read it without asking. Prints "ready" once subscribed; ends on SIGTERM. */
#include <fcntl.h>
#include <mosquitto.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile uint64_t *received;
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
    *received += 1;
}

static void on_term(int number) {
    (void)number;
    stopping = 1;
}

int main(int argc, char **argv) {
    if (argc < 7) {
        fputs("usage: yardstick HOST PORT USER PASSWORD TOPIC COUNTER_FILE [INFLIGHT]\n", stderr);
        return 2;
    }
    int file = open(argv[6], O_RDWR);
    if (file < 0) {
        perror(argv[6]);
        return 1;
    }
    received = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (received == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    topic = argv[5];
    signal(SIGTERM, on_term);
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new("yardstick", true, NULL);
    mosquitto_username_pw_set(client, argv[3], argv[4]);
    mosquitto_max_inflight_messages_set(client, argc > 7 ? (unsigned)atoi(argv[7]) : 1000);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_message_callback_set(client, on_message);
    if (mosquitto_connect(client, argv[1], atoi(argv[2]), 60) != MOSQ_ERR_SUCCESS) {
        fputs("yardstick: cannot connect\n", stderr);
        return 1;
    }
    while (!stopping) {
        if (mosquitto_loop(client, 100, 1) != MOSQ_ERR_SUCCESS && !stopping) {
            fputs("yardstick: connection lost\n", stderr);
            return 1;
        }
    }
    return 0;
}
