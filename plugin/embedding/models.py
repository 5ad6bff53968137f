# SPDX-License-Identifier: Apache-2.0
"""Models: torchvision's classification models without their last layer."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

from ...importers.files import expand_home
from ...importers.tracks import InputError
from .crops import CROP_SIZE

#: What torchvision calls the layer that turns features into classes.
_HEADS = ("fc", "classifier", "heads", "head")
#: Mean and standard deviation of ImageNet's red, green and blue, in [0, 1].
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


class Embedder(nn.Module):
    """A model that turns crops into vectors."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, backbone: nn.Module) -> None:
        """Create the model."""
        super().__init__()
        self.backbone = backbone
        # Not part of the weights, whose digest identifies the model
        for name, values in (("mean", _MEAN), ("deviation", _DEVIATION)):
            column = 255 * torch.tensor(values)[:, None, None]
            self.register_buffer(name, column, persistent=False)

    def forward(self, crops: Tensor) -> Tensor:
        """Embed crops.

        Args:
            crops: uint8 tensor ``(b, 3, height, width)``, RGB

        Returns:
            tensor ``(b, d)``
        """
        vectors: Tensor = self.backbone(self.normalize(crops))
        return vectors.flatten(1)

    def normalize(self, crops: Tensor) -> Tensor:
        """Normalize crops as torchvision's models were trained on ImageNet.

        Args:
            crops: uint8 tensor ``(b, 3, height, width)``, RGB

        Returns:
            float tensor of that shape
        """
        pixels = crops.to(torch.float32, memory_format=torch.channels_last)
        return pixels.sub_(self.mean).div_(self.deviation)


@dataclass(frozen=True)
class Model:
    """A model that is ready to use.

    Attributes:
        embedder: the model, on its device and in evaluation mode
        device: the device
        dimension: the length of its vectors
        key: a file name that identifies the model, its weights and the size of its
            crops
    """

    embedder: Embedder
    device: torch.device
    dimension: int
    key: str


def load_model(name: str, device: str | None = None) -> Model:
    """Load a model.

    Args:
        name: the name of a torchvision classification model, whose default weights
            are downloaded at first use; or ``NAME:FILE`` with a local file of its
            weights, a state dict saved by torch, with or without a head for any
            number of classes
        device (None): the torch device to use, by default a GPU if there is one

    Raises:
        InputError: if there is no such model or device, if its weights cannot be
            downloaded or read or are those of another model, or if it does not accept
            crops of this size
    """
    architecture, _, weights = name.partition(":")
    if architecture not in torchvision.models.list_models(torchvision.models):
        message = "not a torchvision classification model; expected one like resnet18"
        raise InputError(architecture, message)
    if weights:
        backbone = _load_file(architecture, expand_home(weights))
    else:
        backbone = _remove_head(_download(architecture))
    embedder = Embedder(backbone).eval().requires_grad_(False)
    embedder = embedder.to(memory_format=torch.channels_last)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        embedder = embedder.to(device)
    except (RuntimeError, AssertionError) as error:
        message = "no torch device of this machine; expected one like cpu or cuda"
        raise InputError(device, message) from error
    height, width = CROP_SIZE
    blank = torch.zeros((1, 3, height, width), dtype=torch.uint8, device=device)
    try:
        dimension = embedder(blank).shape[1]
    except (RuntimeError, AssertionError) as error:
        message = f"does not accept {width}x{height} images; expected one like resnet18"
        raise InputError(architecture, message) from error
    key = f"{architecture}-{_digest(embedder)}-{height}x{width}"
    return Model(embedder, torch.device(device), dimension, key)


def _download(architecture: str) -> nn.Module:
    try:
        model: nn.Module = torchvision.models.get_model(architecture, weights="DEFAULT")
        return model
    except (OSError, RuntimeError) as error:
        raise InputError(
            architecture,
            f"its weights cannot be downloaded ({error}); expected network access, or "
            f"a local file, given as {architecture}:weights.pth",
        ) from error


def _load_file(architecture: str, path: Path) -> nn.Module:
    expected = f"expected weights of {architecture} saved by torch"
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(path, f"{error.strerror or error}; {expected}") from error
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(path, f"cannot be read; {expected}") from error
    backbone = _remove_head(torchvision.models.get_model(architecture, weights=None))
    if not isinstance(weights, dict):
        raise InputError(path, f"a {type(weights).__name__}; {expected}")
    named = {key: value for key, value in weights.items() if not _of_head(key)}
    try:
        backbone.load_state_dict(named)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise InputError(path, f"the weights do not fit; {expected}") from error
    return backbone


def _of_head(name: object) -> bool:
    return str(name).partition(".")[0] in _HEADS


def _remove_head(model: nn.Module) -> nn.Module:
    for name in _HEADS:
        if hasattr(model, name):
            setattr(model, name, nn.Identity())
    return model


def _digest(model: nn.Module) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
