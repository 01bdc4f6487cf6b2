"""Program of a process of the pool: reads tasks from its standard input and writes results to its standard output.

The worker ends as soon as its parent process ends for any reason, and leaves Ctrl-C to the parent.
"""

import os
import pickle
import queue
import signal
import sys
import threading
from typing import IO

LENGTH = 8
"""Number of bytes of the length before each message."""


def send(stream: IO[bytes], value: object) -> None:
    """Write one message."""
    data = pickle.dumps(value)
    stream.write(len(data).to_bytes(LENGTH, "little") + data)
    stream.flush()


def receive(stream: IO[bytes]) -> object:
    """Read one message.

    Raises:
        EOFError: the other process is gone.
    """
    head = stream.read(LENGTH)
    length = int.from_bytes(head, "little")
    data = stream.read(length) if len(head) == LENGTH else b""
    if not data or len(data) < length:
        raise EOFError
    return pickle.loads(data)  # only the parent and its worker exchange messages


def main() -> None:
    """Do tasks until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps prints of libraries out of the answers
    tasks: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(os.fdopen(os.dup(0), "rb"), tasks), daemon=True).start()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    from holodriver.farm.perform import Task, perform

    while True:
        task = tasks.get()
        assert isinstance(task, Task)
        send(answers, perform(task))


def _listen(stream: IO[bytes], tasks: "queue.SimpleQueue[object]") -> None:
    # in a thread, so that the end of the parent is noticed while a task is being done
    try:
        while True:
            tasks.put(receive(stream))
    except EOFError:
        os._exit(0)
    except BaseException as error:  # a task that cannot be read: the parent must see this process end
        print(f"holodriver worker: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


if __name__ == "__main__":
    main()
