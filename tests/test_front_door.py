"""The front door: `run`, what it installs, and `.ci/run`."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
RUN = ROOT / "run"
PINS = [
    line
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NEEDED = [
    Requirement(line)
    for group in (
        PROJECT["build-system"]["requires"],
        PROJECT["project"]["dependencies"],
        PROJECT["project"]["optional-dependencies"]["dev"],
        re.findall(r"'(uv[^']*)' ?", RUN.read_text(encoding="utf-8")),
    )
    for line in group
]


def pins_on(python: str) -> dict[str, str]:
    """Return the version of every package that constraints.txt names for Linux on one Python."""
    linux = {"sys_platform": "linux", "platform_machine": "x86_64", "python_full_version": f"{python}.1"}
    here = {**linux, "implementation_name": "cpython", "platform_python_implementation": "CPython"}
    found: dict[str, str] = {}
    for pin in map(Requirement, PINS):
        if pin.marker is None or pin.marker.evaluate({**here, "python_version": python}):
            assert pin.name not in found, f"{pin.name} is pinned twice on {python}"
            found[pin.name] = str(pin.specifier).removeprefix("==")
    return found


def call(script: Path, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script with an environment free of what chooses Pythons and places."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIERWISE_")}
    return subprocess.run(
        [script, *arguments],
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout in a folder with spaces whose environment is finished and holds one command."""
    place = tmp_path / "a place with spaces"
    place.mkdir()
    for name in ("run", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, place / name)
    programs = place / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(shutil.which("true") or "/bin/true")
    # Tells what it was given: folder, arguments and the settings that every command runs under.
    (programs / "tierwise").write_text(
        '#!/bin/sh\npwd\nprintf "<%s>" "$@"\n'
        'echo; echo "$TIERWISE_STATE|$BENTOML_HOME|$BENTOML_DO_NOT_TRACK|$MLFLOW_DISABLE_TELEMETRY"\n'
    )
    (programs / "tierwise").chmod(0o755)
    pinned = (place / "pyproject.toml").read_bytes() + (place / "constraints.txt").read_bytes()
    checksum = (
        subprocess.run(["cksum"], input=pinned, capture_output=True, check=True).stdout.decode().strip()
    )
    (place / ".venv" / "installed").write_text(f"{place.resolve()}\npython3\n{checksum}\nbase\n")
    return place


@pytest.mark.parametrize(("shell", "script"), [("sh", "run"), ("bash", ".ci/run")])
def test_the_scripts_are_sound_for_their_shell_and_may_be_executed(shell: str, script: str) -> None:
    subprocess.run([shell, "-n", ROOT / script], check=True)
    assert os.access(ROOT / script, os.X_OK)


def test_help_lists_every_command() -> None:
    commands = re.search(r"^case \$command in\n(.*)^\*\)", RUN.read_text(encoding="utf-8"), re.M | re.S)
    assert commands
    names = [
        name.strip()
        for label in re.findall(r"^([a-z][a-z |-]*)\)$", commands[1], re.M)
        for name in label.split("|")
        if not name.strip().startswith("-")
    ]
    assert {"demo", "serve", "tierwise", "test", "lint", "bench", "docs", "mlflow", "help"} <= set(names)
    shown = call(RUN, "help", cwd=ROOT).stdout
    assert [name for name in names if not re.search(rf"^  {name} ", shown, re.M)] == []


