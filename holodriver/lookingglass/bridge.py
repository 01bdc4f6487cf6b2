"""Looking Glass Bridge: HTTP calls, events, and the list of connected displays.

Bridge answers many mistakes with "200 OK": an empty body for a wrong verb or an unknown call, or "Completion" if no
display is connected. Its answers are therefore checked, and their effects are verified.

Source: bridge.js and LKG-Toolkit of Looking Glass, and measurements of the author of quiltwright (Bridge 2.6.3).
"""

import http.client
import json
import queue
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from holodriver.errors import BridgeError, InputError
from holodriver.optics.lookingglass import LOOKING_GLASSES, LookingGlass

HOST = "localhost"
HTTP_PORT = 33334
EVENT_PORT = 9724
PATIENCE_S = 10.0
"""Longest wait for Bridge's answer to a call, seconds."""

GET_IT = "install Looking Glass Bridge from https://lookingglassfactory.com/software/looking-glass-bridge and start it"

_WELL = ("Completion", "Pending")
_LARGEST_ANSWER = 1 << 24  # bytes


@dataclass(frozen=True)
class ConnectedDisplay:
    """A Looking Glass that Bridge reports, and the quilt layout that it asks for."""

    head: int
    """Bridge's number of the display."""
    serial: str
    hardware: str
    """Bridge's name of the model."""
    state: str
    """Bridge's name of the display's state."""
    display: LookingGlass
    """Layout of the display: its views, quilt and screen."""
    known: bool
    """Whether the model is in `LOOKING_GLASSES`; if not, the view cone is a guess unless the calibration contains
    it."""


@dataclass(frozen=True)
class BridgeEvent:
    """An event that Bridge reports."""

    name: str
    values: dict[str, Any]


