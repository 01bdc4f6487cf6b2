"""Tiny seeded networks of the supported families, saved in the format of the Hugging Face hub."""

import json
from pathlib import Path

import pytest
import torch
from transformers import (
    BitConfig,
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    Dinov2Config,
    DPTConfig,
    DPTForDepthEstimation,
)

HALF = {
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
    "do_normalize": True,
    "image_processor_type": "DPTImageProcessor",
}


def _save(model: torch.nn.Module, folder: Path) -> Path:
    for module in model.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(module.weight)  # or what comes out would be 1e-10 everywhere
    last = [module for module in model.head.modules() if isinstance(module, torch.nn.Conv2d)][-1]
    torch.nn.init.uniform_(last.weight, 0, 0.5)  # and not cut off by the last rectifier
    torch.nn.init.ones_(last.bias)
    model.save_pretrained(folder)
    settings = {**HALF, "size": {"height": 96, "width": 96}, "keep_aspect_ratio": False, "ensure_multiple_of": 1}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def dpt_config(**settings) -> DPTConfig:
    return DPTConfig(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=96,
        patch_size=16,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        **settings,
    )


@pytest.fixture(scope="session")
def dpt_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DPT with a vision transformer, as Intel/dpt-large."""
    torch.manual_seed(0)
    model = DPTForDepthEstimation(dpt_config(backbone_out_indices=[0, 1, 2, 3]))
    return _save(model, tmp_path_factory.mktemp("models") / "dpt")


@pytest.fixture(scope="session")
def hybrid_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DPT with convolutions below the transformer, as Intel/dpt-hybrid-midas."""
    torch.manual_seed(1)
    backbone = BitConfig(
        global_padding="same",
        layer_type="bottleneck",
        depths=[1, 1, 1],
        hidden_sizes=[16, 24, 32],
        embedding_size=8,
        num_groups=4,
        out_features=["stage1", "stage2", "stage3"],
        embedding_dynamic_padding=True,
    )
    config = dpt_config(
        is_hybrid=True,
        backbone_config=backbone,
        backbone_featmap_shape=[1, 32, 6, 6],
        backbone_out_indices=[0, 1, 2, 3],
        neck_ignore_stages=[0, 1],
        readout_type="project",
    )
    config.neck_hidden_sizes = [16, 24, 16, 16]
    return _save(DPTForDepthEstimation(config), tmp_path_factory.mktemp("models") / "hybrid")


@pytest.fixture(scope="session")
def depth_anything_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Depth Anything."""
    torch.manual_seed(2)
    backbone = Dinov2Config(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=98,
        patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=32,
        patch_size=14,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        head_hidden_size=8,
    )
    return _save(DepthAnythingForDepthEstimation(config), tmp_path_factory.mktemp("models") / "depth_anything")
