# SPDX-License-Identifier: Apache-2.0
"""Make a sample sequence: a MOT folder, and labels with planted mistakes.

The frames, the true boxes and the labels all come from one seed, so every mistake
in the labels is known. The sequence has the layout of MOT Challenge, and the labels
are in the format that SageMaker Ground Truth returns for video object tracking.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm
from walkers import FRAME_RATE, Scene

NAME = "WALKERS-01"
#: One in so many frames is labeled.
LABEL_STEP = 2
#: Raise this when the same seed makes another sample than before.
_VERSION = 2
_EDGES = ["left", "top", "right", "bottom"]
#: Labeled frames between two mistakes of a track, and from a mistake to the ends of
#: its track.
_SPACING, _MARGIN = 10, 5
_SIZE_CHANGES = (1, 2, 3, 1, 2)
_SHIFTS = 3
_GHOST = 8
_JPEG_QUALITY = 88

Floats = npt.NDArray[np.float64]


def make_sample(
    folder: Path,
    seed: int = 0,
    seconds: float = 8,
    size: tuple[int, int] = (1920, 1080),
    walkers: int = 28,
    progress: bool = True,
) -> Path:
    """Make a sample sequence, unless the folder holds the same one already.

    Write ``WALKERS-01/`` (``img1/``, ``gt/gt.txt``, ``seqinfo.ini``),
    ``WALKERS-01-SeqLabel.json`` and ``WALKERS-01-planted.json``, whose
    ``mistakes`` each have ``kind``, ``track``, ``first_frame`` and
    ``last_frame`` (1-based positions among the labeled frames), ``frame_names`` and
    ``what``, a sentence.

    Args:
        folder: the folder to write to
        seed (0): the seed of everything that is chosen at random
        seconds (8): the length of the video
        size ((1920, 1080)): the width and height of the frames in pixels
        walkers (28): the number of walkers
        progress (True): whether to render a progress bar

    Returns:
        the sequence's folder
    """
    folder = Path(folder)
    recipe = {
        "version": _VERSION,
        "seed": seed,
        "seconds": seconds,
        "size": list(size),
        "walkers": walkers,
    }
    planted = folder / f"{NAME}-planted.json"
    if planted.exists() and json.loads(planted.read_text())["recipe"] == recipe:
        return folder / NAME
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        _write_sample(Path(unfinished), recipe, progress)
        planted.unlink(missing_ok=True)
        shutil.rmtree(folder / NAME, ignore_errors=True)
        # The planted mistakes come last: if they exist, so does everything else.
        for name in (NAME, f"{NAME}-SeqLabel.json", planted.name):
            Path(unfinished, name).replace(folder / name)
    return folder / NAME


def _write_sample(folder: Path, recipe: dict[str, Any], progress: bool) -> None:
    """Draw, label and write a sample sequence into an empty folder."""
    size, seed = tuple(recipe["size"]), recipe["seed"]
    frames = round(recipe["seconds"] * FRAME_RATE)
    images = folder / NAME / "img1"
    images.mkdir(parents=True)
    scene = Scene(seed, frames, size, recipe["walkers"])
    edges, visibility = _draw(scene, frames, images, progress)
    truth = _true_boxes(edges, visibility, size)
    _write_mot(folder / NAME, truth, frames, size)
    labels = _label(truth, np.random.default_rng([seed, 1]), size)
    labels, mistakes = _plant(labels, np.random.default_rng([seed, 2]))
    document = _seq_label(labels, frames, np.random.default_rng([seed, 3]))
    (folder / f"{NAME}-SeqLabel.json").write_text(json.dumps(document))
    planted = {"recipe": recipe, "mistakes": mistakes}
    (folder / f"{NAME}-planted.json").write_text(json.dumps(planted, indent=1))


def _draw(
    scene: Scene, frames: int, images: Path, progress: bool
) -> tuple[Floats, Floats]:
    """Write the frames, and return edges and visibility per frame and walker."""

    def write(frame: int) -> tuple[Floats, Floats]:
        drawn = scene.draw(frame)
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        path = str(images / _frame_name(frame))
        if not cv2.imwrite(path, drawn.image, quality):
            raise OSError(f"{path} could not be written")
        return drawn.boxes, drawn.visibility

    with ThreadPoolExecutor() as threads:
        drawn = threads.map(write, range(frames))
        bar = tqdm(drawn, "Drawing", total=frames, unit="frame", disable=not progress)
        edges, visibility = zip(*bar, strict=True)
    return np.array(edges), np.array(visibility)


def _frame_name(frame: int) -> str:
    return f"{frame + 1:06d}.jpg"


def _true_boxes(
    edges: Floats, visibility: Floats, size: tuple[int, int]
) -> pd.DataFrame:
    """Return the true boxes of all walkers in view.

    Args:
        edges: left, top, right, bottom in pixels, of shape (frames, walkers, 4)
        visibility: shares in [0, 1], of shape (frames, walkers)
        size: width and height of the image in pixels

    Returns:
        ``frame`` (0-based), ``track``, ``left``, ``top``, ``width``, ``height``
        (pixels inside the image) and ``visibility``
    """
    frames, walkers = visibility.shape
    # Annotators do not follow each swing of an arm: average over a second.
    smooth = pd.DataFrame(edges.reshape(frames, -1))
    smooth = smooth.rolling(FRAME_RATE, center=True, min_periods=1).mean()
    boxes = pd.DataFrame(smooth.to_numpy().reshape(-1, 4), columns=_EDGES)
    boxes["frame"] = np.repeat(np.arange(frames), walkers)
    boxes["track"] = np.tile(np.arange(walkers) + 1, frames)
    boxes["visibility"] = visibility.ravel().clip(0, 1)
    area = (boxes["right"] - boxes["left"]) * (boxes["bottom"] - boxes["top"])
    for start, end, limit in (("left", "right", size[0]), ("top", "bottom", size[1])):
        boxes[[start, end]] = boxes[[start, end]].clip(0, limit).round()
    boxes["width"] = boxes["right"] - boxes["left"]
    boxes["height"] = boxes["bottom"] - boxes["top"]
    boxes = boxes[boxes["width"] * boxes["height"] > 0.1 * area]
    return boxes.drop(columns=["right", "bottom"]).reset_index(drop=True)


def _write_mot(
    folder: Path, truth: pd.DataFrame, frames: int, size: tuple[int, int]
) -> None:
    """Write ``gt/gt.txt``, with 1-based frames and pixels, and ``seqinfo.ini``."""
    rows = truth.sort_values(["track", "frame"])
    gt = pd.DataFrame(
        {
            "frame": rows["frame"] + 1,
            "track": rows["track"],
            "left": rows["left"].astype(int) + 1,
            "top": rows["top"].astype(int) + 1,
            "width": rows["width"].astype(int),
            "height": rows["height"].astype(int),
            "considered": 1,
            "class": 1,
            "visibility": rows["visibility"].round(5),
        }
    )
    (folder / "gt").mkdir()
    gt.to_csv(folder / "gt" / "gt.txt", header=False, index=False)
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={NAME}\nimDir=img1\nframeRate={FRAME_RATE}\n"
        f"seqLength={frames}\nimWidth={size[0]}\nimHeight={size[1]}\nimExt=.jpg\n\n"
    )


def _label(
    truth: pd.DataFrame, rng: np.random.Generator, size: tuple[int, int]
) -> pd.DataFrame:
    """Label one in ``LABEL_STEP`` frames, about as exactly as a careful annotator.

    Returns:
        ``frame`` (1-based position among the labeled frames), ``track``,
        ``left``, ``top``, ``width``, ``height``, ``visibility``
    """
    seen = truth["visibility"] > 0.02
    labels = truth[seen & (truth["frame"] % LABEL_STEP == 0)].copy()
    labels["frame"] = labels["frame"] // LABEL_STEP + 1
    noise = rng.normal(0, 0.6 * size[1] / 1080, (len(labels), 4)).round()
    corner = labels[["left", "top"]].to_numpy(float)
    end = corner + labels[["width", "height"]].to_numpy(float) + noise[:, 2:]
    start = np.maximum(corner + noise[:, :2], 0)
    labels[["left", "top"]] = start
    labels[["width", "height"]] = np.maximum(np.minimum(end, size) - start, 1)
    columns = ["left", "top", "width", "height"]
    return labels.astype(dict.fromkeys(columns, int)).reset_index(drop=True)


def _plant(
    labels: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Plant mistakes in tracks, where they are seen well and away from their ends."""
    labels = labels.sort_values(["track", "frame"], ignore_index=True)
    mistakes: list[dict[str, Any]] = []
    labels = _plant_switch(labels, mistakes)
    labels = _plant_ghost(labels, mistakes)
    for number, length in enumerate(_SIZE_CHANGES):
        rows = _choose(labels, mistakes, length, rng)
        if rows is not None:
            mistakes.append(_cut(labels, rows, rng, from_side=number % 2 == 1))
    for _ in range(_SHIFTS):
        rows = _choose(labels, mistakes, 1, rng)
        if rows is not None:
            mistakes.append(_shift(labels, rows, rng))
    return labels, sorted(mistakes, key=lambda mistake: mistake["first_frame"])


