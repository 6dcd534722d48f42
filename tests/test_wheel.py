"""The wheel as a stranger gets it: built, installed into an empty environment, run from another directory.

First without extras, as on a device, then with the hub. Holds what an editable checkout hides: missing files, undeclared dependencies.
"""

import json
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from release.__main__ import main as release
from release.__main__ import sha256_of
from tests.support.environment import IS_CI, clean_environment

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent
PACKAGES = ("hub", "devices", "dashboard", "simulators")


class Installation:
    """A virtual environment with the wheel, and a directory to run it in that is not the checkout."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.bin = directory / "venv" / "bin"

    def install(self, requirement: str, constraints: Path) -> None:
        """Install with pip at the pinned versions; skips where no package index is reachable, but not in CI."""
        command = [str(self.bin / "python"), "-m", "pip", "install", "--quiet", "--retries", "1", "-c", str(constraints), requirement]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.directory, env=clean_environment())
        if done.returncode != 0 and not IS_CI and ("ConnectionError" in done.stderr or "Temporary failure" in done.stderr):
            pytest.skip(f"no package index is reachable: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `tributary` with arguments."""
        command = [str(self.bin / "tributary"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=self.directory, env=clean_environment())

    @contextmanager
    def serving(self, data_dir: Path) -> Iterator[str]:
        """Run a hub on a free port and give its address."""
        command = [str(self.bin / "tributary"), "serve", "--port", "0", "--data-dir", str(data_dir)]
        log = self.directory / "hub.log"
        with log.open("w") as stderr:
            hub = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=self.directory, env=clean_environment())
        try:
            assert hub.stdout is not None
            line = hub.stdout.readline()  # ends with the process, if not with a line
            assert line.startswith("ready http://127.0.0.1:"), line + log.read_text()
            yield line.removeprefix("ready ").strip()
            hub.terminate()
            assert hub.wait(20) == 0, log.read_text()
            assert hub.stdout.read() == ""
        finally:
            hub.kill()
            hub.communicate()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)], cwd=ROOT, check=True, capture_output=True
    )
    (made,) = directory.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def constraints(wheel: Path) -> Path:
    """The lock without hashes: pip wants a hash for every requirement otherwise, and the wheel was made just now."""
    lines = [line.rstrip(" \\") for line in (ROOT / "requirements.lock").read_text().splitlines() if line and line[0] not in " #"]
    path = wheel.with_name("constraints.txt")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def device_installation(wheel: Path, constraints: Path) -> Installation:
    installation = Installation(wheel.parent)
    venv.create(installation.bin.parent, with_pip=True)
    installation.install(str(wheel), constraints)
    return installation


@pytest.fixture(scope="module")
def hub_installation(device_installation: Installation, wheel: Path, constraints: Path) -> Installation:
    device_installation.install(f"{wheel}[hub]", constraints)
    return device_installation


def test_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert sorted(set(tracked) - held) == []
    assert {f"{package}/py.typed" for package in PACKAGES} <= held


def test_a_release_is_built_twice_to_the_same_bytes_and_says_what_it_consists_of(wheel: Path, tmp_path: Path) -> None:
    assert release(["--to", str(tmp_path / "dist")]) is None
    sums = {line.split("  ")[1]: line.split("  ")[0] for line in (tmp_path / "dist" / "SHA256SUMS").read_text().splitlines()}
    assert {Path(name).suffix for name in sums} == {".whl", ".gz", ".json"}
    assert {path.name: sha256_of(path) for path in (tmp_path / "dist").iterdir() if path.name != "SHA256SUMS"} == sums
    (bill,) = (tmp_path / "dist").glob("*.cdx.json")
    assert json.loads(bill.read_text())["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": sums[wheel.name]}]


def test_plain_installation_is_enough_for_a_device(device_installation: Installation) -> None:
    assert device_installation.run("--version").stdout.startswith("tributary ")
    program = "import devices; from devices.host import run_host; print(devices.Device.__name__)"
    done = subprocess.run([str(device_installation.bin / "python"), "-c", program], capture_output=True, text=True, env=clean_environment())
    assert done.stdout == "Device\n", done.stderr


@pytest.mark.parametrize("arguments", [("serve",), ("demo",), ("doctor",), ("device", "list"), ("query", "pump")])
def test_plain_installation_names_the_extra_that_the_hub_needs(device_installation: Installation, arguments: tuple[str, ...]) -> None:
    done = device_installation.run(*arguments)
    assert done.returncode == 1
    assert "pip install 'tributary-hub[hub]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_installed_hub_serves_its_page_to_whoever_has_a_link(hub_installation: Installation, tmp_path: Path) -> None:
    with hub_installation.serving(tmp_path / "data") as url:
        link = hub_installation.run("login", "--data-dir", str(tmp_path / "data")).stdout.strip()
        assert link.startswith(f"{url}/login?token=")
        with httpx.Client(follow_redirects=True, trust_env=False) as browser:
            page = browser.get(link)
            assert page.status_code == 200
            assert "<script" in browser.get(f"{url}/").text
            assert browser.get(f"{url}/static/plotly.min.js").status_code == 200
        with httpx.Client(follow_redirects=True, trust_env=False) as stranger:
            assert stranger.get(link).status_code == 401  # the link is used up
