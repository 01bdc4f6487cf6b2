#include "serial.h"

#include <avr/interrupt.h>
#include <avr/io.h>

#define DAMAGED 0xFF

static volatile uint8_t received[256]; /* ring buffer: 8-bit indices wrap at its size */
static volatile uint8_t head, tail;

void serial_begin(void)
{
    UCSR0A = _BV(U2X0);
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UBRR0 = 16; /* with U2X at 16 MHz: 117647 baud, 2.1 % too fast, as on every Uno; simavr reads U2X at this write */
    UCSR0B = _BV(RXCIE0) | _BV(RXEN0) | _BV(TXEN0);
}

ISR(USART_RX_vect)
{
    uint8_t bad = UCSR0A & (_BV(FE0) | _BV(DOR0));
    uint8_t byte = UDR0;
    uint8_t next = head + 1;
    if (next == tail) /* the buffer is full: the line with this byte must not be obeyed */
        received[(uint8_t)(head - 1)] = DAMAGED;
    else {
        received[head] = bad ? DAMAGED : byte;
        head = next;
    }
}

int16_t serial_read(void)
{
    if (head == tail)
        return -1;
    uint8_t byte = received[tail];
    tail = tail + 1;
    return byte;
}

void serial_put(char character, void (*background)(void))
{
    while (!(UCSR0A & _BV(UDRE0)))
        background();
    UDR0 = (uint8_t)character;
}
