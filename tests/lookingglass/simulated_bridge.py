"""A simulated Looking Glass Bridge on real sockets, with its documented calls and its documented silences.

It knows the calls and the types of their fields from bridge.js (request schemas) and LKG-Toolkit, and behaves as was
measured on Bridge 2.6.3: only PUT does anything; whatever it does not know is answered "200" with an empty body; with
no display everything still is "Completion"; a playlist of a known name is added to; `delete_playlist` never answers.
Wrong fields, which the real one swallows, are swallowed here too, and written down in `mistakes`.
"""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

TOKEN = "4f2c"
VERSION = "2.6.3"

NUMBER, TEXT, SWITCH = (int, float), (str,), (bool,)
FLAG = {0, 1}

CALLS: dict[str, dict[str, Any]] = {
    "bridge_version": {},
    "api_version": {},
    "enter_orchestration": {"name": TEXT},
    "exit_orchestration": {"orchestration": TEXT},
    "available_output_devices": {"orchestration": TEXT},
    "show_window": {"orchestration": TEXT, "show_window": SWITCH, "head_index": NUMBER},
    "instance_playlist": {"orchestration": TEXT, "name": TEXT, "loop": SWITCH},
    "insert_playlist_entry": {
        "orchestration": TEXT,
        "name": TEXT,
        "id": NUMBER,
        "index": NUMBER,
        "uri": TEXT,
        "focus": NUMBER,
        "rows": NUMBER,
        "cols": NUMBER,
        "aspect": NUMBER,
        "view_count": NUMBER,
        "crop_pos_x": NUMBER,
        "crop_pos_y": NUMBER,
        "isRGBD": FLAG,
    },
    "play_playlist": {"orchestration": TEXT, "name": TEXT, "head_index": NUMBER},
    "transport_control_play": {"orchestration": TEXT},
    "transport_control_pause": {"orchestration": TEXT},
    "delete_playlist": {"orchestration": TEXT, "name": TEXT, "loop": SWITCH},
}
"""What each call must have."""

OPTIONAL: dict[str, dict[str, Any]] = {
    "insert_playlist_entry": {
        "depth_loc": {0, 1, 2, 3},
        "depth_inversion": FLAG,
        "chroma_depth": FLAG,
        "depthiness": NUMBER,
        "depth_cutoff": NUMBER,
        "zoom": NUMBER,
        "tag": TEXT,
        "durationMS": NUMBER,
        "quilt_size_x": NUMBER,
        "quilt_size_y": NUMBER,
    },
}


def held(name: str, value: Any) -> dict[str, Any]:
    kind = "WSTRING" if isinstance(value, str) else "VARIANT_MAP" if isinstance(value, dict) else "UNSIGNED_INT"
    return {"name": name, "type": kind, "value": value}


def display(
    head: int, serial: str, hardware: str, calibration: dict[str, Any], quilt: dict[str, Any]
) -> dict[str, Any]:
    """An entry of the list of displays."""
    fields = {
        "calibration": json.dumps({"configVersion": "3.0", "serial": serial, **calibration}),
        "defaultQuilt": json.dumps(quilt),
        "hardwareVersion": hardware,
        "hwid": f"LKG{head}",
        "index": head,
        "state": "ok",
        "windowCoords": {"x": 1920, "y": 0},
    }
    return held(str(head), {name: held(name, value) for name, value in fields.items()})


GO = display(
    1,
    "LKG-E01234",
    "go_p",
    {"screenW": {"value": 1440}, "screenH": {"value": 2560}, "viewCone": {"value": 54.0}},
    {"quiltX": 4092, "quiltY": 4092, "tileX": 11, "tileY": 6, "quiltAspect": 0.5625},
)
SIXTEEN = display(
    2,
    "LKG-J00332",
    "16in_landscape_gen3",
    {"screenW": {"value": 3840}, "screenH": {"value": 2160}, "viewCone": {"value": 50.0}},
    {"quiltX": 7680, "quiltY": 4320, "tileX": 8, "tileY": 6, "quiltAspect": 1.77778},
)
MONITOR = held(
    "0",
    {
        name: held(name, value)
        for name, value in {
            "calibration": "",
            "defaultQuilt": "",
            "hardwareVersion": "thirdparty",
            "hwid": "Monitor",
            "index": 0,
            "state": "ok",
            "windowCoords": {"x": 0, "y": 0},
        }.items()
    },
)


