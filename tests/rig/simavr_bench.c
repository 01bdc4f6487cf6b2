/* A bench for the laser firmware: an ATmega328P in simavr, its UART on a pseudo-terminal, its other pins on stdin.
 *
 *     simavr_bench firmware.hex [open]
 *
 * says the pseudo-terminal's name and then obeys one command a line, with one line in answer:
 *
 *     run US             let simulated time pass
 *     edge               a pulse on the sync input, now
 *     wire PATH          an edge for each message on a named pipe, when it comes (`wired.py`)
 *     edges NS COUNT     so many, so far apart, the first after one such time (0 ends them)
 *     interlock 0|1      open or close the loop
 *     button 0|1         let go of or press the reset button
 *     hang 0|1           the program hangs where it is, with interrupts off or on
 *     pace 0|1           let simulated time follow the wall clock, or stand still unless there is something to do
 *     unplug             the pseudo-terminal goes away
 *     log                what changed on the light and gate pins: cycle, wall clock (s), lit colours, gate; the cycle now
 *     duty               the three PWM duties, 0 where the output is not connected
 *
 * While it stands still, time passes only while bytes travel, so that a slow host is not a silent one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_ioport.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_hex.h>

enum { HZ = 16000000, BYTE = HZ / 11520, QUIET = HZ / 20, PULSE = HZ / 10000, HANG = 0x7FFE };
enum { DDRB = 0x24, PORTB = 0x25, DDRD = 0x2A, PORTD = 0x2B, TCCR0A = 0x44, OCR0A = 0x47, OCR0B = 0x48 };
enum { TCCR2A = 0xB0, OCR2A = 0xB3, SYNC = 2, INTERLOCK = 3, BUTTON = 4 };

static avr_t *avr;
static int master = -1, terminal = -1;
static uint8_t levels = 1 << BUTTON;

static unsigned char queue[65536]; /* host to UART */
static unsigned queue_head, queue_tail;
static avr_cycle_count_t next_byte, last_traffic;
static long unanswered; /* lines */

static int wire = -1;

static avr_cycle_count_t next_edge, edge_end;
static double edge_period, edge_at;
static long edges_left;

struct change {
    avr_cycle_count_t cycle;
    double wall;
    uint8_t lit, gate;
};
static struct change *changes;
static size_t change_count, change_room;
static uint8_t lit, gate;

static double wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void set_pin(int pin, bool high)
{
    levels = (uint8_t)(high ? levels | 1 << pin : levels & ~(1 << pin));
    avr_ioport_external_t outside = {.name = 'D', .mask = 0x1C, .value = levels};
    avr_ioctl(avr, AVR_IOCTL_IOPORT_SET_EXTERNAL('D'), &outside);
    avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('D'), pin), high);
}

static void from_uart(struct avr_irq_t *irq, uint32_t value, void *unused)
{
    unsigned char byte = (unsigned char)value;
    (void)irq;
    (void)unused;
    last_traffic = avr->cycle;
    unanswered -= byte == '\n';
    if (master >= 0 && write(master, &byte, 1) != 1)
        return; /* nobody reads: lost, as on a real line */
}

static void look_at_pins(void)
{
    uint8_t lit_now = avr->data[PORTB] & avr->data[DDRB] & 7, gate_now = (avr->data[PORTD] & avr->data[DDRD]) >> 7;
    if (lit_now == lit && gate_now == gate)
        return;
    lit = lit_now;
    gate = gate_now;
    if (change_count == change_room)
        changes = realloc(changes, (change_room = change_room * 2 + 1024) * sizeof *changes);
    changes[change_count++] = (struct change){avr->cycle, wall(), lit, gate};
}

static void step(void)
{
    if (edges_left && avr->cycle >= next_edge) {
        set_pin(SYNC, true);
        edge_end = avr->cycle + PULSE;
        edges_left--;
        edge_at += edge_period;
        next_edge = (avr_cycle_count_t)edge_at;
    }
    if (edge_end && avr->cycle >= edge_end) {
        set_pin(SYNC, false);
        edge_end = 0;
    }
    if (queue_head != queue_tail && avr->cycle >= next_byte) {
        avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT), queue[queue_tail]);
        queue_tail = (queue_tail + 1) % sizeof queue;
        last_traffic = avr->cycle;
        next_byte = avr->cycle + BYTE;
    }
    int state = avr_run(avr);
    if (state == cpu_Done || state == cpu_Crashed) {
        fprintf(stderr, "the simulated chip has crashed at %#x\n", avr->pc);
        exit(1);
    }
    look_at_pins();
}

static void run(avr_cycle_count_t cycles)
{
    for (avr_cycle_count_t end = avr->cycle + cycles; avr->cycle < end;)
        step();
}

/* Bytes that wait on the line; whether there were some. */
static bool take_bytes(void)
{
    unsigned char bytes[4096];
    ssize_t count = master < 0 ? 0 : read(master, bytes, sizeof bytes);
    for (ssize_t place = 0; place < count; place++) {
        queue[queue_head] = bytes[place];
        unanswered += bytes[place] == '\n';
        queue_head = (queue_head + 1) % sizeof queue;
    }
    return count > 0;
}

/* Edges of the panel. They are looked for after the bytes of the line, so that a frame that the host speaks of is counted
 * by then. A message is a length of four bytes and a time of eight; two edges are never in one look unless the machine
 * held this program up, and then they are apart by a pulse. */
static void take_edges(void)
{
    unsigned char message[12];
    while (wire >= 0 && read(wire, message, sizeof message) == (ssize_t)sizeof message) {
        while (edges_left || edge_end)
            step();
        edge_at = (double)(next_edge = avr->cycle);
        edge_period = 0;
        edges_left = 1;
        step();
    }
}

