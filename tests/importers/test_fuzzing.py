# SPDX-License-Identifier: Apache-2.0
"""Files that were changed at random; ``make fuzz`` tries many more of them."""

import random

import fuzz
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PARSERS = fuzz.parsers()


@pytest.mark.parametrize("name", PARSERS)
def test_a_file_that_is_right_is_read(tmp_path, name):
    parser = PARSERS[name]
    (tmp_path / parser.file).write_bytes(parser.seed)
    if name == "manifest":
        pytest.skip("its labels are other files")
    parser.read(tmp_path / parser.file)


@pytest.mark.parametrize("name", PARSERS)
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_only_the_package_s_own_error_comes_out(tmp_path, name, seed):
    parser = PARSERS[name]
    data = fuzz.mutate(parser.seed, random.Random(seed))
    assert fuzz.try_input(parser, data, tmp_path) is None


def changed(name, *parts):
    """The file that is right, with parts of it replaced by others."""
    data = PARSERS[name].seed
    for old, new in parts:
        assert old in data
        data = data.replace(old, new, 1)
    return data


#: What fuzzing found: the parser, and the file that raised something else.
FOUND = [
    ("visdrone", b"1,1,1,5,20,30,1,inf,0,0\n"),
    ("zip", PARSERS["zip"].seed[:60] + b"\xff" + PARSERS["zip"].seed[61:]),
    ("label-studio", changed("label-studio", (b'"frame": 4', b'"frame": 999999999'))),
    ("label-studio", changed("label-studio", (b'"frame": 4', b'"frame": 1e308'))),
    ("label-studio", changed("label-studio", (b'"frame": 4', b'"frame": Infinity'))),
    ("label-studio", changed("label-studio", (b'Count": 9', b'Count": -1'))),
    ("cvat", changed("cvat", (b'frame="4"', b'frame="2147483647"'))),
    ("coco-vid", changed("coco-vid", (b'"frame_id": 2', b'"frame_id": 1e308'))),
    ("coco-vid", changed("coco-vid", (b'"width": 64', b'"width": Infinity'))),
    ("coco-vid", changed("coco-vid", (b'"width": 64', b'"width": [[]]'))),
    (
        "coco-vid",
        changed(
            "coco-vid", (b'"video_id": 1', b'"video_id": 2'), (b"[1, 2, 3, 4]", b"[1]")
        ),
    ),
    (
        "groundtruth",
        changed("groundtruth", (b'"left": 1, "top": 2', b'"left": 1e9, "top": [1]')),
    ),
    ("manifest", changed("manifest", (b"b.json", b"9" * 5000))),
    ("manifest", changed("manifest", (b"a.json", b"9" * 5000))),
]


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_is_mended(tmp_path, name, data):
    assert fuzz.try_input(PARSERS[name], data, tmp_path) is None
