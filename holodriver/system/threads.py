"""Work on several planes or colours in parallel, each in one thread."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Apply `work` to each item, with as many threads as torch may use; returns the results in the order of the items.

    Inside `work`, torch uses one thread: its own threads would share one small transform and wait for each other at
    every step, which on a busy machine takes many times as long as the transform.
    """
    return list(_pool(torch.get_num_threads()).map(work, items))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "holodriver", initializer=torch.set_num_threads, initargs=(1,))
