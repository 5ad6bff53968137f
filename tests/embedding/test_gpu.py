# SPDX-License-Identifier: Apache-2.0
"""What a GPU is asked for, by a stand-in that computes on the CPU."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.plugin.embedding import embed
from fiftyone_track_audit.plugin.embedding.models import load_model
from made_tracks import make_tracks
from PIL import Image
from torch.utils.data import DataLoader

#: How many crops fit into the memory of the stand-in.
FITTING = 5


@pytest.fixture
def model(tmp_path):
    """The name of a small model."""
    torch.manual_seed(0)
    weights = torchvision.models.squeezenet1_1(weights=None).state_dict()
    torch.save(weights, tmp_path / "weights.pth")
    return f"squeezenet1_1:{tmp_path / 'weights.pth'}"


@pytest.fixture
def tracks(tmp_path):
    """Eight tracks in three frames of noise."""
    boxes = [
        (frame, track, 100 * track, 10, 40, 80)
        for frame in (1, 2, 3)
        for track in range(1, 9)
    ]
    made, random = make_tracks(boxes), np.random.default_rng(0)
    (sequence,) = made.sequences.values()
    for name in sequence.frame_names:
        pixels = random.integers(0, 255, (270, 480, 3), np.uint8)
        Image.fromarray(pixels).resize((1920, 1080)).save(tmp_path / name)
    return replace(made, sequences={"a": replace(sequence, frames_dir=tmp_path)})


@pytest.fixture
def gpu(monkeypatch):
    """A GPU: loads models for it, and notes what is done as it should be.

    What it is asked for otherwise than it should be raises an error.
    """
    seen = {"batches": [], "loaders": 0, "precision": 0}
    move = torch.Tensor.to

    def to(tensor, *arguments, **named):
        if arguments[:1] == (torch.device("cuda"),):
            assert named == {"non_blocking": True}
            assert tensor.dtype == torch.uint8
            return tensor
        return move(tensor, *arguments, **named)

    def load(*arguments, pin_memory, num_workers, multiprocessing_context, **named):
        assert pin_memory
        assert num_workers > 0
        assert multiprocessing_context == "fork"
        seen["loaders"] += 1
        return DataLoader(*arguments, **named)

    def autocast(kind, enabled):
        assert (kind, enabled) == ("cuda", True)
        seen["precision"] += 1
        return nullcontext()

    def forward(_, arguments):
        (pixels,) = arguments
        assert pixels.is_contiguous(memory_format=torch.channels_last)
        seen["batches"].append(len(pixels))
        if len(pixels) > FITTING:
            raise torch.cuda.OutOfMemoryError

    def load_model_for_it(name, device):
        assert device == "cuda:0"
        loaded = load_model(name, "cpu")
        loaded.embedder.backbone.register_forward_pre_hook(forward)
        convolution = loaded.embedder.backbone.features[3].squeeze.weight
        assert convolution.is_contiguous(memory_format=torch.channels_last)
        return replace(loaded, device=torch.device("cuda"))

    monkeypatch.setattr(torch.Tensor, "to", to)
    monkeypatch.setattr(torch, "autocast", autocast)
    monkeypatch.setattr(embed, "DataLoader", load)
    monkeypatch.setattr(embed, "load_model", load_model_for_it)
    embed._keep_model.cache_clear()
    embed._fitting.clear()
    yield seen
    embed._keep_model.cache_clear()
    embed._fitting.clear()


@pytest.mark.skipif(embed.sys.platform != "linux", reason="others do not fork safely")
def test_a_gpu_is_asked_for_what_makes_it_fast(model, tracks, tmp_path, request):
    expected = embed.embed_tracks(tracks, model=model, cache_dir=tmp_path / "cpu")
    seen = request.getfixturevalue("gpu")
    found = embed.embed_tracks(
        tracks, model=model, cache_dir=tmp_path / "gpu", device="cuda:0"
    )
    np.testing.assert_allclose(found, expected, rtol=1e-2, atol=1e-2)
    # The size is halved until it fits
    assert seen == {"batches": [24, 12, 6] + 8 * [3], "loaders": 1, "precision": 4}


def test_a_device_that_is_not_there(model):
    for device in ("cuda:99", "abacus"):
        with pytest.raises(InputError, match=rf"^{device}: no torch device"):
            load_model(model, device)
