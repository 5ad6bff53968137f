# SPDX-License-Identifier: Apache-2.0
"""Feed the parsers with files that were changed at random.

Only the package's own error may come out, within a few seconds. A file that raises
anything else is kept, and told of at the end. With atheris, the changes follow the
branches that the parser takes.

Run it with ``make fuzz``, or ``python benchmarks/fuzz.py --inputs 1000000 mot cvat``.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fiftyone_track_audit.importers.formats import BY_NAME, read_labels
from fiftyone_track_audit.importers.images import read_image
from fiftyone_track_audit.importers.numbered_frames import Frames
from fiftyone_track_audit.importers.seqinfo import read_seqinfo
from fiftyone_track_audit.importers.tracks import InputError
from PIL import Image

#: The longest time that an input may take, in seconds.
MOST_SECONDS = 10
#: What stands in the place of values.
VALUES = (
    *("", "-1", "0", "1", "2.5", "1e308", "-1e308", "1e-320", "inf", "-inf", "nan"),
    *("999999", "1000000000", "2147483647", "2147483648", "9" * 30, "9" * 5000),
    *("x", "1.5.5", "1,5", "0x1F", "--1", "\0", "\ufeff", "\ud83d\ude00", '"', "'"),
    *("<a>", "</box>", "&x;", "../..", "/etc/passwd", "x" * 300, "\r", "\n", "\t"),
)
#: What stands in the place of parts of JSON.
PARTS: tuple[object, ...] = (
    *(None, True, -1, 0, 1, 2.5, 1e308, 1e-320, 10**9, 2**31, 2**63, 10**30),
    *("", "x", "../x", "\0", "\ud800", [], {}, [[]], [1], {"a": 1}, float("nan")),
    *(float("inf"), ["x"], "1", "x" * 300),
)


@dataclass(frozen=True)
class Parser:
    """A parser and a file that it reads.

    Attributes:
        file: the name of the file
        seed: the content of a file that is right
        read: reads the file at a path
    """

    file: str
    seed: bytes
    read: Callable[[Path], object]


def parsers() -> dict[str, Parser]:
    """Return the parsers by name."""
    found = {}
    for name, (file, seed) in _seeds().items():
        reader = BY_NAME[name]

        def read(path: Path, reader=reader) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
            place = path.parent if reader.name == "yolo" else path
            reader.read(place, Frames(size=(64, 48)), False)

        found[name] = Parser(file, seed, read)
    sequence = b"[Sequence]\nname=a\nimDir=img1\nframeRate=30000/1001\nseqLength=9\n"
    info = sequence + b"imWidth=64\nimHeight=48\nimExt=.jpg\n"
    found["seqinfo"] = Parser(
        "seqinfo.ini", info, lambda path: read_seqinfo(path.parent)
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("a/annotations.xml", found["cvat"].seed)
    found["zip"] = Parser("a.zip", archive.getvalue(), read_labels)
    found["any"] = Parser("a.txt", found["mot"].seed, read_labels)
    for kind in ("JPEG", "PNG", "TIFF", "WEBP", "BMP"):
        made = io.BytesIO()
        Image.linear_gradient("L").resize((16, 8)).save(made, kind)
        found[kind.lower()] = Parser("a.jpg", made.getvalue(), read_image)
    return found


def _seeds() -> dict[str, tuple[str, bytes]]:
    """Return a small file of each format of labels."""
    frames = range(1, 5)
    mot = "".join(f"{n},1,{n + 4},10,20,30.5,1,1,0.5\n" for n in frames)
    rest = "1.7 0.6 1.8 -0.05 1.6 12.3 -0.1"
    kitti = "".join(f"{n} 3 Car 0 1 -0.1 {n} 2 16 30 {rest}\n" for n in frames)
    vatic = "".join(f'1 {n} 2 30 40 {n} 0 0 0 "car" "red"\n' for n in frames)
    visdrone = "".join(f"{n},1,{n},5,20,30,1,4,0,0\n" for n in frames)
    uavdt = "".join(f"{n},1,{n},5,20,30,1,2,1\n" for n in frames)
    box = '<box frame="{0}" outside="0" occluded="0" keyframe="1" xtl="{0}" ytl="4" '
    box += 'xbr="40" ybr="30"><attribute name="color">red</attribute></box>'
    boxes = "".join(map(box.format, frames))
    task = "<task><id>5</id><name>a</name><size>9</size><start_frame>0</start_frame>"
    task += "<stop_frame>8</stop_frame><frame_filter>step=1</frame_filter>"
    task += "<original_size><width>64</width><height>48</height></original_size></task>"
    track = f'<track id="0" label="car">{boxes}</track>'
    cvat = f"<annotations><meta>{task}</meta>{track}</annotations>"
    coco = {
        "videos": [{"id": 1, "name": "a", "width": 64, "height": 48, "fps": 5}],
        "images": [
            {"id": n, "video_id": 1, "frame_id": n, "file_name": f"a/{n}.jpg"}
            for n in frames
        ],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [
            {
                "id": n,
                "image_id": n,
                "category_id": 1,
                "track_id": 1,
                "bbox": [n, 2, 3, 4],
            }
            for n in frames
        ],
    }
    keys = [
        {"frame": n, "enabled": True, "x": n, "y": 10, "width": 20, "height": 30}
        for n in frames
    ]
    value = {"framesCount": 9, "duration": 3.0, "sequence": keys, "labels": ["car"]}
    result = {"id": "t", "type": "videorectangle", "value": value}
    studio = [
        {"id": 1, "data": {"video": "a.mp4"}, "annotations": [{"result": [result]}]}
    ]
    objects = [
        {
            **{"class-id": "0", "object-name": "car:1", "object-id": "o", "left": n},
            **{"top": 2, "width": 20, "height": 30},
            "label-category-attributes": {"color": "red"},
        }
        for n in frames
    ]
    entries = [
        {
            **{"frame-no": n - 1, "frame": f"{n}.jpg", "annotations": [object_]},
            "frame-attributes": {"weather": "rain"},
        }
        for n, object_ in zip(frames, objects, strict=True)
    ]
    label = {"tracking-annotations": entries}
    metadata = {"class-map": {"0": "car"}, "creation-date": "2026-01-01T00:00:00"}
    metadata |= {"type": "groundtruth/video-object-tracking"}
    line = {"source-ref": "a.json", "j-ref": "b.json", "j-ref-metadata": metadata}
    texts = {
        "mot": ("gt.txt", mot),
        "kitti": ("0001.txt", kitti),
        "vatic": ("a.txt", vatic),
        "visdrone": ("a.txt", visdrone),
        "uavdt": ("a_gt_whole.txt", uavdt),
        "yolo": ("000001.txt", "0 0.5 0.5 0.2 0.2 7\n1 0.25 0.5 0.2 0.2 8\n"),
        "cvat": ("annotations.xml", cvat),
        "coco-vid": ("a.json", json.dumps(coco)),
        "label-studio": ("a.json", json.dumps(studio)),
        "groundtruth": ("SeqLabel.json", json.dumps(label)),
        "manifest": ("output.manifest", json.dumps(line)),
    }
    return {name: (file, text.encode()) for name, (file, text) in texts.items()}


def mutate(seed: bytes, chance: random.Random) -> bytes:
    """Change a file at random, in one place or several."""
    data = seed
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        change: Callable[[bytes, random.Random], bytes] = chance.choice(
            (_change_value, _change_value, _change_lines, _change_bytes, _change_json)
        )
        data = change(data, chance)
    return data


def _change_value(data: bytes, chance: random.Random) -> bytes:
    """Put another value in the place of a word."""
    text = data.decode("latin-1")
    ends = [i for i, letter in enumerate(text) if letter in ' ,;\n"<>=:[]{}\t']
    if not ends:
        return data + chance.choice(VALUES).encode(errors="surrogatepass")
    at = chance.randrange(len(ends))
    start, end = ends[at] + 1, ends[at + 1] if at + 1 < len(ends) else len(text)
    value = chance.choice(VALUES).encode(errors="surrogatepass")
    return data[:start] + value + data[end:]


def _change_lines(data: bytes, chance: random.Random) -> bytes:
    """Remove, repeat or exchange lines, or end the file early."""
    lines = data.splitlines(keepends=True) or [b""]
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    kind = chance.randrange(4)
    if kind == 0:
        del lines[one]
    elif kind == 1:
        lines.insert(other, lines[one])
    elif kind == 2:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        return data[: chance.randrange(len(data) + 1)]
    return b"".join(lines)


def _change_bytes(data: bytes, chance: random.Random) -> bytes:
    """Set, insert or remove bytes, or encode the text otherwise."""
    at = chance.randrange(len(data) + 1)
    kind = chance.randrange(5)
    some = bytes(chance.randrange(256) for _ in range(chance.choice((1, 1, 2, 8))))
    if kind == 0:
        return data[:at] + some + data[at + len(some) :]
    if kind == 1:
        return data[:at] + some + data[at:]
    if kind == 2:
        return data[:at] + data[at + len(some) :]
    if kind == 3:
        return b"\xef\xbb\xbf" + data
    return data.decode("latin-1").encode(chance.choice(("utf-16", "utf-8", "utf-32")))


def _change_json(data: bytes, chance: random.Random) -> bytes:
    """Put something else in the place of a part of JSON."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return _change_value(data, chance)
    places: list[tuple[object, object]] = []
    stack = [document]
    while stack:
        part = stack.pop()
        keys = range(len(part)) if isinstance(part, list) else part
        for key in list(keys) if isinstance(part, dict | list) else ():
            places.append((part, key))
            stack.append(part[key])
    if places:
        part, key = chance.choice(places)
        if chance.random() < 0.15:
            del part[key]  # type: ignore[attr-defined]
        else:
            part[key] = chance.choice(PARTS)  # type: ignore[index]
    return json.dumps(document).encode(errors="surrogatepass")