class SimulatedBridge:
    """Serves on two ports of its own; a context manager."""

    def __init__(self, *displays: dict[str, Any], plays: bool = True, events: bool = True) -> None:
        self.displays = displays
        self.plays = plays
        """Whether what is played comes to be shown; a file that cannot be opened does not, without a word."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.mistakes: list[str] = []
        self.playlists: dict[str, list[dict[str, Any]]] = {}
        self.playing: str | None = None
        self.paused = False
        self.window: dict[int, bool] = {}
        self.tolerant = False
        """Whether a test makes mistakes on purpose."""
        self.released = threading.Event()
        self.answers: dict[str, bytes] = {}
        """Other answers than the usual, by call."""
        self.delay: Callable[[str], None] = lambda endpoint: None
        self._listeners: list[ServerConnection] = []
        self._lock = threading.Lock()
        self._subscribed = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._events = serve(self._listen, "127.0.0.1", 0) if events else None

    @property
    def http_port(self) -> int:
        return self._http.server_address[1]

    @property
    def event_port(self) -> int:
        return self._events.socket.getsockname()[1] if self._events else self.http_port

    @property
    def addresses(self) -> dict[str, Any]:
        return {"host": "127.0.0.1", "http_port": self.http_port, "event_port": self.event_port}

    @property
    def endpoints(self) -> list[str]:
        return [endpoint for endpoint, _ in self.calls]

    def __enter__(self) -> "SimulatedBridge":
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        if self._events:
            threading.Thread(target=self._events.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        if self._events:
            self._events.shutdown()

    def tell(self, event: str, **values: Any) -> None:
        """Send an event to all who subscribed."""
        fields = {"event": held("event", event), **{key: held(key, value) for key, value in values.items()}}
        message = {"name": "event", "orchestration": held("orchestration", TOKEN), "payload": held("payload", fields)}
        with self._lock:
            for listener in self._listeners:
                with suppress(ConnectionClosed):
                    listener.send(json.dumps(message))

    def _listen(self, connection: ServerConnection) -> None:
        if connection.request is None or connection.request.path != "/event_source":
            self.mistakes.append("events asked for at another path than /event_source")
            return
        asked = json.loads(connection.recv())
        if asked != {"subscribe_orchestration_events": TOKEN}:
            self.mistakes.append(f"subscription {asked}")
            return
        with self._lock:
            self._listeners.append(connection)
        self._subscribed.set()
        try:
            with suppress(ConnectionClosed):
                for _ in connection:
                    pass
        finally:
            with self._lock:
                self._listeners.remove(connection)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        bridge = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = bridge.answer(self.path.lstrip("/"), body)
                with suppress(ConnectionError):  # the caller may have given up
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)

            def do_POST(self) -> None:
                bridge.mistakes.append(f"{self.command} {self.path}")
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def answer(self, endpoint: str, body: bytes) -> bytes:
        fields = json.loads(body)
        self.calls.append((endpoint, fields))
        if endpoint not in CALLS:
            self.mistakes.append(f"unknown call {endpoint}")
            return b""
        self._check(endpoint, fields)
        self.delay(endpoint)
        if endpoint in self.answers:
            return self.answers[endpoint]
        payload = held("payload", self._do(endpoint, fields))
        if endpoint == "available_output_devices" and not self.displays:
            del payload["value"]  # bridge.js has it optional
        return json.dumps(
            {
                "name": endpoint,
                "orchestration": held("orchestration", TOKEN),
                "payload": payload,
                "status": held("status", "Completion"),
            }
        ).encode()

    def _check(self, endpoint: str, fields: dict[str, Any]) -> None:
        needed, allowed = CALLS[endpoint], CALLS[endpoint] | OPTIONAL.get(endpoint, {})
        for name in needed.keys() - fields.keys():
            self.mistakes.append(f"{endpoint} lacks {name}")
        for name, value in fields.items():
            kind = allowed.get(name)
            if kind is None:
                self.mistakes.append(f"{endpoint} has an unknown {name}")
            elif isinstance(kind, set):
                if isinstance(value, bool) or value not in kind:
                    self.mistakes.append(f"{endpoint} has {name} = {value!r}")
            elif not isinstance(value, kind) or (isinstance(value, bool) and bool not in kind):
                self.mistakes.append(f"{endpoint} has {name} = {value!r}")
        if "orchestration" in fields and fields["orchestration"] != TOKEN:
            self.mistakes.append(f"{endpoint} has a foreign token")

    def _do(self, endpoint: str, fields: dict[str, Any]) -> Any:
        if endpoint in ("bridge_version", "api_version"):
            return VERSION
        if endpoint == "enter_orchestration":
            self._subscribed.clear()
            return TOKEN
        if endpoint == "available_output_devices":
            return {str(number): entry for number, entry in enumerate(self.displays)}
        if endpoint == "show_window":
            self.window[fields["head_index"]] = fields["show_window"]
        elif endpoint == "instance_playlist":
            self.playlists.setdefault(fields["name"], [])
            self.tell("Playlist Instance", name=fields["name"])
        elif endpoint == "insert_playlist_entry":
            self.playlists.setdefault(fields["name"], []).append(fields)
            self.tell("Playlist Insert", index=fields["index"], uri=fields["uri"])
        elif endpoint == "play_playlist":
            if not self.playlists.get(fields["name"]):
                self.mistakes.append("an empty playlist was played")
            self.playing, self.paused = fields["name"], False
            self._subscribed.wait(10)  # its subscription came before, on another line
            if self.plays and self.displays:
                self.tell("Progress Update", progress=0.5, progress_type="sync")
                self.tell("New Item Playing", index=0, playlist_name=fields["name"])
        elif endpoint == "transport_control_pause":
            self.paused = True
        elif endpoint == "delete_playlist":
            self.released.wait()
        return {}
