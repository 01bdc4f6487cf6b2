"""The connection between the host and the simulated laser controller: a pseudo-terminal, or a TCP socket on Windows."""

import os
import socket
import sys
import threading
from collections import deque
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Literal, Protocol

from holodriver.errors import InputError

Transport = Literal["pty", "socket"]
Waitable = int | socket.socket | Connection

CHUNK = 4096


def default_transport() -> Transport:
    """Return "pty", the closest to a USB serial port, or "socket" on systems without pseudo-terminals."""
    return "socket" if sys.platform == "win32" else "pty"


class BoxLink(Protocol):
    """The box's end of the connection. Reading and writing never wait."""

    port: str
    """Port that the host opens: a device path or a pyserial URL."""

    def waitable(self) -> list[Waitable]:
        """List the objects that `multiprocessing.connection.wait` should watch."""
        ...

    def read(self) -> bytes:
        """Read the bytes that have arrived, once an object of `waitable` is ready; empty for another event."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes; bytes that the host does not read are lost, as on a serial line."""
        ...

    def unplug(self) -> None:
        """Pull the cable: the host's port is gone, and no more bytes are sent or received."""
        ...


def open_link(transport: Transport) -> BoxLink:
    """Open a connection of this kind.

    Raises:
        InputError: the system has no pseudo-terminals.
    """
    if transport == "socket":
        return SocketLink()
    if sys.platform == "win32":
        raise InputError("this system has no pseudo-terminals", remedy="use the transport 'socket'")
    return PtyLink()


if sys.platform != "win32":

    class PtyLink:
        """A pseudo-terminal, whose other end the host opens like a serial port."""

        def __init__(self) -> None:
            import tty

            # the host's end stays open here, too: when the host closes it, there is silence, as on a real line, and
            # not an endless stream of read errors
            self._master, self._slave = os.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            self.port = os.ttyname(self._slave)
            self._plugged = True

        def waitable(self) -> list[Waitable]:
            return [self._master] if self._plugged else []

        def read(self) -> bytes:
            try:
                return os.read(self._master, CHUNK)
            except BlockingIOError:
                return b""

        def write(self, data: bytes) -> None:
            try:
                if self._plugged:
                    os.write(self._master, data)
            except BlockingIOError:
                return

        def unplug(self) -> None:
            self._plugged = False
            os.close(self._slave)
            os.close(self._master)  # the host's end hangs up


class SocketLink:
    """A TCP socket for this machine only and one host at a time; the host opens pyserial's `socket://` URL."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._host: socket.socket | None = None
        self._callers: deque[socket.socket] = deque()
        self._bell, self._button = Pipe(duplex=False)
        self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._plugged = True
        # a thread, because on Windows `wait` cannot watch a listening socket
        threading.Thread(target=self._listen, name="laser box door", daemon=True).start()

    def _listen(self) -> None:
        while True:
            caller, _ = self._listener.accept()
            caller.setblocking(False)
            caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._callers.append(caller)
            self._button.send_bytes(b"!")

    def waitable(self) -> list[Waitable]:
        if not self._plugged:
            return []
        return [self._bell] if self._host is None else [self._host]

    def read(self) -> bytes:
        try:
            if self._host is None:
                self._bell.recv_bytes()
                self._host = self._callers.popleft()
                return b""
            if data := self._host.recv(CHUNK):
                return data
        except BlockingIOError:
            return b""
        except OSError:
            pass  # the host has ended without closing the socket
        if self._host is not None:
            self._host.close()
            self._host = None
        return b""

    def write(self, data: bytes) -> None:
        try:
            if self._host is not None:
                self._host.send(data)
        except OSError:
            return  # the next read notices that the host is gone

    def unplug(self) -> None:
        self._plugged = False
        if self._host is not None:
            self._host.close()
            self._host = None
