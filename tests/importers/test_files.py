# SPDX-License-Identifier: Apache-2.0
import getpass
import multiprocessing
import os
import signal
from pathlib import Path

import boto3
import botocore.credentials
import pytest
from fiftyone_track_audit.importers import files
from fiftyone_track_audit.importers.credentials import aws_session, renew_credentials
from fiftyone_track_audit.importers.frames import (
    check_frames,
    is_frame_name,
    list_images,
)
from fiftyone_track_audit.importers.images import image_size
from fiftyone_track_audit.importers.tracks import InputError, Sequence
from labeling_jobs import BUCKET
from PIL import Image

SECRET = "not-a-real-secret-key"


def put(s3, objects: dict[str, bytes]) -> None:
    for key, body in objects.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def test_reads_local_and_s3(s3, tmp_path):
    (tmp_path / "a.json").write_text('{"a": 1}')
    put(s3, {"x/a.json": b'\xef\xbb\xbf{"a": 2}'})
    assert files.read_json(tmp_path / "a.json") == {"a": 1}
    assert files.read_json(f"s3://{BUCKET}/x/a.json") == {"a": 2}


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        (f"s3://{BUCKET}/nothing", "NoSuchKey"),
        ("s3://other/nothing", "NoSuchBucket"),
        ("s3:///key", "no bucket"),
        ("/no/such/file", "No such file"),
        ("/no\0file", "null byte"),
    ],
)
def test_what_cannot_be_read_is_named(s3, monkeypatch, uri, words):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with pytest.raises(InputError, match=words) as caught:
        files.read_bytes(uri)
    assert caught.value.path == uri
    assert SECRET not in str(caught.value)


def test_missing_credentials_are_named(s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(InputError, match="NoCredentialsError"):
        files.read_bytes(f"s3://{BUCKET}/x")


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b'{"a": 1,\n "b": ', 2, "not JSON"),
        (b"", 1, "not JSON"),
        (b'{\n<<<<<<< HEAD\n"a": 1\n=======\n', 2, "merge conflict (<<<<<<<)"),
        (b'{"a": 1\n}\n=======\r\n{}', 3, "merge conflict (=======)"),
        (b'{"a": "\n\n\xff"}', 3, "not UTF-8"),
        (b'{"a": "\\ud800"}', None, "no character"),
        (b"[" * 100_000, None, "nested too deeply"),
    ],
)
def test_broken_json_is_named(tmp_path, data, line, words):
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        files.read_json(path)
    assert words in str(caught.value)
    assert (caught.value.path, caught.value.line) == (str(path), line)


@pytest.mark.parametrize(
    ("uri", "base", "expected"),
    [
        ("s3://b/k", "/a/output.manifest", "s3://b/k"),
        ("/k", "/a/output.manifest", "/k"),
        ("x/k", "/a/output.manifest", "/a/x/k"),
        ("x/k", "s3://b/a/output.manifest", "s3://b/a/x/k"),
    ],
)
def test_resolves_relative_paths(uri, base, expected):
    assert files.resolve(uri, base) == expected


def test_writes_all_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a"
    files.write_bytes(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("disk is full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk is full"):
        files.write_bytes(path, b"new")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a": b"old"}


def write_until_killed(folder):
    with files.whole_folder(folder) as partial:
        (partial / "frame").write_text("copied")
        os.kill(os.getpid(), signal.SIGKILL)


def test_the_next_run_clears_what_a_killed_one_left(tmp_path):
    process = multiprocessing.get_context("fork").Process(
        target=write_until_killed, args=(tmp_path / "first",)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert list(tmp_path.glob(".first-*.partial/frame"))
    with files.whole_folder(tmp_path / "second") as partial:
        (partial / "frame").write_text("copied")
    assert [path.name for path in tmp_path.iterdir()] == ["second"]


def test_what_is_being_written_is_not_cleared(tmp_path):
    with files.whole_folder(tmp_path / "first") as first:
        (first / "frame").write_text("copied")
        with files.whole_folder(tmp_path / "second"):
            assert (first / "frame").is_file()
    assert (tmp_path / "first/frame").read_text() == "copied"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_text_in_csv_files_stays_text(tmp_path):
    (tmp_path / "a.csv").write_text("sequence,path\n0001,NA\n1e5,\n")
    table = files.read_text_csv(tmp_path / "a.csv")
    assert table.to_dict("list") == {"sequence": ["0001", "1e5"], "path": ["NA", ""]}


def test_downloads_what_is_not_there(s3, tmp_path):
    put(s3, {f"d/{i}.jpg": bytes(10 + i) for i in range(20)})
    names = [f"{i}.jpg" for i in range(20)]
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "3.jpg").write_bytes(b"x" * 13)
    (folder / "4.jpg").write_bytes(b"cut off")
    files.download(f"s3://{BUCKET}/d/", names, folder, progress=False)
    assert sorted(p.name for p in folder.iterdir()) == sorted(names)
    assert (folder / "3.jpg").read_bytes() == b"x" * 13
    assert (folder / "4.jpg").read_bytes() == bytes(14)


def test_missing_download_is_named(s3, tmp_path):
    put(s3, {"e/1.jpg": b"1"})
    names = ["1.jpg", "2.jpg"]
    with pytest.raises(InputError, match="NoSuchKey") as caught:
        files.download(f"s3://{BUCKET}/e/", names, tmp_path / "c", progress=False)
    assert caught.value.path == f"s3://{BUCKET}/e/2.jpg"
    assert {p.name for p in (tmp_path / "c").iterdir()} <= {"1.jpg"}


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("000001.jpg", True),
        ("a b.PNG", True),
        ("../x.jpg", False),
        ("a/b.jpg", False),
        ("/x.jpg", False),
        ("a\\b.jpg", False),
        ("C:x.jpg", False),
        ("x.jpg\0", False),
        (".x.jpg", False),
        ("x.txt", False),
        ("", False),
        ("..", False),
        (None, False),
    ],
)
def test_frame_names_are_plain(name, good):
    assert is_frame_name(name) is good