def try_input(parser: Parser, data: bytes, folder: Path) -> BaseException | None:
    """Let a parser read a content; return what came out, unless it is as it should."""
    path = folder / parser.file
    path.write_bytes(data)
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(MOST_SECONDS)
    try:
        parser.read(path)
    except InputError as error:
        # A message that quotes too much is wrong, too
        return error if len(str(error)) > 2000 else None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return error
    finally:
        signal.alarm(0)
    return None


def _give_up(*_: object) -> None:
    raise TimeoutError(f"not read after {MOST_SECONDS} s")


def run(name: str, inputs: int, seed: int, kept: Path) -> int:
    """Try inputs on a parser; return how many raised what they should not."""
    parser, chance = parsers()[name], random.Random(seed)
    found: dict[tuple[type, str, int | None], bytes] = {}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        for _ in range(inputs):
            data = mutate(parser.seed, chance)
            if error := try_input(parser, data, Path(folder)):
                place = traceback.extract_tb(error.__traceback__)[-1]
                found.setdefault((type(error), place.filename, place.lineno), data)
    for (kind, file, line), data in found.items():
        kept.mkdir(parents=True, exist_ok=True)
        path = kept / f"{name}-{kind.__name__}-{Path(file).stem}-{line}"
        path.write_bytes(data)
        print(f"{name}: {kind.__name__} at {file}:{line}, see {path}")
    rate = inputs / (time.perf_counter() - began)
    print(
        f"{name}: {inputs:,} inputs, {rate:,.0f}/s, {len(found)} findings", flush=True
    )
    return len(found)