static void converse(void)
{
    last_traffic = avr->cycle;
    while (queue_head != queue_tail || (unanswered > 0 && avr->cycle - last_traffic < QUIET)) {
        run(200);
        take_bytes();
    }
    unanswered = 0;
}

static void hang(bool interrupts)
{
    while (!avr->sreg[S_I]) /* not in the middle of an interrupt */
        step();
    avr->pc = HANG;
    avr->sreg[S_I] = interrupts;
}

static void say_log(void)
{
    for (size_t place = 0; place < change_count; place++)
        printf("%llu %.6f %u %u;", (unsigned long long)changes[place].cycle, changes[place].wall, changes[place].lit,
               changes[place].gate);
    printf("%llu\n", (unsigned long long)avr->cycle);
    change_count = 0;
}

static bool paced;

static void obey(const char *line)
{
    long number = 0, count = 0;
    if (sscanf(line, "run %ld", &number) == 1)
        run((avr_cycle_count_t)number * (HZ / 1000000));
    else if (!strncmp(line, "edges ", 6) && sscanf(line, "edges %ld %ld", &number, &count) == 2) {
        edge_period = (double)number * HZ / 1e9;
        edge_at = (double)avr->cycle + edge_period;
        next_edge = (avr_cycle_count_t)edge_at;
        edges_left = count;
    } else if (!strcmp(line, "edge")) {
        edge_period = 0;
        edge_at = (double)(next_edge = avr->cycle);
        edges_left = 1;
        run(PULSE * 2);
    } else if (sscanf(line, "interlock %ld", &number) == 1) {
        set_pin(INTERLOCK, !number);
        run(1600);
    } else if (sscanf(line, "button %ld", &number) == 1)
        set_pin(BUTTON, !number);
    else if (sscanf(line, "hang %ld", &number) == 1)
        hang(number);
    else if (sscanf(line, "pace %ld", &number) == 1)
        paced = number;
    else if (!strncmp(line, "wire ", 5))
        wire = open(line + 5, O_RDONLY | O_NONBLOCK);
    else if (!strcmp(line, "unplug")) {
        close(master);
        close(terminal);
        master = terminal = -1;
    } else if (!strcmp(line, "duty")) {
        printf("%u %u %u\n", avr->data[TCCR0A] & 0x80 ? avr->data[OCR0A] : 0,
               avr->data[TCCR0A] & 0x20 ? avr->data[OCR0B] : 0, avr->data[TCCR2A] & 0x80 ? avr->data[OCR2A] : 0);
        return;
    } else if (!strcmp(line, "log")) {
        say_log();
        return;
    } else {
        printf("no such command: %s\n", line);
        return;
    }
    printf("ok %llu\n", (unsigned long long)avr->cycle);
}

static void load(const char *path)
{
    ihex_chunk_p chunks;
    int count = read_ihex_chunks(path, &chunks);
    if (count < 1) {
        fprintf(stderr, "%s: no firmware\n", path);
        exit(2);
    }
    for (int place = 0; place < count; place++)
        memcpy(avr->flash + chunks[place].baseaddr, chunks[place].data, chunks[place].size);
    free_ihex_chunks(chunks);
    avr->flash[HANG] = 0xFF; /* rjmp . */
    avr->flash[HANG + 1] = 0xCF;
    avr->codeend = avr->flashend;
}

int main(int count, char **arguments)
{
    char name[256], line[256];
    struct termios raw;
    avr = avr_make_mcu_by_name("atmega328p");
    if (count < 2 || !avr || avr_init(avr))
        return 2;
    avr->frequency = HZ;
    avr->log = LOG_NONE;
    load(arguments[1]);

    if (openpty(&master, &terminal, name, NULL, NULL))
        return 1;
    tcgetattr(terminal, &raw);
    cfmakeraw(&raw);
    tcsetattr(terminal, TCSANOW, &raw);
    fcntl(master, F_SETFL, O_NONBLOCK);

    uint32_t flags = 0;
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), from_uart, NULL);
    set_pin(SYNC, false);
    set_pin(BUTTON, true);
    set_pin(INTERLOCK, count > 2 && !strcmp(arguments[2], "open"));
    run(HZ / 5); /* the reset button is looked at for 50 ms before it counts */
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("%s\n", name);

    double begun = wall();
    avr_cycle_count_t base = avr->cycle;
    size_t length = 0;
    bool was_paced = false;
    for (;;) {
        struct pollfd ready[2] = {{.fd = 0, .events = POLLIN}, {.fd = master, .events = POLLIN}};
        if (poll(ready, 2, paced ? 1 : -1) < 0)
            return 1;
        if (ready[0].revents) {
            ssize_t got = read(0, line + length, sizeof line - 1 - length);
            if (got <= 0)
                return 0; /* the test is gone */
            length += (size_t)got;
            line[length] = 0;
            for (char *end; (end = strchr(line, '\n')); memmove(line, end + 1, length + 1)) {
                *end = 0;
                obey(line);
                length -= (size_t)(end + 1 - line);
            }
        }
        if (paced) {
            double now = wall();
            if (!was_paced || (now - begun) * HZ - (double)(avr->cycle - base) > HZ / 10) {
                begun = now; /* a machine that was held up does not make the chip hurry */
                base = avr->cycle;
            }
            take_bytes();
            take_edges();
            double due = (now - begun) * HZ;
            while ((double)(avr->cycle - base) < due)
                step();
        } else if (take_bytes()) {
            converse();
        }
        was_paced = paced;
    }
}
