"""A block with fewer threads: every library obeys, and has its old number afterwards."""

import os

import cv2
import numba
import torch

from holodriver.system.machine import THREADS, limited_threads, threads_to_use


def test_every_library_keeps_to_the_limit_and_gets_its_threads_back() -> None:
    before = torch.get_num_threads(), cv2.getNumThreads(), numba.get_num_threads(), os.environ.get(THREADS)
    with limited_threads(1):
        assert (torch.get_num_threads(), cv2.getNumThreads(), numba.get_num_threads()) == (1, 1, 1)
        assert threads_to_use() == 1
    assert (torch.get_num_threads(), cv2.getNumThreads(), numba.get_num_threads(), os.environ.get(THREADS)) == before
    with limited_threads(None):
        assert torch.get_num_threads() == before[0]
