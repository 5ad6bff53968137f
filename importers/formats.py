# SPDX-License-Identifier: Apache-2.0
"""The formats of label files: recognize them by their content, and read them.

To add a format, write a reader module, and add a row to :data:`FORMATS`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from .archives import unpacked
from .coco_vid import is_coco_vid, read_coco_vid
from .content import Content, is_number, look_into
from .cvat import is_cvat, read_cvat
from .drone_rows import is_uavdt, is_visdrone, read_uavdt, read_visdrone
from .engine import Engine, as_engine
from .files import expand_home
from .groundtruth import is_manifest, is_seq_label, read_manifest, read_seq_label
from .kitti import is_kitti, read_kitti
from .label_files import SUFFIXES, Reader, label_files, mot_sequences, read_places
from .label_studio import is_label_studio, read_label_studio
from .mot import read_mot
from .numbered_frames import Frames, contradiction, given_frames
from .s3_objects import is_s3
from .tracks import InputError, Tracks, concatenate
from .vatic import is_vatic, read_vatic
from .yolo import is_yolo, read_yolo

#: Files of a folder that are looked into before they are read.
_LOOKS = 20


@dataclass(frozen=True)
class Format:
    """A format of label files.

    Attributes:
        name: what ``format=`` calls it
        title: what people call it
        expected: the files that it has
        matches: whether a file's content is of this format
        read: the reader of a file
        whole_folder: whether the reader takes folders rather than single files
    """

    name: str
    title: str
    expected: str
    matches: Callable[[Content], bool]
    read: Reader
    whole_folder: bool = False


def _is_mot(content: Content) -> bool:
    numbers = [row for row in content.rows if all(map(is_number, filter(None, row)))]
    return 2 * len(numbers) > len(content.rows) and all(
        len(row) >= 6 for row in numbers
    )


def _read_mot(
    path: Path | str, frames: Frames, strict: bool, include_ignored: bool = False
) -> Tracks:
    return read_mot(
        path,
        include_ignored,
        frames=frames.remote or frames.folder,
        size=frames.size,
        frame_rate=frames.rate,
        strict=strict,
    )


def _images(frames: Frames) -> Path | None:
    """Return the folder of the images of a Ground Truth job, which has no videos."""
    if frames.remote is not None:
        message = "Ground Truth labels images; expected their folder, or a manifest"
        raise InputError(frames.remote, f"{message} that names them in S3")
    return frames.folder


def _read_seq_label(path: Path | str, frames: Frames, strict: bool) -> Tracks:
    return read_seq_label(path, _images(frames), frame_rate=frames.rate, strict=strict)


def _read_manifest(
    path: Path | str,
    frames: Frames,
    strict: bool,
    label_attribute: str | None = None,
) -> Tracks:
    return read_manifest(
        path,
        _images(frames),
        label_attribute,
        progress=False,
        frame_rate=frames.rate,
        strict=strict,
    )


@dataclass(frozen=True)
class _Local:
    """A reader of files that are on this machine, which other processes can get."""

    read: Callable[[Path, Frames, bool], Tracks]

    def __call__(self, path: Path | str, frames: Frames, strict: bool) -> Tracks:
        """Read a file."""
        return self.read(Path(path), frames, strict)


#: The formats, in the order in which they are tried.
FORMATS: tuple[Format, ...] = (
    Format(
        "manifest",
        "Ground Truth manifest",
        "an output.manifest",
        is_manifest,
        _read_manifest,
    ),
    Format(
        "groundtruth",
        "Ground Truth",
        "a SeqLabel.json",
        is_seq_label,
        _read_seq_label,
    ),
    Format(
        "cvat",
        "CVAT for video 1.1",
        "an annotations.xml, also zipped",
        is_cvat,
        _Local(read_cvat),
    ),
    Format(
        "kitti",
        "KITTI tracking",
        "label_02/0000.txt with 17 columns",
        is_kitti,
        _Local(read_kitti),
    ),
    Format(
        "vatic",
        "VATIC",
        "a text file with 10 columns or more",
        is_vatic,
        _Local(read_vatic),
    ),
    Format(
        "visdrone",
        "VisDrone-MOT",
        "annotations/NAME.txt with 10 columns",
        is_visdrone,
        _Local(read_visdrone),
    ),
    Format(
        "uavdt",
        "UAVDT",
        "NAME_gt_whole.txt with 9 columns",
        is_uavdt,
        _Local(read_uavdt),
    ),
    Format(
        "coco-vid",
        "COCO for videos",
        "a JSON file with videos, images and annotations",
        is_coco_vid,
        _Local(read_coco_vid),
    ),
    Format(
        "label-studio",
        "Label Studio",
        "a JSON export of tasks with tracks (videorectangle)",
        is_label_studio,
        _Local(read_label_studio),
    ),
    Format(
        "yolo",
        "YOLO with tracks",
        "a folder of a text file per frame, with 6 or 7 columns",
        is_yolo,
        _Local(read_yolo),
        whole_folder=True,
    ),
    Format(
        "mot",
        "MOT Challenge",
        "gt/gt.txt or a tracker's results, with 6 to 10 columns",
        _is_mot,
        _read_mot,
        whole_folder=True,
    ),
)
BY_NAME = {each.name: each for each in FORMATS}


def read_labels(
    path: Path | str,
    format: str | None = None,
    frames: Path | str | None = None,
    size: tuple[int, int] | None = None,
    frame_rate: float | None = None,
    strict: bool = False,
    label_attribute: str | None = None,
    include_ignored: bool = False,
    engine: Engine | str | None = None,
) -> Tracks:
    """Read labels in any format that is known.

    Args:
        path: the path to a label file, a zip file of them, a sequence's folder or a
            folder of sequences, or the S3 URI of a Ground Truth result
        format (None): the name of a format in :data:`FORMATS`; by default it is
            recognized by the content
        frames (None): the folder of the frames or their video, or a folder with one of
            these per sequence; or the S3 URI of a video, or of a folder with a video
            ``NAME.mp4`` per sequence
        size (None): width and height in pixels of the images that were labeled; by
            default as the labels or the frames tell
        frame_rate (None): frames per second; by default as the labels tell
        strict (False): whether to refuse files with rows that are wrong, rather than
            setting these rows aside
        label_attribute (None): the labels of a Ground Truth manifest to read, such as
            ``vehicle-ref``; by default the labels with the newest creation date
        include_ignored (False): whether to read MOT boxes whose flag is 0 too
        engine (None): ``"local"``, ``"ray"`` or an :class:`Engine`, to read the files
            of a folder in several processes

    Returns:
        the :class:`Tracks`; ``format`` is the format's title

    Raises:
        InputError: if no format fits, or a file is missing or wrong

    Example:
        >>> tracks = fta.read_labels("SeqLabel.json")
        >>> tracks.format
        'Ground Truth'
    """
    beside = given_frames(frames, size, frame_rate)
    choose = partial(_choose_labels, attribute=label_attribute, ignored=include_ignored)
    if is_s3(path) or expand_home(path).is_fifo():
        found = _named(format) or _recognize_name(str(path))
        found = choose(found)
        return _finish(path, found, [found.read(path, beside, strict)], beside)
    path = expand_home(path)
    if path.is_file() and zipfile.is_zipfile(path):
        return _read_zip(path, format, beside, strict, choose)
    found, places = _recognize(path, _named(format))
    found = choose(found)
    parts = read_places(path, places, found.read, beside, strict, as_engine(engine))
    return _finish(path, found, parts, beside)


def recognize(path: Path | str) -> Format:
    """Recognize the format of labels by their content.

    Args:
        path: the path to a file or a folder

    Returns:
        the :class:`Format`

    Raises:
        InputError: if no format fits, or a folder holds labels of several
    """
    return _recognize(expand_home(path), None)[0]


def _named(name: str | None) -> Format | None:
    if name is None:
        return None
    if name not in BY_NAME:
        raise InputError(f"format {name!r}", f"expected one of {', '.join(BY_NAME)}")
    return BY_NAME[name]


def _choose_labels(found: Format, attribute: str | None, ignored: bool) -> Format:
    """Return a format that reads the labels that are asked for."""
    if found.name == "manifest":
        return replace(found, read=partial(_read_manifest, label_attribute=attribute))
    if attribute is not None:
        message = f"{found.title} has no label attributes; expected a manifest"
        raise InputError(f"label attribute {attribute!r}", message)
    if found.name == "mot":
        return replace(found, read=partial(_read_mot, include_ignored=ignored))
    return found


def _recognize_name(uri: str) -> Format:
    """Recognize what can be read only once, or only by a reader of its own."""
    names = {".json": "groundtruth", ".manifest": "manifest"}
    name = names.get(PurePosixPath(uri).suffix)
    if name is None:
        raise InputError(uri, "expected a SeqLabel.json or an output.manifest there")
    return BY_NAME[name]


def _recognize(path: Path, asked: Format | None) -> tuple[Format, list[Path]]:
    """Return the format of what is at a path, and the paths to hand to its reader."""
    if path.is_file():
        found = asked or _match(look_into(path))
        if found is None:
            raise InputError(path, f"an unknown format; expected {_expectations()}")
        return found, [path]
    if not path.is_dir():
        raise InputError(path, "no such file or folder; expected labels")
    mot = BY_NAME["mot"]
    if asked in {None, mot} and (sequences := list(mot_sequences(path))):
        return mot, sequences
    files = list(label_files(path))
    if asked is None:
        matches = {file: _match(look_into(file)) for file in files[:_LOOKS]}
        kinds = {each.name: file for file, each in matches.items() if each}
        if len(kinds) > 1:
            named = " and ".join(
                f"{BY_NAME[k].title} ({f.name})" for k, f in kinds.items()
            )
            raise InputError(path, f"holds {named}; expected one format, or its name")
        asked = BY_NAME[next(iter(kinds))] if kinds else None
    chosen = asked
    places = [file for file in files if chosen and chosen.matches(look_into(file))]
    if chosen is None or not places:
        expected = chosen.expected if chosen else _expectations()
        raise InputError(path, f"no labels were found in it; expected {expected}")
    if chosen.whole_folder and chosen is not mot:
        places = list(dict.fromkeys(file.parent for file in places))
    return chosen, places


def _match(content: Content) -> Format | None:
    return next((each for each in FORMATS if each.matches(content)), None)


def _expectations() -> str:
    return "; or ".join(f"{each.title}: {each.expected}" for each in FORMATS)


def _read_zip(
    path: Path,
    format: str | None,
    frames: Frames,
    strict: bool,
    choose: Callable[[Format], Format],
) -> Tracks:
    """Read the label files of a zip file, whose images stay where they are."""
    with unpacked(path, {*SUFFIXES, ".ini"}) as folder:
        found, places = _recognize(folder, _named(format))
        found = choose(found)
        parts = read_places(folder, places, found.read, frames, strict)
        tracks = _finish(path, found, parts, frames)
    notes = tuple(note.replace(str(folder), str(path)) for note in tracks.notes)
    return replace(tracks, notes=notes)


def _finish(
    path: Path | str, found: Format, parts: list[Tracks], frames: Frames
) -> Tracks:
    """Join the parts; note the format, and the size and the rate that the user gave."""
    try:
        tracks = concatenate(parts)
    except ValueError as error:
        raise InputError(path, f"{error}; expected different names") from error
    sequences, notes = {}, list(tracks.notes)
    for name, sequence in tracks.sequences.items():
        if frames.size is not None:
            w, h = frames.size
            if sequence.size_from != "your setting":
                size, told_by = (sequence.width, sequence.height), sequence.size_from
                notes += contradiction(name, (w, h), size, told_by or "the labels")
            sequence = replace(sequence, width=w, height=h, size_from="your setting")
        if frames.rate is not None:
            sequence = replace(sequence, rate_from="your setting")
        sequences[name] = sequence
    return replace(tracks, sequences=sequences, notes=tuple(notes), format=found.title)