def _choose(
    labels: pd.DataFrame,
    mistakes: list[dict[str, Any]],
    length: int,
    rng: np.random.Generator,
) -> pd.Index[int] | None:
    """Return the rows of a random place for a mistake, or None if there is none."""
    places = []
    for track, rows in labels.groupby("track"):
        busy = [
            frame
            for mistake in mistakes
            if track in (mistake["track"], mistake.get("other_track"))
            for frame in (mistake["first_frame"], mistake["last_frame"])
        ]
        for start in range(_MARGIN, len(rows) - length - _MARGIN):
            around = rows.iloc[start - 1 : start + length + 1]
            frames = around["frame"].to_numpy()
            apart = all(np.abs(frames - frame).min() > _SPACING for frame in busy)
            unbroken = np.ptp(frames) == length + 1
            if apart and unbroken and around["visibility"].min() > 0.7:
                places.append(around.index[1:-1])
    return places[rng.integers(len(places))] if places else None


def _record(
    labels: pd.DataFrame, rows: pd.Index[int], kind: str, what: str, **more: int
) -> dict[str, Any]:
    """Describe a planted mistake, see :func:`make_sample`."""
    frames = labels.loc[rows, "frame"]
    return {
        "kind": kind,
        "track": int(labels["track"].loc[rows].iloc[0]),
        **more,
        "first_frame": int(frames.min()),
        "last_frame": int(frames.max()),
        "frame_names": [_frame_name((frame - 1) * LABEL_STEP) for frame in frames],
        "what": what,
    }


