/* Sending of the answer to a line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Begin a new answer; `background` runs while characters wait for the UART. */
void answer_begin(void (*background)(void));
void answer_put(char character);
void answer_text(const char *text); /* `text` is in program memory */
void answer_watts(uint32_t nanowatts);
void answer_step(uint8_t mask); /* colours of one step: 2, or 1+3; 0 for none */

/* Run `background` once. */
void answer_meanwhile(void);

/* Whether the answer has any characters yet. */
bool answer_said(void);

/* End the answer, with a checksum if `sealed`. */
void answer_end(bool sealed);
