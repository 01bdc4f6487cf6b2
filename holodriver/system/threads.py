"""Work on several planes or colours side by side, one thread each."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """`work` on each item, as many at a time as torch may use threads; results in the order of the items.

    Inside, torch computes with one thread: its own threads share one small transform and wait for each other at every
    step, which on a machine with anything else to do takes many times as long as the transform.
    """
    return list(_pool(torch.get_num_threads()).map(work, items))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "holodriver", initializer=torch.set_num_threads, initargs=(1,))