def _cut(
    labels: pd.DataFrame,
    rows: pd.Index[int],
    rng: np.random.Generator,
    from_side: bool,
) -> dict[str, Any]:
    """Cut off the lower or the right part of boxes."""
    share = rng.uniform(0.28, 0.45)
    length = "width" if from_side else "height"
    kept = labels.loc[rows, length] * (1 - share)
    labels.loc[rows, length] = kept.round().astype(int)
    what = f"the box lacks {share:.0%} of its {length}"
    return _record(labels, rows, "size_change", what)


def _shift(
    labels: pd.DataFrame, rows: pd.Index[int], rng: np.random.Generator
) -> dict[str, Any]:
    """Move boxes to a side."""
    share = rng.uniform(0.35, 0.5) * rng.choice([-1, 1])
    moved = labels.loc[rows, "left"] + share * labels.loc[rows, "width"]
    labels.loc[rows, "left"] = moved.round().astype(int)
    side = "right" if share > 0 else "left"
    what = f"the box is {abs(share):.0%} of its width too far to the {side}"
    return _record(labels, rows, "shift", what)


def _plant_switch(labels: pd.DataFrame, mistakes: list[dict[str, Any]]) -> pd.DataFrame:
    """Exchange the identities of two walkers from where they meet."""
    pairs = labels.merge(labels, on="frame", suffixes=("", "_other"))
    pairs = pairs[pairs["track"] < pairs["track_other"]]
    gap = (pairs["left"] - pairs["left_other"]).abs() / pairs["width"]
    level = (pairs["top"] - pairs["top_other"]).abs() / pairs["height"]
    last = labels["frame"].max()
    middle = pairs["frame"].between(last * 0.3, last * 0.7)
    meeting = pairs[(gap < 0.5) & (level < 0.3) & middle]
    if meeting.empty:
        return labels
    at = meeting.iloc[0]
    one, two, frame = int(at["track"]), int(at["track_other"]), int(at["frame"])
    later = labels["frame"] >= frame
    swapped = labels["track"].replace({one: two, two: one})
    labels["track"] = labels["track"].mask(later, swapped)
    labels = labels.sort_values(["track", "frame"], ignore_index=True)
    for track, other in ((one, two), (two, one)):
        rows = labels.index[(labels["track"] == track) & (labels["frame"] == frame)]
        what = f"tracks {one} and {two} exchange their identities from here on"
        mistakes.append(
            _record(labels, rows, "identity_switch", what, other_track=other)
        )
    return labels