def run_guided(name: str, inputs: int, seed: int, kept: Path) -> int:
    """Let atheris try inputs on a parser, in a process of its own."""
    kept.mkdir(parents=True, exist_ok=True)
    options = [
        f"-runs={inputs}",
        f"-seed={seed + 1}",
        f"-artifact_prefix={kept}/{name}-",
    ]
    options += ["-max_len=4096", f"-timeout={MOST_SECONDS}", "-rss_limit_mb=4096"]
    options += ["-verbosity=0", "-print_final_stats=1"]
    command = [sys.executable, __file__, "--guided-here", name, *options]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    lines = done.stderr.splitlines()
    failed = done.returncode != 0
    print(*(lines[-30:] if failed else ()), sep="\n", end="")
    print(f"{name}: {inputs:,} guided inputs, {int(failed)} findings", flush=True)
    return int(failed)


def _fuzz_here(name: str, options: list[str]) -> None:
    """Become libFuzzer, which ends the process."""
    import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

    parser, folder = parsers()[name], Path(tempfile.mkdtemp(dir=_memory()))

    def try_one(data: bytes) -> None:
        if error := try_input(parser, data, folder):
            raise error

    def change(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.3:
            return bytes(atheris.Mutate(data, most))
        return mutate(data or parser.seed, chance)[:most]

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *options], try_one, custom_mutator=change)
    atheris.Fuzz()


def _memory() -> str | None:
    """Return a folder that is in memory, if there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def main() -> int:
    """Run the command."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("parsers", nargs="*", help="their names (default: all)")
    options.add_argument("--inputs", type=int, default=100_000, help="of each parser")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--kept", type=Path, default=Path("build/fuzz"))
    options.add_argument("--guided", action="store_true", help="use atheris")
    warnings.simplefilter("ignore")
    logging.disable()
    if sys.argv[1:2] == ["--guided-here"]:
        _fuzz_here(sys.argv[2], sys.argv[3:])
    given = options.parse_args()
    guided = given.guided and importlib.util.find_spec("atheris")
    work = run_guided if guided else run
    names = given.parsers or list(parsers())
    found = sum(work(name, given.inputs, given.seed, given.kept) for name in names)
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
