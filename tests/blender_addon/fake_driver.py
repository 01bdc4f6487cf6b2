"""A fake driver for the tests of the extension; `HOLODRIVER_FAKE` names the way in which it misbehaves."""

import json
import os
import subprocess
import sys
import time

kind = os.environ.get("HOLODRIVER_FAKE", "good")


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


if kind == "good":
    for done in range(4):
        say(event="progress", stage="rendering images", done=done, total=3, note="")
    say(event="message", text="wrote /nowhere/a.png")
elif kind == "arguments":
    print(json.dumps(sys.argv[1:]))
elif kind == "garbage":
    sys.stdout.buffer.write(
        b"\xff\xfe{not json}\n" * 50 + b'{"event": 7}\n[1]\n{"event": "progress", "done": "x"}\n' + b"a" * 500_000
    )
    sys.exit(3)
elif kind == "crash":
    print("about to fall", file=sys.stderr, flush=True)
    os.kill(os.getpid(), 11)
elif kind == "error":
    say(event="error", text="scene.blend: is no scene (choose another)", remedy="choose another", exit_code=2)
    sys.exit(2)
elif kind == "hang":
    say(event="progress", stage="thinking", done=1, total=9, note="")
    print("still here", flush=True)
    time.sleep(600)
elif kind == "family":  # a child and a grandchild, all of which do not want to stop
    code = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    child = subprocess.Popen([sys.executable, "-c", code + "print(p.pid, flush=True); time.sleep(600)"], stdout=-1)
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert child.stdout is not None
    say(event="message", text=f"{child.pid} {child.stdout.readline().decode().strip()}")
    time.sleep(600)
