# SPDX-License-Identifier: Apache-2.0
"""What a reviewer of FiftyOne plugins looks for, as far as a machine can tell."""

import ast
import json
import re
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path
from types import SimpleNamespace

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.plugins as fop
import fiftyone.plugins.context as fopc
import pytest
import yaml
from cvat_server import cvat_server
from fiftyone.operators.executor import ExecutionContext, ExecutionError
from fiftyone_track_audit.importers.dataset import create_dataset
from labeling_jobs import READY, labeling_service
from packaging.requirements import Requirement
from small_datasets import small_model, walkers

pytestmark = pytest.mark.usefixtures("database")

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = yaml.safe_load((ROOT / "fiftyone.yml").read_text())
README = (ROOT / "README.md").read_text()
PLUGIN = MANIFEST["name"]
OPERATORS = MANIFEST["operators"]
PANELS = MANIFEST.get("panels", [])
SOURCES = [
    ROOT / "__init__.py",
    *sorted((ROOT / "importers").rglob("*.py")),
    *sorted((ROOT / "plugin").rglob("*.py")),
]


# The manifest


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("name", r"@[a-z][a-z-]*/[a-z][a-z-]*"),
        ("version", r"\d+\.\d+\.\d+"),
        ("type", "plugin"),
        ("label", r"[A-Z]\w+.*"),
        ("author", ".+"),
        ("description", r"[A-Z].{20,}"),
        ("license", "Apache-2.0"),
    ],
)
def test_manifest_says(key, pattern):
    assert re.fullmatch(pattern, MANIFEST[key])


def test_manifest_says_which_fiftyone():
    (definition,) = [d for d in fop.list_plugins() if d.name == PLUGIN]
    requirement = Requirement(definition.fiftyone_requirement)
    assert requirement.specifier.contains(fo.__version__)


def test_secrets_are_declared():
    used = [path.name for path in SOURCES if re.search(r"\.secrets?\b", read(path))]
    assert bool(used) == bool(MANIFEST.get("secrets"))


def test_skills_are_there():
    skills = {skill.name: skill for skill in fop.list_skills(plugin=PLUGIN)}
    assert set(skills) == set(MANIFEST["skills"])
    folders = {path.parent.name for path in (ROOT / "skills").glob("*/SKILL.md")}
    assert folders == set(skills)
    for skill in skills.values():
        assert len(skill.description) > 40
        assert re.search(r"^# .+\n\n.+", skill.content, re.MULTILINE)
    told = "".join(skill.content for skill in skills.values())
    used = set(re.findall(r"`([a-z_]+)`", told)) & set(OPERATORS)
    assert used >= {"import_sequences", "audit_tracks", "load_adjustments"}


def test_readme_lists_the_operators():
    table = README.partition("## Operators")[2].partition("\n## ")[0]
    table = table.partition("<!-- begin fields -->")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == OPERATORS


# What is registered


@pytest.fixture(scope="module")
def plugin(database):
    (context,) = [c for c in fopc.build_plugin_contexts() if c.name == PLUGIN]
    return context


def test_everything_registers(plugin):
    assert plugin.errors == []
    registered = [operator.name for operator in plugin.instances]
    assert registered == [*OPERATORS, *PANELS]


def test_no_builtin_has_one_of_the_names():
    builtin = {operator.name for operator in foo.list_operators(builtin=True)}
    assert not builtin & {*OPERATORS, *PANELS}


#: Of those that write, send, cost money or change labels.
RISKS = {
    "compare_labels": "medium",
    "interrupt_operation": "medium",
    "import_sequences": "medium",
    "audit_tracks": "medium",
    "compute_size_outliers": "medium",
    "compute_iou_outliers": "medium",
    "compute_embedding_outliers": "medium",
    "export_mot_sequences": "medium",
    "link_detections": "medium",
    "load_adjustments": "medium",
    "annotate_frames": "high",
    "export_adjustment_job": "high",
    "launch_adjustment_job": "high",
    "stop_adjustment_job": "high",
    "apply_adjustments": "high",
    "undo_adjustments": "high",
    "fix_issues": "high",
    "undo_fixes": "high",
}
#: Those that may take longer than anybody likes to wait.
SHORT = {"stop_adjustment_job", "fix_issues", "undo_fixes", "interrupt_operation"}
LONG = set(RISKS) - SHORT


@pytest.mark.parametrize("name", OPERATORS)
def test_operator_describes_itself(plugin, name):
    config = foo.get_operator(f"{PLUGIN}/{name}").config
    assert config.name == name
    assert re.fullmatch(r"[A-Z][\w ]+", config.label)
    assert config.label != name
    assert re.fullmatch(r"[A-Z].{15,}[^.]", config.description)
    assert config.dynamic
    for flag in (config.unlisted, config.on_startup, config.on_dataset_open):
        assert not flag
    assert config.risk_level.value == RISKS.get(name, "low")
    if name in LONG:
        assert config.allow_delegated_execution
        assert config.execute_as_generator