class Bridge:
    """A session with Looking Glass Bridge; a context manager that ends it.

    Args:
        host: the machine on which Bridge runs; no other machine is contacted.
        patience: longest wait for an answer, seconds.

    Raises:
        BridgeError: Bridge does not run, or gives an unexpected answer.
    """

    def __init__(
        self,
        host: str = HOST,
        *,
        http_port: int = HTTP_PORT,
        event_port: int = EVENT_PORT,
        patience: float = PATIENCE_S,
    ) -> None:
        if not re.fullmatch(r"[\w.:\-]+", host):
            raise InputError(f"{host!r} is not the name of a machine", where="--host")
        self.host, self.http_port, self.event_port, self.patience = host, http_port, event_port, patience
        self.version = str(self._value(self.call("bridge_version"), "bridge_version"))
        self.token = str(self._value(self.call("enter_orchestration", name="default"), "enter_orchestration"))
        if not self.token:
            raise BridgeError("gave no token", where=self._where("enter_orchestration"))

    def __enter__(self) -> "Bridge":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(BridgeError):  # Bridge may have ended by now, and nothing is left to undo
            self.ask("exit_orchestration")

    def ask(self, endpoint: str, **fields: Any) -> dict[str, Any]:
        """Call an endpoint within this session; see `call`."""
        return self.call(endpoint, orchestration=self.token, **fields)

    def call(self, endpoint: str, **fields: Any) -> dict[str, Any]:
        """Call an endpoint and return its answer.

        Raises:
            BridgeError: there is no connection or no answer, or Bridge reports a failure.
        """
        where = self._where(endpoint)
        connection = http.client.HTTPConnection(self.host, self.http_port, timeout=self.patience)
        try:
            connection.request("PUT", f"/{endpoint}", json.dumps(fields), {"Content-Type": "application/json"})
            response = connection.getresponse()
            status, body = response.status, response.read(_LARGEST_ANSWER)
        except ConnectionRefusedError as error:
            raise BridgeError(
                "Looking Glass Bridge does not answer", where=f"{self.host}:{self.http_port}", remedy=GET_IT
            ) from error
        except TimeoutError as error:
            raise BridgeError(
                f"gave no answer within {self.patience:g} s", where=where, remedy="restart Looking Glass Bridge"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise BridgeError(f"Looking Glass Bridge cannot be reached: {error}", where=where, remedy=GET_IT) from error
        finally:
            connection.close()
        if status != 200:
            raise BridgeError(f"answered with HTTP status {status}", where=where)
        if not body.strip():  # Bridge's answer to unknown calls
            raise BridgeError(
                "gave an empty answer: this version of Bridge does not know the call", where=where, remedy=GET_IT
            )
        try:
            answer = json.loads(body)
            said = answer["status"]["value"]
        except (ValueError, KeyError, TypeError) as error:
            raise BridgeError(f"answered {body[:80]!r}, which is not an answer of Bridge", where=where) from error
        if said not in _WELL:
            raise BridgeError(f"did not succeed: Bridge says {said!r}", where=where)
        assert isinstance(answer, dict)
        return answer

    def displays(self) -> list[ConnectedDisplay]:
        """Connected Looking Glasses, without the other monitors that Bridge lists, too."""
        payload = self.ask("available_output_devices").get("payload")
        if not isinstance(payload, dict):
            raise BridgeError("answered without a value", where=self._where("available_output_devices"))
        listed = payload.get("value")  # missing if no display is connected
        found = []
        for entry in listed.values() if isinstance(listed, dict) else ():
            made = _connected(entry)
            if made is not None:
                found.append(made)
        return sorted(found, key=lambda display: display.head)

    @contextmanager
    def events(self) -> Iterator["Events"]:
        """Receive Bridge's events of this session inside the block."""
        try:
            from websockets.exceptions import WebSocketException
            from websockets.sync.client import connect
        except ImportError as error:
            raise BridgeError(
                "the package websockets is missing", remedy="pip install 'holodriver[lookingglass]'"
            ) from error

        host = f"[{self.host}]" if ":" in self.host else self.host
        address = f"ws://{host}:{self.event_port}/event_source"
        try:
            connection = connect(address, open_timeout=self.patience, close_timeout=1.0, proxy=None)
        except (OSError, WebSocketException) as error:
            raise BridgeError(f"tells no events: {error}", where=address, remedy=GET_IT) from error
        with connection:
            connection.send(json.dumps({"subscribe_orchestration_events": self.token}))
            events = Events()
            reader = threading.Thread(target=events.read, args=(connection,), daemon=True)
            reader.start()
            yield events

    def _value(self, answer: dict[str, Any], endpoint: str) -> Any:
        try:
            return answer["payload"]["value"]
        except (KeyError, TypeError) as error:
            raise BridgeError("answered without a value", where=self._where(endpoint)) from error

    def _where(self, endpoint: str) -> str:
        return f"Bridge at {self.host}:{self.http_port}, {endpoint}"


class Events:
    """Events of Bridge, received in a separate thread."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[BridgeEvent | None] = queue.SimpleQueue()
        self.ended = False
        """Whether Bridge closed the connection."""

    def read(self, connection: Any) -> None:
        """Receive events until the connection is closed."""
        from websockets.exceptions import WebSocketException

        with suppress(OSError, WebSocketException):
            for message in connection:
                event = _event(message)
                if event is not None:
                    self._queue.put(event)
        self._queue.put(None)

    def within(self, seconds: float) -> Iterator[BridgeEvent]:
        """Events until the given number of seconds has passed or the connection is closed."""
        end = time.monotonic() + seconds
        while not self.ended and (left := end - time.monotonic()) > 0:
            try:
                # short waits, because on Windows a long one would block Ctrl-C
                event = self._queue.get(timeout=min(left, 0.2))
            except queue.Empty:
                continue
            if event is None:
                self.ended = True
                return
            yield event


def _event(message: Any) -> BridgeEvent | None:
    try:
        values = {name: held["value"] for name, held in json.loads(message)["payload"]["value"].items()}
        return BridgeEvent(str(values["event"]), values)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # an answer to the subscription, or an event of a later version


def _connected(entry: Any) -> ConnectedDisplay | None:
    """Looking Glass described by an entry of Bridge's list; None for other monitors."""
    try:
        values = {name: held["value"] for name, held in entry["value"].items()}
        calibration, quilt = (_object(values.get(name)) for name in ("calibration", "defaultQuilt"))
    except (KeyError, TypeError, AttributeError):
        return None
    hardware = str(values.get("hardwareVersion", ""))
    if hardware == "thirdparty" or not calibration:
        return None
    serial = str(calibration.get("serial", ""))
    model = model_of(serial)
    try:
        display = _as_told(model or LOOKING_GLASSES["portrait"], serial, hardware, calibration, quilt)
        return ConnectedDisplay(
            int(values.get("index", 0)), serial, hardware, str(values.get("state", "")), display, model is not None
        )
    except (TypeError, ValueError, InputError):
        return None


def model_of(serial: str) -> LookingGlass | None:
    """Model with a serial number such as "LKG-E01234"; None if it is not in `LOOKING_GLASSES`."""
    fitting = [model for model in LOOKING_GLASSES.values() if model.hardware and serial.startswith(model.hardware)]
    return max(fitting, key=lambda model: len(model.hardware), default=None)


def _as_told(
    model: LookingGlass, serial: str, hardware: str, calibration: dict[str, Any], quilt: dict[str, Any]
) -> LookingGlass:
    """Model with the values that Bridge reports in place of its defaults."""
    told: dict[str, Any] = {}
    if {"tileX", "tileY"} <= quilt.keys():
        told |= {"columns": int(quilt["tileX"]), "rows": int(quilt["tileY"])}
    if {"quiltX", "quiltY"} <= quilt.keys():
        told["quilt"] = (int(quilt["quiltX"]), int(quilt["quiltY"]))
    if float(quilt.get("quiltAspect", 0)) > 0:
        told["aspect"] = float(quilt["quiltAspect"])
    screen = tuple(int(_number(calibration.get(name))) for name in ("screenW", "screenH"))
    if min(screen) > 0:
        told["screen"] = screen
    if (cone := _number(calibration.get("viewCone"))) > 0:
        told["view_cone"] = cone
    return replace(model, name=serial or hardware, label=f"{hardware} {serial}".strip(), **told)


def _number(value: Any) -> float:
    """Number in a calibration, which may be wrapped in an object."""
    value = value.get("value") if isinstance(value, dict) else value
    return float(value) if isinstance(value, (int, float)) else 0.0


def _object(text: Any) -> dict[str, Any]:
    if not isinstance(text, str) or not text.strip():
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
