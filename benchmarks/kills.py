# SPDX-License-Identifier: Apache-2.0
"""Kill a process in the middle of its work, and see what doing the work again gives.

Each work is done in a process of its own, which gets SIGKILL at a random moment, and
then once more to the end. What the dataset and the folder hold then must be what they
hold if nobody disturbs. Run it with ``make faults``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
import fiftyone_track_audit as fta
import numpy as np
from fiftyone_track_audit.importers.processes import is_dead
from fiftyone_track_audit.plugin.sending.records import recorded_sent
from PIL import Image

FRAMES, SIZE = 40, (64, 48)
SENT = "sent"
MODEL = "squeezenet1_1"


@dataclass(frozen=True)
class Work:
    """Something that is done to a dataset and a folder.

    Attributes:
        prepare: makes what the work begins with
        do: does the work; gets the name of the dataset and the folder
    """

    prepare: Callable[[str, Path], None]
    do: Callable[[str, Path], None]


def make_sequence(folder: Path) -> None:
    """Write a MOT sequence of two objects, one of which jumps aside for a frame."""
    (folder / "img1").mkdir(parents=True)
    (folder / "gt").mkdir()
    rows = []
    for number in range(1, FRAMES + 1):
        Image.new("L", SIZE, 5 * number).save(folder / "img1" / f"{number:06d}.jpg")
        aside = 12 if number == FRAMES // 2 else 0
        rows.append(f"{number},1,{number / 2},{8 + aside},10,20,1,1,1")
        rows.append(f"{number},2,{40 - number / 2},20,12,18,1,1,1")
    (folder / "gt" / "gt.txt").write_text("\n".join(rows))


def do_import(name: str, folder: Path) -> None:
    """Import the sequence, unless it is there."""
    if fo.dataset_exists(name):
        return
    tracks = fta.read_mot(folder / "street")
    fta.create_dataset(tracks, name, video_dir=folder / "videos", progress=False)


def do_audit(name: str, folder: Path) -> None:
    """Judge the dataset."""
    fta.audit_dataset(fo.load_dataset(name), progress=False)


def save_weights(name: str, folder: Path) -> None:
    """Save random weights of a small model, the same each time."""
    import torch
    from torchvision.models import get_model

    # Threads of the parent would be missing in the processes that it forks
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.save(get_model(MODEL, weights=None).state_dict(), folder / "weights.pt")


def do_embed(name: str, folder: Path) -> None:
    """Judge the dataset by its crops, too, whose embeddings are cached."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    model = f"{MODEL}:{folder / 'weights.pt'}"
    fta.audit_dataset(fo.load_dataset(name), model=model, progress=False)


def do_export(name: str, folder: Path) -> None:
    """Export the frames around the mistake, to be corrected, unless that is done."""
    dataset = fo.load_dataset(name)
    if SENT in recorded_sent(dataset):
        return
    view = dataset.match_frames(
        fo.ViewField("frame_number") == FRAMES // 2, omit_empty=False
    )
    fta.export_mot(view, folder / SENT, context=1)


def do_load(name: str, folder: Path) -> None:
    """Load what came back, which has the jump corrected."""
    path = folder / SENT / "street" / "gt" / "gt.txt"
    lines = [line.split(",") for line in path.read_text().splitlines()]
    corrected = [[*row[:3], "8", *row[4:]] if row[1] == "1" else row for row in lines]
    path.write_text("\n".join(map(",".join, corrected)))
    fta.load_adjustment(fo.load_dataset(name), SENT)


def do_apply(name: str, folder: Path) -> None:
    """Apply the corrections to the labels."""
    fta.apply_adjustment(fo.load_dataset(name), SENT)


def do_fix(name: str, folder: Path) -> None:
    """Fix the issues by the fix of each kind."""
    dataset = fo.load_dataset(name)
    issues = dataset.values("issues.detections", unwind=True)
    due = [each.id for each in issues if each.decision is None]
    if due:
        fta.fix_issues(dataset, ids=due)


def steps(*works: Callable[[str, Path], None]) -> Callable[[str, Path], None]:
    """Return a function that does one work after the other."""

    def do_all(name: str, folder: Path) -> None:
        for work in works:
            work(name, folder)

    return do_all


WORKS = {
    "import": Work(steps(), do_import),
    "audit": Work(steps(do_import), do_audit),
    "embedding": Work(steps(do_import, save_weights), do_embed),
    "export": Work(steps(do_import, do_audit), do_export),
    "load": Work(steps(do_import, do_audit, do_export), do_load),
    "apply": Work(steps(do_import, do_audit, do_export, do_load), do_apply),
    "fix": Work(steps(do_import, do_audit), do_fix),
}


