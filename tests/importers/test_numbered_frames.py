# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.numbered_frames import (
    Frames,
    describe_size,
    number_frames,
)
from fiftyone_track_audit.importers.tracks import InputError
from PIL import Image


def make_images(folder, names, size=(64, 48)):
    folder.mkdir()
    for name in names:
        Image.new("RGB", size).save(folder / name)
    return folder


NUMBERS = np.array([1, 2, 3, 3])


@pytest.mark.parametrize(
    ("names", "position", "image"),
    [
        (["000001.jpg", "000002.jpg", "000003.jpg"], [1, 2, 3, 3], None),
        (["img000001.jpg", "img000002.jpg", "img000003.jpg"], [1, 2, 3, 3], None),
        (["00000001.png", "00000002.png", "00000003.png"], [1, 2, 3, 3], None),
        ([f"{n}.jpg" for n in range(1, 12)], [1, 2, 3, 3], None),
        ([f"frame_{n:06d}.PNG" for n in range(5)], [1, 2, 3, 3], 0),
        ([f"{n:04d}_left2.webp" for n in range(1, 4)], [1, 2, 3, 3], None),
        ([f"{n}.bmp" for n in range(301, 305)], [1, 2, 3, 3], 301),
        (["1.jpg", "2.jpg", "3.jpg", "7.jpg"], [1, 2, 3, 3], None),
    ],
)
def test_files_are_matched_by_number(tmp_path, names, position, image):
    folder = make_images(tmp_path / "frames", names)
    found = number_frames("a", NUMBERS, Frames(folder), first=1)
    assert found.names == tuple(names)
    assert found.position.tolist() == position
    said = () if image is None else (f"a: frame 1 of the labels is image {image}",)
    assert found.notes == said


def test_gaps_in_the_numbering_are_kept(tmp_path):
    folder = make_images(tmp_path / "frames", ["10.jpg", "20.jpg", "30.jpg"])
    found = number_frames("a", np.array([30, 10]), Frames(folder))
    assert found.position.tolist() == [3, 1]
    assert found.notes == ()


def test_labels_without_a_frame_have_no_position(tmp_path):
    folder = make_images(tmp_path / "frames", ["1.jpg", "2.jpg"])
    found = number_frames("a", NUMBERS, Frames(folder))
    assert found.position.tolist() == [1, 2, 0, 0]


def test_known_frames_without_a_file_belong_to_the_sequence(tmp_path):
    folder = make_images(tmp_path / "frames", ["img0001.png", "img0003.png"])
    found = number_frames("a", NUMBERS, Frames(folder), known=np.arange(1, 5))
    assert found.names == ("img0001.png", "img0002.png", "img0003.png", "img0004.png")
    assert found.position.tolist() == [1, 2, 3, 3]


@pytest.mark.parametrize(("labels", "shift"), [([0, 4], 1), ([2, 6], -1), ([3, 6], 0)])
def test_labels_of_all_frames_may_be_one_early_or_late(labels, shift):
    known = np.arange(1, 6)
    found = number_frames("a", np.array(labels), Frames(), first=1, known=known)
    said = (f"a: frame 1 of the labels is frame {1 + shift}",) if shift else ()
    assert found.notes == said
    assert found.position.tolist() == ([1, 5] if shift else [3, 0])


def test_numbers_from_0_name_frames_from_0():
    found = number_frames("a", np.array([0, 2]), Frames(), "{:06d}.png")
    assert found.names == ("000000.png", "000001.png", "000002.png")
    assert found.position.tolist() == [1, 3]


def test_numbers_that_the_labels_know_name_all_frames():
    known = np.array([4, 8, 12])
    found = number_frames("a", np.array([8]), Frames(), known=known)
    assert found.names == ("000004.jpg", "000008.jpg", "000012.jpg")
    assert found.position.tolist() == [2]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "no images"),
        (["a.jpg"], "no number in the name"),
        (["1.jpg", "1.png"], "1.jpg and 1.png have the same number"),
        (
            ["7.jpg"],
            "no image for any labeled frame of a, such as frame 1; the 1 images",
        ),
    ],
)
def test_images_that_do_not_fit_are_refused(tmp_path, names, words):
    folder = make_images(tmp_path / "frames", names)
    with pytest.raises(InputError, match=words):
        number_frames("a", NUMBERS, Frames(folder))


BOXES = pd.DataFrame(
    {"left": [5.0, 20.0], "top": [1.0, 2.0], "width": [10.5, 3], "height": [4.0, 8]}
)


def test_size_and_rate_come_from_the_best_source(tmp_path):
    folder = make_images(tmp_path / "frames", ["1.jpg"])
    numbered = number_frames("a", np.array([1]), Frames(folder))

    def describe(frames, size=None, rate=None):
        sequence, notes = describe_size(numbered, BOXES, frames, size, rate)
        return sequence.width, sequence.height, sequence.frame_rate, len(notes)

    assert describe(Frames(folder, (9, 8), 5.0), (7, 6), 4.0) == (9, 8, 5, 1)
    assert describe(Frames(folder), (7, 6), 4.0) == (7, 6, 4, 0)
    assert describe(Frames(folder)) == (64, 48, 30, 1)


def test_boxes_of_larger_images_tell_by_how_much_they_were_scaled(tmp_path):
    folder = make_images(tmp_path / "frames", ["1.jpg"])
    numbered = number_frames("a", np.array([1]), Frames(folder))
    larger = BOXES.assign(left=[100.0, 180.0])
    sequence, notes = describe_size(numbered, larger, Frames(folder))
    assert (sequence.width, sequence.height) == (192, 144)
    assert notes[0] == (
        "a: the boxes were drawn on larger images than these of 64x48; 192x144 is "
        "assumed"
    )


def test_says_what_was_assumed():
    numbered = number_frames("a", np.array([1]), Frames())
    sequence, notes = describe_size(numbered, BOXES, Frames())
    assert (sequence.width, sequence.height, sequence.frame_rate) == (23, 10, 30)
    assert notes == (
        "a: the image size is not known; 23x10 holds all boxes",
        "a: the frame rate is not known; 30 is assumed",
    )
