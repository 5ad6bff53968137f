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


#: What fuzzing found, by the parser and what raised something else.
FOUND = {
    "visdrone": b"1,1,1,5,20,30,1,inf,0,0\n",
    "zip": PARSERS["zip"].seed.replace(b"annotations.xml", b"annotations.xml", 1)[:60]
    + b"\xff"
    + PARSERS["zip"].seed[61:],
    "label-studio": PARSERS["label-studio"].seed.replace(
        b'"frame": 4', b'"frame": 999999999'
    ),
    "cvat": PARSERS["cvat"].seed.replace(b'frame="4"', b'frame="2147483647"'),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_is_mended(tmp_path, name):
    assert fuzz.try_input(PARSERS[name], FOUND[name], tmp_path) is None
