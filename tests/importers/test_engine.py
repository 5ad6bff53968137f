# SPDX-License-Identifier: Apache-2.0
import os
import pickle
import subprocess
import sys
from functools import partial
from operator import mul
from pathlib import Path

import pandas as pd
import pytest
from fiftyone_track_audit.importers import engine as engines
from fiftyone_track_audit.importers.engine import (
    HERE,
    Engine,
    as_engine,
    engine_for,
    run_by_sequence,
)
from fiftyone_track_audit.importers.tracks import InputError, Tracks, make_table
from fiftyone_track_audit.plugin.audit import audit_tracks
from made_tracks import walk

ROOT = Path(__file__).resolve().parents[2]
SERIAL, TWO = Engine(workers=1), Engine(workers=2)


@pytest.mark.parametrize("engine", [SERIAL, TWO])
def test_results_come_in_the_order_of_the_items(engine):
    assert list(run_by_sequence(partial(mul, 3), range(7), engine)) == [
        *range(0, 21, 3)
    ]


def test_several_processes_do_the_work():
    # This link names the process that resolves it
    done = run_by_sequence(os.path.realpath, ["/proc/self"] * 9, TWO)
    assert f"/proc/{os.getpid()}" not in set(done)


@pytest.mark.parametrize("items", [[], ["/proc/self"]])
def test_one_item_needs_no_other_process(items):
    done = list(run_by_sequence(os.path.realpath, items, TWO))
    assert done == [f"/proc/{os.getpid()}"] * len(items)


@pytest.mark.parametrize("engine", [SERIAL, TWO])
def test_what_the_work_raises_is_raised_here(engine):
    done = run_by_sequence(Engine, ["local", "local", "abacus"], engine)
    with pytest.raises(InputError, match=r"^engine: 'abacus'; expected 'local' or"):
        list(done)


def test_items_are_taken_a_few_ahead(tmp_path):
    file, pipe = tmp_path / "file", tmp_path / "pipe"
    file.touch()
    os.mkfifo(pipe)
    taken = iter([file, *[pipe] * 1000])
    done = run_by_sequence(partial(os.open, flags=os.O_RDONLY), taken, TWO)
    next(done)
    # Whoever reads the pipe waits for somebody who writes
    assert len(list(taken)) > 980
    writer = os.open(pipe, os.O_RDWR)
    done.close()
    os.close(writer)


def test_a_plugin_has_a_name_that_other_processes_do_not_know():
    script = f"""
import sys
from importlib import import_module, util
name = "plugins.some.one"
spec = util.spec_from_file_location(name, {str(ROOT / "__init__.py")!r})
sys.modules[name] = util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[name])
engine = import_module(name + ".importers.engine")
done = engine.run_by_sequence(engine.Engine, ["local"] * 3, engine.Engine(workers=2))
assert list(done) == [engine.Engine()] * 3
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_errors_survive_a_process():
    error = pickle.loads(pickle.dumps(InputError("gt.txt", "no number", 3)))
    assert (str(error), error.line) == ("gt.txt, line 3: no number", 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "spark"}, "engine: 'spark'; expected 'local' or 'ray'"),
        ({"address": "auto"}, "address: only a Ray cluster has one"),
        ({"workers": 0}, "workers: 0; expected 1 or more"),
    ],
)
def test_engines_are_checked(values, message):
    with pytest.raises(InputError, match=message):
        Engine(**values)


def test_an_engine_has_a_name():
    assert as_engine("local") == Engine()
    assert as_engine(None) == SERIAL
    assert as_engine(TWO) is TWO


def test_without_ray_an_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install .fiftyone-track-audit\[ray\]"):
        list(run_by_sequence(abs, [1, 2], Engine("ray")))


def test_a_fork_of_a_process_with_a_pool_does_the_work_itself():
    assert list(run_by_sequence(partial(mul, 2), range(3), TWO)) == [0, 2, 4]
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        done = list(run_by_sequence(os.path.realpath, ["/proc/self"] * 2, TWO))
        os.write(writing, str(done == [f"/proc/{os.getpid()}"] * 2).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 9) == b"True"


def test_an_audit_is_the_same_to_the_last_bit_on_any_number_of_cores(monkeypatch):
    parts = [walk(name, 12, 40, seed) for seed, name in enumerate("abcd")]
    rows = pd.concat([part.table.astype({"sequence": object}) for part in parts])
    records = {
        name: part.sequences[name] for name, part in zip("abcd", parts, strict=True)
    }
    tracks = Tracks(make_table(rows), records)
    here = audit_tracks(tracks)
    monkeypatch.setattr(engines, "WORTH_PROCESSES", len(rows))
    for engine in (None, TWO):
        found = audit_tracks(tracks, engine=engine)
        for name in ("detections", "issues"):
            pd.testing.assert_frame_equal(
                getattr(here, name), getattr(found, name), check_exact=True
            )


def test_many_boxes_are_judged_by_all_cores_unless_an_engine_is_given():
    assert engine_for(None, engines.WORTH_PROCESSES) == Engine()
    assert engine_for(None, engines.WORTH_PROCESSES - 1) == HERE
    assert engine_for(HERE, engines.WORTH_PROCESSES) == HERE
