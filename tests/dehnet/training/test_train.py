"""The training loop: it learns, continues after a stop, and several processes learn like one."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from holodriver.cli.app import main
from holodriver.dehnet.architecture import DEHNet, DEHNetShape, NetworkOptics
from holodriver.dehnet.training.pool import Pool
from holodriver.dehnet.training.recipe import PAPER, QUICK, Recipe
from holodriver.dehnet.training.train import Trainer
from holodriver.errors import FileFormatError, InputError
from holodriver.files.profile import write_profile
from holodriver.files.weights import load_weights, save_weights
from holodriver.optics.display import REFERENCE

SHAPE = DEHNetShape(4, 6)
SHORT = replace(QUICK, steps=24, learning_rate=5e-3, rounded_steps=6)


def trainer(pool: Pool, recipe: Recipe = SHORT, **settings: object) -> Trainer:
    return Trainer(pool, SHAPE, NetworkOptics.of(REFERENCE, 1), recipe, validate_every=6, **settings)  # type: ignore[arg-type]


def test_it_learns(pool: Pool) -> None:
    learner = trainer(pool, replace(SHORT, steps=150))
    learner.run()
    losses = [row["validation"] for row in learner.state.history]
    assert losses[-1] < 0.9 * losses[0]


def test_resumed_it_ends_as_if_undisturbed(pool: Pool, tmp_path: Path) -> None:
    whole = trainer(pool).run()
    first = trainer(pool)
    first.run(tmp_path / "c.checkpoint", deadline=lambda: first.state.step >= 12)
    second = trainer(pool)
    second.resume(tmp_path / "c.checkpoint")
    assert second.state.step == 12
    resumed = second.run(tmp_path / "c.checkpoint")
    for name, tensor in whole.tensors.items():
        torch.testing.assert_close(resumed.tensors[name], tensor, rtol=0, atol=0)
    with (tmp_path / "c.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [6, 12, 18, 24]


def test_an_ended_training_is_rounded_anew(pool: Pool, tmp_path: Path) -> None:
    first = trainer(pool).run(tmp_path / "c.checkpoint")
    again = trainer(pool)
    again.resume(tmp_path / "c.checkpoint")
    plain = again.weights()
    rounded = again.run(tmp_path / "c.checkpoint")
    assert again.state.step == SHORT.steps
    for name, tensor in first.tensors.items():
        torch.testing.assert_close(rounded.tensors[name], tensor, rtol=0, atol=0)
    assert any(not torch.equal(plain.tensors[name], tensor) for name, tensor in rounded.tensors.items())


def test_a_single_rounded_step_is_no_larger_than_its_rate(pool: Pool) -> None:
    learner = trainer(pool, replace(SHORT, steps=2, rounded_steps=0))
    before = {name: tensor.clone() for name, tensor in learner.run().tensors.items()}
    learner.recipe = replace(SHORT, steps=2, rounded_steps=1, rounded_rate=1e-3)
    after = learner.run().tensors
    moved = max(float((after[name] - tensor).abs().max()) for name, tensor in before.items())
    assert 0 < moved < 1.001e-3  # Adam's first step is its rate at most; a weight near 1 rounds at 1e-7


def test_normalised_then_fused(pool: Pool) -> None:
    recipe = replace(PAPER, steps=8, batch=2, accumulate=2, patience=0, reset_epochs=1)
    learner = trainer(pool, recipe)
    weights = learner.run()
    assert [row["stage"] for row in learner.state.history] == [0, 0, 1, 1]
    DEHNet(SHAPE).load_state_dict(weights.tensors)  # no batch normalisation is left


def test_it_stops_when_nothing_improves(pool: Pool) -> None:
    learner = trainer(pool, replace(SHORT, steps=1000, learning_rate=1e-12, patience=2))
    learner.run()
    assert learner.state.step == 18  # the first validation is the best, and two more are not better


def test_killed_between_the_stages_it_takes_no_step_more(pool: Pool, tmp_path: Path) -> None:
    recipe = replace(PAPER, steps=6, batch=2, accumulate=1)
    path, first = tmp_path / "c.checkpoint", trainer(pool, recipe)
    save, first.save = first.save, lambda to: save(to) if first.state.stage == 0 else None  # type: ignore[method-assign]
    whole = first.run(path)
    second = trainer(pool, recipe)
    second.resume(path)
    assert (second.state.stage, second.state.step) == (0, 6)
    resumed = second.run(path)
    assert [row["step"] for row in second.state.history] == [6, 6]
    for name, tensor in whole.tensors.items():
        torch.testing.assert_close(resumed.tensors[name], tensor, rtol=0, atol=0)


def test_ended_for_lack_of_improvement_it_takes_no_step_more(pool: Pool, tmp_path: Path) -> None:
    recipe = replace(SHORT, steps=1000, learning_rate=1e-12, patience=1, rounded_steps=0)
    trainer(pool, recipe).run(tmp_path / "c.checkpoint")
    again = trainer(pool, recipe)
    again.resume(tmp_path / "c.checkpoint")
    again.run(tmp_path / "c.checkpoint")
    assert again.state.step == 12


def test_other_checkpoints_are_refused(pool: Pool, tmp_path: Path) -> None:
    learner = trainer(pool)
    learner.save(tmp_path / "c.checkpoint")
    other = Trainer(pool, DEHNetShape(6, 6), NetworkOptics.of(REFERENCE, 1), SHORT)
    with pytest.raises(FileFormatError, match="network of"):
        other.resume(tmp_path / "c.checkpoint")
    (tmp_path / "d.checkpoint").write_bytes(b"nothing")
    with pytest.raises(FileFormatError, match=r"d\.checkpoint"):
        learner.resume(tmp_path / "d.checkpoint")


def test_a_checkpoint_of_another_training_is_refused_by_name(pool: Pool, tmp_path: Path) -> None:
    path, weights = tmp_path / "c.checkpoint", trainer(pool).weights()
    trainer(pool, start=weights).save(path)
    other = replace(weights, tensors={name: tensor + 1 for name, tensor in weights.tensors.items()})
    red = Trainer(pool, SHAPE, NetworkOptics.of(REFERENCE, 0), SHORT)
    for wrong, said in (
        (red, "its wavelength is 5.15e-07, expected 6.38e-07"),
        (trainer(pool, replace(SHORT, optimiser="adam")), "its optimiser is muon, expected adam"),
        (trainer(pool, seed=3), "its seed is 0, expected 3"),
        (trainer(pool, start=other), "not begun from the weights given"),
    ):
        with pytest.raises(FileFormatError, match=said):
            wrong.resume(path)
    trainer(pool, replace(SHORT, steps=99, learning_rate=1e-3), start=weights).resume(path)
    trainer(pool).resume(path)


def test_checkpoints_without_optics_are_still_read(pool: Pool, tmp_path: Path) -> None:
    """Those of the networks that come along say no more than this."""
    path = tmp_path / "c.checkpoint"
    trainer(pool).save(path)
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["holodriver"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    kept = {name: about[name] for name in ("state", "shape", "recipe")}
    save_file(tensors, path, metadata={"holodriver": json.dumps(kept)})
    trainer(pool, seed=3).resume(path)
    with pytest.raises(FileFormatError, match="not begun from"):
        trainer(pool, start=trainer(pool).weights()).resume(path)


@pytest.mark.parametrize("change", [{"learning_rate": 0.0}, {"batch": 0}, {"average": 1.0}, {"steps": 0}])
def test_recipes_that_cannot_be(change: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        replace(QUICK, **change)  # type: ignore[arg-type]


def test_the_command(pool: Pool, tmp_path: Path) -> None:
    output = tmp_path / "green.safetensors"
    command = ["train", "network", str(output), "--pool", str(pool.folder), "--shape", "4x6"]
    command += [
        "--recipe",
        "quick",
        "--steps",
        "5",
        "--rounded-steps",
        "2",
        "--workers",
        "0",
        "--profile",
        str(_profile(tmp_path)),
    ]
    assert main(command) == 0
    weights = load_weights(output)
    assert weights.training["steps"] == 5
    assert weights.optics["wavelength"] == REFERENCE.wavelengths[1]
    assert main(command) == 2  # it is there
    assert main([*command, "--overwrite", "--colour", "7"]) == 2


def test_a_pool_too_small_for_the_recipe_is_refused(tmp_path: Path, capsys) -> None:
    folder, output = tmp_path / "a.pool", tmp_path / "a.safetensors"
    assert main(["train", "pool", str(folder), "--records", "20", "--size", "32"]) == 0
    command = ["train", "network", str(output), "--pool", str(folder)]
    assert main([*command, "--dry-run"]) == 2
    assert "take --records 64 in a new pool, or --batch 5" in capsys.readouterr().err
    assert main([*command, "--batch", "5", "--dry-run"]) == 0
    assert not output.exists()


def test_a_pool_of_other_stacks_is_refused_by_name(pool: Pool, tmp_path: Path, capsys) -> None:
    command = ["train", "network", str(tmp_path / "a.safetensors"), "--dry-run", "--batch", "2"]
    making = ["train", "pool", str(pool.folder), "--dry-run"]
    fitting = ["--profile", str(_profile(tmp_path))]
    assert main([*command, "--pool", str(pool.folder), *fitting]) == 0
    assert main([*making, *fitting, "--records", "20", "--size", "40"]) == 0
    capsys.readouterr()
    odd = Pool(tmp_path / "odd.pool", replace(pool.size, size=42)).folder
    write_profile(tmp_path / "blurred.toml", replace(REFERENCE, planes=5, coc_max=4.0))
    blurred = ["--profile", str(tmp_path / "blurred.toml")]
    for wrong, said in (
        ([*command, "--pool", str(pool.folder)], "planes 5, expected 21"),
        ([*command, "--pool", str(pool.folder), *blurred], "coc_max 3, expected 4"),
        ([*making, *blurred], "coc_max 3, expected 4"),
        ([*making, *fitting, "--size", "64"], "size 40, expected 64"),
        ([*making, *fitting, "--records", "64"], "records 20, expected 64"),
        (
            [*command, *fitting, "--pool", str(odd), "--shape", "12x34/4"],
            "odd.pool: has stacks of 42², expected a multiple of the fold",
        ),
        ([*command, "--shape", "12"], "--shape: is '12', expected channels and convolutions"),
    ):
        assert main(wrong) == 2
        assert said in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="torchrun's gloo needs a POSIX system")
def test_two_processes_learn_as_one(pool: Pool, tmp_path: Path) -> None:
    output = tmp_path / "green.safetensors"
    command = ["train", "network", str(output), "--pool", str(pool.folder), "--shape", "4x6"]
    command += [
        "--recipe",
        "quick",
        "--steps",
        "3",
        "--rounded-steps",
        "0",
        "--workers",
        "0",
        "--profile",
        str(_profile(tmp_path)),
    ]
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "holodriver"]
    subprocess.run([*run, *command], check=True, capture_output=True, timeout=300)
    both = load_weights(output).tensors
    DEHNet(SHAPE).load_state_dict(both)
    alone = tmp_path / "alone.safetensors"
    assert main([*command[:2], str(alone), *command[3:]]) == 0
    # what one of them did is what it does alone; the other's samples have changed it
    assert any(not torch.equal(both[name], tensor) for name, tensor in load_weights(alone).tensors.items())


@pytest.mark.skipif(sys.platform == "win32", reason="torchrun's gloo needs a POSIX system")
def test_the_first_of_two_processes_fills_the_pool(tmp_path: Path) -> None:
    profile = ["--profile", str(_profile(tmp_path))]
    assert main(["train", "pool", str(tmp_path / "new.pool"), "--records", "16", "--size", "32", *profile]) == 0
    command = ["train", "network", str(tmp_path / "a.safetensors"), "--pool", str(tmp_path / "new.pool"), *profile]
    command += ["--recipe", "quick", "--steps", "1", "--rounded-steps", "0", "--shape", "4x6"]
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "holodriver"]
    subprocess.run([*run, *command], check=True, capture_output=True, timeout=300)
    assert len(Pool(tmp_path / "new.pool").made()) >= 8  # four batches of two


@pytest.mark.skipif(sys.platform == "win32", reason="torchrun's gloo needs a POSIX system")
def test_the_clock_of_the_first_process_counts(pool: Pool, tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(f"""
from pathlib import Path
from holodriver.optics.display import REFERENCE
from holodriver.dehnet.architecture import DEHNetShape, NetworkOptics
from holodriver.dehnet.training import parallel
from holodriver.dehnet.training.pool import Pool
from holodriver.dehnet.training.recipe import QUICK
from holodriver.dehnet.training.train import Trainer
from dataclasses import replace

parallel.join()
recipe = replace(QUICK, steps=3, rounded_steps=0)
trainer = Trainer(Pool(Path({str(pool.folder)!r})), DEHNetShape(4, 6), NetworkOptics.of(REFERENCE, 1), recipe)
trainer.run(deadline=lambda: parallel.rank() == 1)
parallel.leave()
assert trainer.state.step == 3
""")
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    subprocess.run(run, check=True, capture_output=True, timeout=300)


def test_weights_come_back(tmp_path: Path, pool: Pool) -> None:
    weights = trainer(pool, replace(SHORT, steps=1)).run()
    save_weights(tmp_path / "w.safetensors", weights)
    again = load_weights(tmp_path / "w.safetensors")
    assert (again.shape, again.optics, again.norm) == (weights.shape, weights.optics, False)
    for name, tensor in weights.tensors.items():
        assert torch.equal(again.tensors[name], tensor)
    (tmp_path / "x.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    for name in ("x.safetensors", "none.safetensors"):
        with pytest.raises(FileFormatError, match=name):
            load_weights(tmp_path / name)


def _profile(folder: Path) -> Path:
    path = folder / "display.toml"
    if not path.exists():
        write_profile(path, replace(REFERENCE, planes=5, coc_max=3.0))
    return path