def _plant_ghost(labels: pd.DataFrame, mistakes: list[dict[str, Any]]) -> pd.DataFrame:
    """Repeat the last box of a walker after it has left."""
    last = labels.drop_duplicates("track", keep="last")
    busy = {mistake["track"] for mistake in mistakes}
    gone = last[
        (last["frame"] <= labels["frame"].max() - _GHOST) & ~last["track"].isin(busy)
    ]
    if gone.empty:
        return labels
    ghost = gone.iloc[[0] * _GHOST].copy()
    ghost["frame"] += 1 + np.arange(_GHOST)
    labels = pd.concat([labels, ghost])
    labels = labels.sort_values(["track", "frame"], ignore_index=True)
    rows = labels.index[labels["track"] == ghost["track"].iloc[0]][-_GHOST:]
    what = "the box stands still after its walker has left"
    mistakes.append(_record(labels, rows, "ghost", what))
    return labels


def _seq_label(
    labels: pd.DataFrame, frames: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the document that a Ground Truth job would return for the labels."""
    tracks = sorted(labels["track"].unique())
    ids = {track: str(uuid.UUID(bytes=rng.bytes(16), version=4)) for track in tracks}
    per_frame = dict(tuple(labels.groupby("frame")))
    annotations = []
    for position, frame in enumerate(range(0, frames, LABEL_STEP)):
        boxes = per_frame.get(position + 1, labels.iloc[:0])
        annotations.append(
            {
                "annotations": [
                    {
                        "height": int(box["height"]),
                        "width": int(box["width"]),
                        "top": int(box["top"]),
                        "left": int(box["left"]),
                        "class-id": "1",
                        "label-category-attributes": {},
                        "object-id": ids[box["track"]],
                        "object-name": f"Pedestrian:{box['track']}",
                    }
                    for box in boxes.to_dict("records")
                ],
                "frame-no": str(position),
                "frame": _frame_name(frame),
            }
        )
    return {"tracking-annotations": annotations}


def main() -> None:
    """Make a sample sequence from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=8)
    arguments = parser.parse_args()
    print(make_sample(arguments.folder, arguments.seed, arguments.seconds))


if __name__ == "__main__":
    main()
