/* The answer to a line, as it is being sent. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A new answer; `background` runs while its characters wait for the line. */
void answer_begin(void (*background)(void));
void answer_put(char character);
void answer_text(const char *text); /* in program memory */
void answer_watts(uint32_t nanowatts);
void answer_step(uint8_t mask); /* colours of one step: 2, or 1+3; 0 for none */

/* What goes on meanwhile, once. */
void answer_meanwhile(void);

/* Whether there is anything in it yet. */
bool answer_said(void);

/* The end of it, after its checksum if it is to have one. */
void answer_end(bool sealed);
