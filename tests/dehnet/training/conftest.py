"""A small pool of random layered scenes, made once."""

from collections.abc import Iterator

import pytest
import torch

from holodriver.dehnet.training.making import layered_stack
from holodriver.dehnet.training.pool import Pool, PoolSize

SIZE = PoolSize(records=20, size=40, planes=5, colours=3, coc_max=3.0)


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    made = Pool(tmp_path_factory.mktemp("training") / "small.pool", SIZE)
    for number in range(SIZE.records):
        made.put(number, layered_stack(number, SIZE))
    return made


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The same sums in the same order, however many cores there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
