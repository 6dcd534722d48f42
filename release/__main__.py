"""`make release`: wheel, source, bill of materials and checksums of the last commit, in dist/; the same bytes wherever it is run.

Owns the order of these steps. Built is what git has, in a directory of its own, twice: where the two differ there is no release.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from release.licences import refused
from release.packages import ROOT, NotAsPinned, direct, installed, project
from release.sbom import bill_of


def main(arguments: Sequence[str] | None = None) -> str | None:
    """Make dist/ anew; return what is wrong, None where nothing is."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("--signing-key", type=Path, help="a key of ssh to sign the checksums with")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="where to write")
    given = parser.parse_args(arguments)
    try:
        packages = installed(direct(["hub"]))
    except NotAsPinned as error:
        return f"error: {error}"
    if wrong := refused(packages.values()):
        return "error: " + "; ".join(wrong)
    at_s = int(_said("git", "show", "-s", "--format=%ct", "HEAD"))
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        built = [build(Path(folder), at_s) for folder in (first, second)]
        if [sha256_of(path) for path in built[0]] != [sha256_of(path) for path in built[1]]:
            return "error: two builds of one commit differ; look for what depends on time, place or order in pyproject.toml"
        shutil.rmtree(given.to, ignore_errors=True)
        given.to.mkdir(parents=True)
        files = [Path(shutil.copy(path, given.to)) for path in built[0]]
    version = project()["version"]
    wheel = next(path for path in files if path.suffix == ".whl")
    bill = given.to / f"{wheel.name.split('-')[0]}-{version}.cdx.json"
    optional = packages.keys() - installed(direct([])).keys()
    bill.write_text(bill_of(version, sha256_of(wheel), at_s, direct(["hub"]), optional, packages))
    sums = given.to / "SHA256SUMS"
    sums.write_text("".join(f"{sha256_of(path)}  {path.name}\n" for path in sorted([*files, bill])))
    if given.signing_key is not None:
        subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "tributary", "-f", str(given.signing_key), str(sums)], check=True)
    print(f"{given.to}: {len(packages)} packages in the bill of materials, licences allowed, two builds equal")
    print(sums.read_text(), end="")
    return None


def build(folder: Path, at_s: int) -> list[Path]:
    """Build wheel and source of the last commit in a directory of its own and return them, sorted."""
    source, dist = folder / "source", folder / "dist"
    source.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(source)], input=archive, check=True)
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(at_s)}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(dist)], cwd=source, env=environment, check=True, capture_output=True
    )
    return sorted(dist.iterdir())


def sha256_of(path: Path) -> str:
    """Return the sum of a file's bytes, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