def contents(name: str, folder: Path) -> dict[str, Any]:
    """Return all that counts of a dataset and its folder.

    IDs, times and the order of runs differ from run to run; everything else is to be
    the same, and nothing may lie about.
    """
    dataset = fo.load_dataset(name)
    # Another process may have written what this one has in memory
    dataset.reload()
    frames = dataset._frame_collection.find(sort=[("frame_number", 1)])
    labels = [
        sorted(map(_plain, (frame.get(field) or {}).get("detections", ())))
        for frame in frames
        for field in sorted(frame)
        if isinstance(frame[field], dict)
    ]
    issues = (
        dataset.values("issues.detections", unwind=True) if has_issues(dataset) else []
    )
    files = [path for path in folder.rglob("*") if path.is_file()]
    stored = foo.get_db_conn()["track_audit.leases"]
    leases = stored.find({"_id": {"$regex": f"^{dataset._doc.id}"}})
    return {
        "samples": len(dataset.values("id")),
        "labels": labels,
        "issues": sorted((each.label, each.reason) for each in issues if each),
        # Corrections that were applied in two goes have two, which are undone together
        "runs": sorted({key.rpartition("_")[0] for key in dataset.list_runs()}),
        "files": sorted(str(path.relative_to(folder)) for path in files),
        "locks": sum(not is_dead(one["machine"], one["process"]) for one in leases),
        "datasets": len(fo.list_datasets(f"{name}*")),
    }


def has_issues(dataset: fo.Dataset) -> bool:
    """Return whether a dataset was audited."""
    return bool(dataset.has_field("issues"))


def _plain(detection: dict[str, Any]) -> str:
    """Return a detection as text, without what differs from run to run."""
    left_out = {"_id", "original_id", "instance"}
    values = {key: value for key, value in detection.items() if key not in left_out}
    return str(sorted(values.items()))


def start(context: BaseContext, work: Work, name: str, folder: Path) -> Any:  # noqa: ANN401 - a process
    """Begin a work in a process of its own."""
    process = context.Process(target=_work, args=(work.do, name, folder))  # type: ignore[attr-defined]
    process.start()
    return process


def _work(do: Callable[[str, Path], None], name: str, folder: Path) -> None:
    foo.database._disconnect()
    do(name, folder)


def try_kills(what: str, kills: int, seed: int) -> int:
    """Kill a work at random moments; return how often the result differed."""
    work, chance, wrong = WORKS[what], random.Random(f"{seed} {what}"), 0
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as outer:
        expected, seconds = _undisturbed(context, work, Path(outer))
        moments = np.linspace(0, 1, kills, endpoint=False) + chance.random() / kills
        for number, share in enumerate(moments.tolist()):
            name, folder = f"kills-{what}-{os.getpid()}", Path(outer, str(number))
            prepare(work, name, folder)
            process = start(context, work, name, folder)
            process.join(share * seconds)
            process.kill()
            process.join()
            work.do(name, folder)
            found = contents(name, folder)
            if found != expected:
                wrong += 1
                parts = [key for key in found if found[key] != expected[key]]
                print(f"{what}: differs after {share:.0%} in {', '.join(parts)}")
            fo.delete_dataset(name)
    print(
        f"{what}: killed {kills} times within {seconds:.1f} s, {wrong} differ",
        flush=True,
    )
    return wrong


def _undisturbed(
    context: BaseContext, work: Work, outer: Path
) -> tuple[dict[str, Any], float]:
    """Return what a work gives, and how many seconds it takes."""
    name, folder = f"kills-undisturbed-{os.getpid()}", outer / "undisturbed"
    prepare(work, name, folder)
    began = time.perf_counter()
    process = start(context, work, name, folder)
    process.join()
    seconds = time.perf_counter() - began
    if process.exitcode:
        raise RuntimeError("the work fails even if nobody disturbs it")
    found = contents(name, folder)
    fo.delete_dataset(name)
    return found, seconds


def prepare(work: Work, name: str, folder: Path) -> None:
    """Make what a work begins with, and nothing else, of that name and folder."""
    if fo.dataset_exists(name):
        fo.delete_dataset(name)
    shutil.rmtree(folder, ignore_errors=True)
    make_sequence(folder / "street")
    work.prepare(name, folder)


def main() -> int:
    """Run the command."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("works", nargs="*", choices=[[], *WORKS], help="default: all")
    options.add_argument("--kills", type=int, default=20, help="of each work")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    names = given.works or list(WORKS)
    return int(sum(try_kills(name, given.kills, given.seed) for name in names) > 0)


if __name__ == "__main__":
    sys.exit(main())