def test_an_unknown_command_is_an_error_in_one_line_after_the_help() -> None:
    done = call(RUN, "dmeo", cwd=ROOT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == "run: there is no command 'dmeo'"


def test_with_nothing_to_install_it_is_silent_and_hands_all_over(checkout: Path, tmp_path: Path) -> None:
    done = call(checkout / "run", "tierwise", "score", "a b", "", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    folder, arguments, settings = done.stdout.splitlines()
    assert Path(folder).resolve() == tmp_path.resolve()
    assert arguments == "<score><a b><>"
    state = checkout.resolve() / ".state"
    assert settings == f"{state}|{state}/bentoml|True|true"


@pytest.mark.parametrize("command", ["demo", "serve"])
def test_demo_and_serve_are_commands_of_tierwise(checkout: Path, command: str) -> None:
    done = call(checkout / "run", command, "--quick", cwd=checkout)
    assert done.stdout.splitlines()[1] == f"<{command}><--quick>"


def test_the_state_can_lie_elsewhere(checkout: Path, tmp_path: Path) -> None:
    done = call(checkout / "run", "demo", cwd=checkout, TIERWISE_STATE=str(tmp_path / "other"))
    assert done.stdout.splitlines()[2].startswith(f"{tmp_path / 'other'}|{tmp_path / 'other'}/bentoml|")


def test_an_environment_that_is_unfinished_changed_or_moved_is_not_used(checkout: Path) -> None:
    """Each time it starts an installation, which here ends at once: there is no usable Python."""

    def is_used() -> bool:
        done = call(checkout / "run", "demo", cwd=checkout, PATH=f"{programs}:{os.environ['PATH']}")
        assert done.returncode == 0 or len(done.stderr.splitlines()) == 1
        return done.returncode == 0

    programs = checkout / "programs"
    programs.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        (programs / name).symlink_to(shutil.which("false") or "/bin/false")
    assert is_used()
    stamp = checkout / ".venv" / "installed"
    finished = stamp.read_text()
    stamp.unlink()
    assert not is_used()
    stamp.write_text(finished.replace("a place", "another place"))
    assert not is_used()
    stamp.write_text(finished)
    assert is_used()
    with (checkout / "constraints.txt").open("a") as pins:
        pins.write("one-more==1\n")
    assert not is_used()


def test_a_python_that_does_not_fit_is_named_in_one_line(checkout: Path) -> None:
    unfit = shutil.which("false") or "/bin/false"
    done = call(checkout / "run", "demo", cwd=checkout, TIERWISE_PYTHON=unfit)
    said = f"run: TIERWISE_PYTHON={unfit} is not a Python 3.11, 3.12 or 3.13; name one that is\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_the_pins_are_names_and_versions_and_nothing_else() -> None:
    odd = [
        line for line in PINS if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[0-9][0-9a-z.]*( ; [^:/@]+)?", line)
    ]
    assert odd == []


@pytest.mark.parametrize("name", ["run", "pyproject.toml", "constraints.txt", ".ci/run", ".gitattributes"])
def test_no_address_of_a_registry_is_written_down(name: str) -> None:
    assert not re.search(r"https?://|index-url|find-links", (ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_every_dependency_has_a_floor_and_a_pin_that_keeps_it(python: str) -> None:
    pins = pins_on(python)
    for needed in NEEDED:
        if needed.marker is not None and not needed.marker.evaluate({"python_version": python}):
            continue
        assert any(clause.operator == ">=" for clause in needed.specifier), f"{needed} has no floor"
        assert pins[canonicalize_name(needed.name)] in needed.specifier, f"{needed} is not what is pinned"


def test_the_two_pythons_get_what_is_there_for_each() -> None:
    older, newer = pins_on("3.11"), pins_on("3.12")
    assert older["shap"] != newer["shap"]
    assert older["numpy"] != newer["numpy"]
    assert older["numba"] == newer["numba"]


def test_what_is_installed_is_what_is_pinned() -> None:
    python = ".".join(map(str, sys.version_info[:2]))
    differing = {}
    for name, pinned in pins_on(python).items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue
        if installed != pinned and name not in {"setuptools", "uv"}:
            differing[name] = (installed, pinned)
    assert differing == {}


def test_ci_runs_what_developers_run_and_fails_if_either_fails(tmp_path: Path) -> None:
    """A copy of .ci/run beside a `run` that fails where it is told to."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "run").write_text('#!/bin/sh\necho "ran $1"; [ "$1" != "$FAILING" ]\n')
    (tmp_path / "run").chmod(0o755)
    for failing, code in (("none", 0), ("lint", 1), ("test", 1)):
        done = call(tmp_path / ".ci" / "run", cwd=tmp_path.parent, FAILING=failing)
        assert done.returncode == code
        assert done.stdout.splitlines()[:2] == ["ran lint", "ran test"]
