"""The laser controller's firmware: C code for an ATmega328P, with its Makefile; `README.md` explains the wiring."""
