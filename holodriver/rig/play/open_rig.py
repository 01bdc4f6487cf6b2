"""Open the panel and the lasers that a rig file describes."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection

import numpy as np

from holodriver.errors import RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.laser_driver import LaserDriver
from holodriver.rig.lasers.makes import HeadSetup, LaserSetup, open_controller
from holodriver.rig.lasers.supervisor import LaserSupervisor
from holodriver.rig.panel.panel import Held, Panel
from holodriver.rig.panel.panel_process import PanelProcess
from holodriver.rig.panel.window import WindowPanel
from holodriver.rig.play.frame_reader import Orientation
from holodriver.rig.play.light import Timing
from holodriver.rig.settings import Rig
from holodriver.rig.simulated.simulated_box import SimulatedBox, send_edge
from holodriver.rig.simulated.simulated_panel import SimulatedPanel
from holodriver.rig.simulated.simulated_rig import SIMULATED, Simulation


class OpenRig:
    """The open panel and lasers of a rig; leaving the `with` block makes the lasers dark and ends all processes.

    Args:
        rig: settings of the rig.
        panel: the panel, in the display process.
        box: the simulated laser controller, if the rig has one.
    """

    def __init__(self, rig: Rig, panel: PanelProcess, box: SimulatedBox | None = None):
        self.rig, self.panel, self.box = rig, panel, box
        self._supervisor: LaserSupervisor | None = None

    def __enter__(self) -> "OpenRig":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def has_lasers(self) -> bool:
        """Whether the rig file names a controller."""
        return bool(self.rig.controller.port)

    def setup(self) -> LaserSetup:
        """Describe the rig's lasers for the function that opens them.

        Raises:
            RigError: the rig has no lasers.
        """
        return laser_setup(self.rig, self.box)

    @contextmanager
    def controller(self) -> Iterator[LaserDriver]:
        """Connect to the laser controller, dark and disarmed, for checks; the end of the block disconnects it.

        Raises:
            RigError: the rig has no controller, or the controller does not answer.
        """
        setup = self.setup()
        with open_controller(setup.port, setup.make) as lasers:
            yield lasers

    def supervisor(self) -> LaserSupervisor:
        """Start the process that holds the lasers, dark and disarmed; `close` ends the process.

        Raises:
            RigError: the rig has no lasers, or the lasers do not answer.
        """
        if self._supervisor is None:
            self._supervisor = LaserSupervisor.open(self.setup())
        return self._supervisor

    def close(self) -> None:
        """Make the lasers dark, then end all processes. Closing twice is allowed."""
        try:
            if self._supervisor is not None:
                self._supervisor.close()
        finally:
            try:
                self.panel.close()
            finally:
                if self.box is not None:
                    self.box.close()


def open_rig(rig: Rig, *, small: bool = False, simulation: Simulation | None = None) -> OpenRig:
    """Open the panel of a rig, and the laser controller if it is simulated.

    Args:
        rig: settings of the rig.
        small: frames come at the hologram's size, and the panel enlarges them.
        simulation: faults of simulated parts, and whether a simulated panel remembers what it showed; no faults and no
            memory unless given.

    Raises:
        RigError: the monitor was not found, or a process did not start.
    """
    simulation = Simulation() if simulation is None else simulation
    box: SimulatedBox | None = None
    edges = wire = None
    if rig.controller.port == SIMULATED:
        edges, wire = multiprocessing.Pipe(duplex=False)
    try:
        if edges is not None:
            limits = tuple(max(watts, 1e-9) for watts in rig.limits.watts)
            unplug_s = simulation.faults.unplug or None
            box = SimulatedBox.open(
                edges, transport=simulation.transport, power_limits_w=limits, unplug_after_s=unplug_s
            )
        make = panel_maker(rig, wire, small=small, simulation=simulation)
        return OpenRig(rig, PanelProcess(make, rig.panel.native_shape, flip_rate(rig)), box)
    except BaseException:
        if box is not None:
            box.close()
        raise
    finally:
        for end in (edges, wire):  # each end stays open in one process only, so that each sees the other close
            if end is not None:
                end.close()


def laser_setup(rig: Rig, box: SimulatedBox | None = None) -> LaserSetup:
    """Describe the lasers of a rig as the rig file names them, or the simulated `box` in place of the controller.

    Raises:
        RigError: the rig has no controller.
    """
    if not rig.controller.port:
        raise RigError("the rig has no laser controller", where=rig.name, remedy="set controller.port in its file")
    heads = {colour: getattr(rig.heads, colour.label).split() for colour in Colour}
    return LaserSetup(
        rig.controller.port if box is None else box.port,
        dict(zip(Colour, rig.limits.watts, strict=True)),
        make=rig.controller.make,
        heads={colour: HeadSetup(*written) for colour, written in heads.items() if written},
        watchdog_ms=rig.controller.watchdog_ms,
    )


def flip_rate(rig: Rig) -> float:
    """Rate of new frames on the panel, Hz: the refresh rate, divided by the dwell if sync edges come with frames."""
    return rig.panel.refresh_hz / (rig.sequence.dwell if rig.sequence.sync == "frame" else 1)


def panel_maker(rig: Rig, wire: Connection | None, *, small: bool, simulation: Simulation) -> Callable[[], Panel]:
    """Return the function that makes the panel in the display process; `open_rig` explains the arguments.

    Raises:
        RigError: the monitor was not found, or is not as the rig file says.
    """
    panel = rig.panel
    binning = panel.binning if small else 1
    if panel.monitor == SIMULATED:
        if rig.sequence.mode == "packed":
            raise RigError("the simulated panel shows no packed frames", remedy="set sequence.mode to 'external'")
        faults = simulation.faults
        return partial(
            SimulatedPanel,
            panel.native_shape,
            flip_rate(rig),
            wire,
            lose_edges=faults.flips(faults.lose, 0),
            repeat_frames=faults.flips(faults.drop, 1),
            delay_flips=faults.delays(2),
            binning=binning,
            remember=simulation.remembers,
        )
    make = partial(
        WindowPanel.open,
        panel.monitor,
        panel.native_shape,
        flip_rate(rig),
        binning=binning,
        allow_primary=panel.allow_primary,
        packed=rig.sequence.mode == "packed",
        refreshes=rig.sequence.dwell if rig.sequence.sync == "frame" else 1,
    )
    return make if wire is None else partial(WiredPanel, make, wire)


class WiredPanel(Panel):
    """A panel that sends a sync edge to a simulated laser controller with each flip, as a photodiode would.

    Args:
        make_panel: makes the visible panel.
        wire: writing end of the simulated sync wire.
    """

    def __init__(self, make_panel: Callable[[], Panel], wire: Connection):
        self._panel = make_panel()
        super().__init__(self._panel.native_shape, self._panel.refresh_hz, packed=self._panel.packed)
        self.synchronised, self.frame_shape = self._panel.synchronised, self._panel.frame_shape
        self._wire: Connection | None = wire

    def _flip_hw(self, frame: np.ndarray) -> None:
        flip = self._panel.show(frame)
        try:
            if self._wire is not None:
                send_edge(self._wire, flip.at_s)
        except OSError:
            self._wire = None  # the simulated controller has ended; the panel goes on

    def _forget_hw(self) -> None:
        self._panel.restart_timing()

    def rest(self) -> None:
        self._panel.rest()

    def close(self) -> None:
        self._panel.close()

    def held(self) -> Held | None:
        return self._panel.held()


def timing_of(rig: Rig, *, gated: bool = True) -> Timing:
    """Timing that keeps the rig's colours and frames in step; `gated` if the controller can hold light back."""
    sequence = rig.sequence
    colours = tuple(Colour[name.upper()] for name in sequence.order)
    packed = sequence.mode == "packed"
    again = sequence.dwell if sequence.sync == "refresh" and sequence.mode == "external" else 1
    edges = sequence.edges_per_frame if packed else 1
    steps: tuple[Colour | tuple[Colour, ...], ...] = tuple(colour for colour in colours for _ in range(again))
    if packed and edges == 1:  # the panel's own outputs keep its colours apart
        steps = (tuple(sorted(colours)),)
    endless = packed and (edges > 1 or sequence.sync == "refresh")
    return Timing(
        sequence.mode,  # type: ignore[arg-type]  # the rig file has checked it
        steps,
        (0,) if packed else tuple(plane for plane in range(len(colours)) for _ in range(again)),
        blanking_s=rig.blanking_s,
        on_time_s=rig.on_time_s,
        edges_per_frame=edges,
        edge_period_s=rig.slot_s if endless else 0.0,
        gated=gated,
        host_delay_s=sequence.host_delay_ms * 1e-3,
        dark_gap_s=sequence.dark_gap_ms * 1e-3,
        watchdog_ms=rig.controller.watchdog_ms,
    )


def orientation_of(rig: Rig) -> Orientation:
    """Colours, rotation and mirroring of frames on the rig's panel."""
    panel = rig.panel
    return Orientation(
        planes=tuple(Colour[name.upper()].value for name in rig.sequence.order),
        rotation=panel.rotation,
        flip_horizontal=panel.flip_horizontal,
        flip_vertical=panel.flip_vertical,
        packed=rig.sequence.mode == "packed",
    )