@pytest.mark.parametrize("name", [*OPERATORS, *PANELS])
def test_icons_are_there(plugin, name):
    config = foo.get_operator(f"{PLUGIN}/{name}").config
    assert config.icon
    assert bool(config.light_icon) == bool(config.dark_icon)
    for icon in filter(None, (config.icon, config.light_icon, config.dark_icon)):
        if icon.startswith("/"):
            assert "</svg>" in read(ROOT / icon[1:])
        else:
            assert re.fullmatch(r"[a-z][a-z_]+", icon)


def test_registering_is_quick():
    code = (
        "import sys, fiftyone.operators, fiftyone.core.session\n"
        "import fiftyone.operators.types, fiftyone.utils.annotations\n"
        "before = set(sys.modules)\n"
        "import fiftyone_track_audit.plugin.operators\n"
        "import fiftyone_track_audit.plugin.panel\n"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "fiftyone_track_audit" in loaded
    assert not loaded & {"torch", "torchvision", "sklearn", "scipy", "matplotlib"}


# Forms and results, over a whole way


def form(operator, dataset, /, **params):
    """The inputs of a form as the App gets it, by their names."""
    request = {"dataset_name": dataset and dataset.name, "params": params}
    ctx = ExecutionContext(request_params=request)
    found = foo.get_operator(f"{PLUGIN}/{operator}").resolve_type(ctx, "inputs")
    return found.to_json()["type"]["properties"]


def problems(form):
    """What keeps a form from being submitted."""
    return {k: entry["error_message"] for k, entry in form.items() if entry["invalid"]}


def run(operator, dataset, /, **params):
    ctx = {"params": params} | ({"dataset": dataset} if dataset else {})
    return foo.execute_operator(f"{PLUGIN}/{operator}", ctx).result


#: The way through all operators: the parameters of each.
STORY = {
    "audit_tracks": lambda _: {},
    "compute_size_outliers": lambda _: {"size_threshold": 0.3},
    "compute_iou_outliers": lambda _: {"iou_threshold": 0.4},
    "compute_embedding_outliers": lambda place: {"model": place.model},
    "save_outlier_views": lambda _: {},
    "plan_review": lambda _: {"budget": 10},
    "decide_issues": lambda _: {"decision": "confirmed"},
    "fix_issues": lambda _: {"which": "selected"},
    "undo_fixes": lambda _: {},
    "measure_quality": lambda _: {},
    "suggest_thresholds": lambda _: {},
    "export_adjustment_job": lambda place: {
        "name": "Fix-1",
        "view_name": "outliers",
        "folder": str(place.folder / "job"),
        **READY,
    },
    "launch_adjustment_job": lambda _: {"job_name": "Fix-1"},
    "adjustment_job_status": lambda _: {"job_name": "Fix-1"},
    "stop_adjustment_job": lambda _: {"job_name": "Fix-1"},
    "export_mot_sequences": lambda place: {"folder": str(place.folder / "fix")},
    "annotate_frames": lambda _: {"name": "out", "backend": "cvat"},
    "import_sequences": lambda place: {
        "format": "MOT Challenge",
        "dataset_dir": str(place.folder / "fix"),
        "name": "rubric imported",
    },
    "load_adjustments": lambda _: {"job_name": "fix"},
    "apply_adjustments": lambda _: {"job_name": "fix", "kinds": ["resized"]},
    "undo_adjustments": lambda _: {"job_name": "fix"},
    "link_detections": lambda _: {},
    "compare_labels": lambda _: {"other_field": "second"},
    "interrupt_operation": lambda _: {},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder, and a small model in it."""
    folder = tmp_path_factory.mktemp("rubric")
    return SimpleNamespace(folder=folder, model=small_model(folder))


@pytest.fixture(scope="module")
def story(plugin, place):
    """What each operator showed and returned on the way, and what it refused."""
    dataset = create_dataset(
        walkers("a", place.folder / "a"), "rubric", video_dir=place.folder / "videos"
    )
    chapters = {}
    with (
        labeling_service() as service,
        cvat_server() as cvat,
        pytest.MonkeyPatch.context() as patch,
    ):
        login = {"url": cvat.url, "username": "me", "password": "secret"}
        for name, value in login.items():
            patch.setitem(fo.annotation_config.backends["cvat"], name, value)
        patch.setenv("AWS_ENDPOINT_URL", service.url)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("XDG_CACHE_HOME", str(place.folder / "cache"))
        try:
            for name, params in STORY.items():
                if name == "load_adjustments":
                    correct(place.folder / "fix" / "a" / "gt" / "gt.txt")
                if name == "compare_labels":
                    dataset.clone_frame_field("ground_truth", "second")
                chapters[name] = live(name, dataset, params(place))
        finally:
            for used in ("rubric", "rubric imported"):
                if fo.dataset_exists(used):
                    fo.delete_dataset(used)
    return chapters


def correct(path):
    """Makes the first box of a file larger, as a reviewer would."""
    first, *rest = path.read_text().splitlines()
    cells = first.split(",")
    cells[5] = str(float(cells[5]) + 15)
    path.write_text("\n".join([",".join(cells), *rest]) + "\n")


def live(name, dataset, params):
    shown = form(name, dataset, **params)
    refused = [
        (wrong, problems(form(name, dataset, **{**params, **wrong})))
        for wrong in wrong_params(shown)
    ]
    result = run(name, dataset, **params)
    return SimpleNamespace(shown=shown, refused=refused, result=result)


def wrong_params(shown):
    """Parameters that are wrong: choices one by one, for they change the form."""
    wrong = {key: wrong_values(entry["type"]) for key, entry in shown.items()}
    wrong.pop("view_target", None)  # FiftyOne's own
    choices = {key for key in wrong if shown[key]["type"]["name"] == "Enum"}
    for key in choices:
        yield from ({key: value} for value in wrong.pop(key))
    for values in zip_longest(*wrong.values()):
        row = zip(wrong, values, strict=True)
        yield {key: value for key, value in row if value is not None}


def wrong_values(kind):
    """Values that an input of a kind must not take."""
    name = kind["name"]
    if name == "Number":
        low = [] if kind["min"] is None else [kind["min"] - 1, -(10**9)]
        high = [] if kind["max"] is None else [kind["max"] + 1]
        return ["many", True, *low, *high, *([2.5] if kind["int"] else [])]
    return {
        "Enum": ["no such choice", 7],
        "String": [7, ["text"]],
        "Boolean": ["yes", 1],
        "List": ["all", ["no such kind"], [7]],
    }.get(name, [])


WITHOUT_INPUTS = ("save_outlier_views", "suggest_thresholds", "interrupt_operation")


def test_story_is_complete():
    assert set(STORY) == set(OPERATORS)


@pytest.mark.parametrize("name", STORY)
def test_inputs_are_described(story, name):
    asked = {
        key: entry
        for key, entry in story[name].shown.items()
        if entry["type"]["name"] != "Void" and key != "view_target"
    }
    for key, entry in asked.items():
        assert re.match("[A-Z]", entry["view"]["label"]), key
        assert len(entry["view"]["description"]) > 10, key
    assert problems(story[name].shown) == {}


@pytest.mark.parametrize("name", sorted(set(STORY) - {"adjustment_job_status"}))
def test_forms_say_what_will_happen(story, name):
    views = [entry["view"] for entry in story[name].shown.values()]
    told = " ".join(v["label"] for v in views if v["name"] in ("Notice", "Warning"))
    assert re.search(r"\b[Ww]ill\b", told)


@pytest.mark.parametrize("name", STORY)
def test_forms_offer_a_target_where_it_counts(story, name):
    config = foo.get_operator(f"{PLUGIN}/{name}").config
    assert ("view_target" in story[name].shown) == config.view_target


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("import_sequences", {"name", "dataset_dir"}),
        ("launch_adjustment_job", {"job_name"}),
        ("stop_adjustment_job", {"job_name"}),
        ("export_mot_sequences", {"folder"}),
        ("annotate_frames", {"name"}),
        ("load_adjustments", {"job_name"}),
        ("apply_adjustments", {"job_name"}),
        ("undo_adjustments", {"job_name"}),
        ("audit_tracks", set()),
        ("compare_labels", {"other_field"}),
        ("export_adjustment_job", set()),
    ],
)
def test_required_inputs_are_marked(story, name, required):
    shown = story[name].shown
    assert {key for key in shown if shown[key]["required"]} == required


@pytest.mark.parametrize("name", STORY)
def test_wrong_values_are_told_at_the_input(story, name):
    assert story[name].refused or name in WITHOUT_INPUTS
    for wrong, told in story[name].refused:
        for entry, value in wrong.items():
            assert told[entry].startswith("expected "), (entry, value)
            assert told[entry].endswith(f", not {value!r}"), (entry, value)


@pytest.mark.parametrize("name", STORY)
def test_outputs_are_what_was_returned(story, name):
    result = story[name].result
    json.dumps(result)
    operator = foo.get_operator(f"{PLUGIN}/{name}")
    ctx = ExecutionContext(request_params={"results": result})
    shown = operator.resolve_type(ctx, "outputs").to_json()["type"]["properties"]
    assert set(shown) <= set(result)
    assert {"message", "jobs"} & set(shown)
    for key, entry in shown.items():
        if entry["type"]["name"] == "List":
            columns = {column["key"] for column in entry["view"]["columns"]}
            assert result[key]
            assert all(columns <= set(row) for row in result[key])
        else:
            assert isinstance(result[key], str)
    if "message" in shown:
        assert len(result["next"]) > 10


# Datasets that an operator cannot work on


def empty(dataset):
    return dataset


def images(dataset):
    dataset.add_sample(fo.Sample(filepath="/images/1.jpg"))
    return dataset


def videos(dataset):
    dataset.add_sample(fo.Sample(filepath="/videos/1.mp4"))
    return dataset


GROUND_TRUTH = "SageMaker Ground Truth"


@pytest.fixture(scope="module")
def tracks(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracks")
    dataset = create_dataset(
        walkers("a", folder / "a"), "tracks", video_dir=folder / "videos"
    )
    yield dataset
    dataset.delete()


UNFIT = {"no dataset": None, "empty": empty, "images": images, "no labels": videos}


@pytest.fixture(params=UNFIT.values(), ids=UNFIT)
def unfit(request):
    if request.param is None:
        yield None
    else:
        dataset = fo.Dataset("unfit")
        yield request.param(dataset)
        dataset.delete()


#: Whatever is in the dataset, if there is one.
ANY = {"import_sequences", "interrupt_operation"}


@pytest.mark.parametrize("name", sorted(set(OPERATORS) - ANY))
def test_unfit_datasets_are_refused(plugin, unfit, name):
    told = problems(form(name, unfit))
    assert list(told) == ["error"]
    assert len(told["error"]) > 20
    with pytest.raises(ExecutionError, match=r"^Validation error"):
        run(name, unfit)


@pytest.mark.parametrize(
    "path", ["/" + "x" * 300, "~nobody-has-this/mot"], ids=["too long", "no home"]
)
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("import_sequences", {"dataset_dir": "{}"}),
        ("import_sequences", {"format": GROUND_TRUTH, "labels_path": "{}"}),
        ("import_sequences", {"format": "Other formats", "labels_path": "{}"}),
        ("export_adjustment_job", {"folder": "{}"}),
        ("export_mot_sequences", {"folder": "{}"}),
        ("compute_embedding_outliers", {"model": "resnet18:{}"}),
    ],
)
def test_paths_that_the_system_refuses_are_told(plugin, tracks, name, params, path):
    params = {key: value.format(path) for key, value in params.items()}
    assert problems(form(name, tracks, **params))


@pytest.mark.parametrize("name", OPERATORS)
def test_unfit_datasets_have_no_buttons(plugin, unfit, name):
    ctx = ExecutionContext(request_params={"dataset_name": unfit and unfit.name})
    assert foo.get_operator(f"{PLUGIN}/{name}").resolve_placement(ctx) is None


def test_importing_needs_no_dataset(plugin, unfit):
    assert problems(form("import_sequences", unfit)) == {}


# The sources


def read(path):
    return path.read_text(encoding="utf-8")


def calls(tree):
    """The dotted names of what is called, with the call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


#: It hands work to processes that it started itself, with the variables of this one.
ENGINE = "engine.py"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_shell_and_no_made_up_code(path):
    for name, call in calls(ast.parse(read(path))):
        assert name not in {"eval", "exec", "compile", "os.system", "os.popen"}
        if path.name != ENGINE:
            assert name not in {"pickle.load", "pickle.loads", "yaml.load"}
        given = {word.arg: ast.unparse(word.value) for word in call.keywords}
        assert given.get("shell", "False") == "False"
        if name == "torch.load":
            assert given["weights_only"] == "True"


def test_environment_is_read_where_that_is_documented():
    # AWS's own are boto3's; that module sees whether they changed
    others = {"credentials.py", ENGINE}
    text = "".join(read(path) for path in SOURCES if path.name not in others)
    names = re.findall(r"\bos\.environ\.get\(\"(\w+)\"\)", text)
    assert len(names) == len(re.findall(r"\bos\.environ\b|\bgetenv\b", text))
    assert all(name in README for name in names)


#: It asks the user's own Label Studio what FiftyOne's client has no method for.
LABEL_STUDIO = "label_studio_server.py"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_network_is_left_to_boto3_and_fiftyone(path):
    imported = {
        name
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None), *(a.name for a in node.names)]
        if not getattr(node, "level", 0)
    }
    forbidden = {"requests", "httpx", "http.client", "urllib.request", "socket"}
    if path.name == LABEL_STUDIO:
        forbidden -= {"requests"}
    assert not imported & forbidden
