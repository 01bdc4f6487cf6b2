"""The order of holograms in a play: position, pause and sweep, as a state machine without time or files."""

from copy import copy
from itertools import islice

from holodriver.errors import InputError, check, numbers


class Playlist:
    """The order of a play, one step for each cycle of colours.

    Args:
        count: number of holograms now; `extend` adds those of a stream.
        rate: holograms for each cycle; 1 shows each for one cycle, 0.5 for two, and above 1 some are left out.
        loop: begin again after the last hologram, without end.
        rounds: how often all holograms are shown without `loop`.
        complete: whether no further holograms will come.

    Raises:
        InputError: there are no holograms and none will come, or `rate` or `rounds` is not above 0.
    """

    def __init__(self, count: int, *, rate: float = 1.0, loop: bool = False, rounds: int = 1, complete: bool = True):
        if count < 1 and complete:
            raise InputError("there are no holograms to play")
        check("rate", rate, numbers(above=0, kind="holograms for each cycle of colours"))
        check("rounds", rounds, numbers(whole=True, least=1))
        self.count, self.complete, self.loop = count, complete, loop
        self.paused = False
        self.sweeping = False
        self.skipped = 0
        """Number of holograms left out because they come faster than the cycles of colours."""
        self.rate = rate
        """Holograms for each cycle of colours."""
        self._at = 0
        self._phase = 0.0
        self._forward = True
        self._over = False
        self._rounds_left = rounds

    @property
    def position(self) -> int:
        """Index of the hologram of the next cycle."""
        return self._at

    @property
    def finished(self) -> bool:
        """Whether the last hologram has been taken and no further holograms will come."""
        return self._over

    @property
    def waiting(self) -> bool:
        """Whether the next hologram has not come yet."""
        return not self._over and self._at >= self.count

    def take(self) -> int:
        """Return the index of this cycle's hologram, and step to that of the next cycle."""
        shown = self._at
        if self.paused:
            return shown
        self._phase += self.rate
        steps = int(self._phase + 1e-9)
        self._phase -= steps
        self.skipped += max(0, steps - 1)
        for _ in range(steps):
            self._step()
        return shown

    def upcoming(self, cycles: int) -> list[int]:
        """List the indices of the holograms of the next cycles, each once, in the order of their use."""
        ahead = copy(self)
        ahead.paused = False  # after a pause, the play goes on from here
        found: dict[int, None] = {}
        for _ in islice(range(cycles), cycles):
            if ahead.finished or ahead.waiting:
                break
            found[ahead.take()] = None
        return list(found)

    def extend(self, number: int = 1) -> None:
        """Add a number of new holograms at the end."""
        self.count += number

    def end(self) -> None:
        """Say that no further holograms will come."""
        self.complete = True
        if self._at >= self.count and not self.paused:
            self._run_out()

    def go(self, step: int) -> None:
        """Move by `step` holograms, round the ends; the sweep stops."""
        self.sweeping = False
        self._phase = 0.0
        self._over = False
        self._at = (min(self._at, self.count - 1) + step) % max(1, self.count)

    def go_to(self, hologram: int) -> None:
        """Move to the hologram with this index, from 0.

        Raises:
            InputError: there is no such hologram.
        """
        if not 0 <= hologram < self.count:
            raise InputError(f"there is no hologram {hologram + 1}, expected 1 to {self.count}")
        self.go(hologram - min(self._at, self.count - 1))

    def sweep(self, on: bool) -> None:
        """Switch the sweep: forth and back through all holograms without end, as through the focus of a scene."""
        self.sweeping = on
        self._over = False
        self._at = min(self._at, self.count - 1)

    def stop(self) -> None:
        """End the play at the current position."""
        self._over = True

    def _step(self) -> None:
        if self._over:
            return
        if self.sweeping and self.count > 1:
            if self._at >= self.count - 1:
                self._forward = False
            elif self._at <= 0:
                self._forward = True
            self._at += 1 if self._forward else -1
        elif self._at + 1 < self.count or not self.complete:
            self._at += self._at < self.count
        elif not self.sweeping:
            self._run_out()

    def _run_out(self) -> None:
        self._rounds_left -= 1
        if (self.loop or self._rounds_left > 0) and self.count:
            self._at = 0
        else:
            self._over = True
            self._at = max(0, self.count - 1)