def save_frames(folder: Path, *names: str, size: tuple[int, int] = (8, 6)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", size).save(folder / name)


def test_lists_and_measures_images(tmp_path):
    save_frames(tmp_path, "b.png", "a.jpg")
    (tmp_path / ".a.jpg.part").write_bytes(b"")
    (tmp_path / "Thumbs.db").write_bytes(b"")
    assert list_images(tmp_path) == ["a.jpg", "b.png"]
    assert image_size(tmp_path / "a.jpg") == (8, 6)


@pytest.mark.parametrize("name", ["no.jpg", "text.jpg"])
def test_unreadable_image_is_named(tmp_path, name):
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(InputError, match="expected a") as caught:
        image_size(tmp_path / name)
    assert caught.value.path == str(tmp_path / name)


def test_missing_frames_are_named(tmp_path):
    save_frames(tmp_path, "2.jpg")
    names = tuple(f"{i}.jpg" for i in range(6))
    with pytest.raises(InputError) as caught:
        check_frames(Sequence("seq", None, None, 25, names, tmp_path))
    assert caught.value.path == str(tmp_path)
    assert "5 of 6 frames of seq are missing: 0.jpg, 1.jpg, 3.jpg, ..." in str(
        caught.value
    )


def test_missing_folder_is_named_and_no_folder_passes(tmp_path):
    folder = tmp_path / "no"
    with pytest.raises(InputError, match="expected a folder of frames") as caught:
        check_frames(Sequence("seq", None, None, 25, ("1.jpg",), folder))
    assert caught.value.path == str(folder)
    check_frames(Sequence("seq", None, None, 25, ("1.jpg",), None))


@pytest.mark.parametrize("convert", [files.expand_home, files.resolve_path])
def test_home_of_an_unknown_user(convert):
    with pytest.raises(InputError, match="home folder of ~nobody-here is unknown"):
        convert("~nobody-here/x")
    assert convert("~/x") == Path.home() / "x"


def test_loop_of_links(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    try:
        path = files.resolve_path(loop / "x")
    except InputError as error:
        assert "a loop of symbolic links" in str(error)  # noqa: PT017
    else:
        assert path == loop / "x"


def test_a_profile_with_mfa_asks_once(s3, monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text(
        "[profile base]\naws_access_key_id = testing\naws_secret_access_key = testing\n"
        "[profile team]\nsource_profile = base\nregion = eu-west-1\n"
        "role_arn = arn:aws:iam::123456789012:role/GroundTruth\n"
        "mfa_serial = arn:aws:iam::123456789012:mfa/me\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "team")
    asked = []

    def answer(prompt):
        asked.append(prompt)
        return "123456"

    provider = botocore.credentials.AssumeRoleProvider
    defaults = [
        answer if value is getpass.getpass else value
        for value in provider.__init__.__defaults__
    ]
    monkeypatch.setattr(provider.__init__, "__defaults__", tuple(defaults))
    put(s3, {f"mfa/{name}": b"x" for name in "abc"})
    for name in "abc":
        assert files.read_bytes(f"s3://{BUCKET}/mfa/{name}") == b"x"
    files.download(f"s3://{BUCKET}/mfa/", "abc", tmp_path / "frames", progress=False)
    assert (
        aws_session()
        .client("s3")
        .list_objects_v2(Bucket=BUCKET, Prefix="mfa/")["KeyCount"]
        == 3
    )
    assert len(asked) == 1
    renew_credentials()
