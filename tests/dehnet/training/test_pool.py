"""The pool of focal stacks: records are read back as written, whichever process makes them."""

from pathlib import Path

import numpy as np
import pytest

from holodriver.dehnet.training.making import add_rendered, fill, layered_stack
from holodriver.dehnet.training.pool import Pool, PoolSize
from holodriver.errors import FileFormatError, InputError
from holodriver.files.stack import write_stack
from holodriver.progress import silent

SIZE = PoolSize(records=6, size=32, planes=3, colours=3, coc_max=2.0)


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    pool, stack = Pool(tmp_path / "a.pool", SIZE), layered_stack(1, SIZE).exposed()
    pool.put(4, stack)
    record = Pool(tmp_path / "a.pool").get(4)
    np.testing.assert_allclose(record.images, stack.images, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(record.all_in_focus, stack.all_in_focus, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(record.depths, stack.depths, atol=1e-5)
    np.testing.assert_allclose(record.all_in_focus_depth, stack.all_in_focus_depth, atol=1e-5)
    assert pool.made().tolist() == [4]
    assert pool.missing().tolist() == [0, 1, 2, 3, 5]


def test_processes_make_the_same_records_as_one(tmp_path: Path) -> None:
    pool = Pool(tmp_path / "a.pool", SIZE)
    pool.put(0, layered_stack(0, SIZE))
    for process in fill(pool.folder, 2):
        process.join()
        assert process.exitcode == 0
    assert len(pool.missing()) == 0
    alone = Pool(tmp_path / "b.pool", SIZE)
    alone.put(5, layered_stack(5, SIZE))
    np.testing.assert_array_equal(pool.get(5).images, alone.get(5).images)
    assert fill(pool.folder, 2) == []  # nothing is missing


def test_another_size_is_refused(tmp_path: Path) -> None:
    Pool(tmp_path / "a.pool", SIZE)
    with pytest.raises(InputError, match="has room for"):
        Pool(tmp_path / "a.pool", PoolSize(6, 64, 3, 3, 2.0))
    with pytest.raises(InputError, match="no pool"):
        Pool(tmp_path / "nothing")
    with pytest.raises(InputError, match="images"):
        Pool(tmp_path / "a.pool").put(0, layered_stack(0, PoolSize(1, 16, 3, 3, 2.0)))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "holodriver pool of focal stacks", "version": 9}'])
def test_a_foreign_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pool.json").write_text(text)
    with pytest.raises(FileFormatError, match=r"pool\.json"):
        Pool(tmp_path)


def test_a_spoiled_array_is_refused(tmp_path: Path) -> None:
    Pool(tmp_path / "a.pool", SIZE)
    (tmp_path / "a.pool" / "depths.npy").write_bytes(b"no array")
    with pytest.raises(FileFormatError, match=r"depths\.npy"):
        Pool(tmp_path / "a.pool")


def test_crops_of_rendered_stacks(tmp_path: Path) -> None:
    large = layered_stack(3, PoolSize(1, 48, 3, 3, 2.0))
    write_stack(large, tmp_path / "x.stack")
    pool = Pool(tmp_path / "a.pool", SIZE)
    assert add_rendered(pool, [tmp_path / "x.stack"], 3, seed=0) == 3
    whole = large.exposed().images
    found = pool.get(0).images.astype(np.float32)
    scale = None
    for y in range(17):  # somewhere in the stack, but for its own exposure
        for x in range(17):
            part = whole[..., y : y + 32, x : x + 32]
            ratio = found.sum() / part.sum()
            if np.abs(found - ratio * part).max() < 2e-2:
                scale = ratio
    assert scale is not None
    with pytest.raises(InputError, match="do not fit"):
        add_rendered(pool, [tmp_path / "x.stack"], 4, seed=0)
    write_stack(layered_stack(3, PoolSize(1, 48, 5, 3, 2.0)), tmp_path / "y.stack")
    with pytest.raises(InputError, match="5 planes"):
        add_rendered(pool, [tmp_path / "y.stack"], 1, seed=0)


def test_waiting_for_nobody_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 records, 2 are needed"):
        Pool(tmp_path / "a.pool", SIZE).wait_for(2, silent, lambda: False)
