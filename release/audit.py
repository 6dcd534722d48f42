"""`make audit`: known weaknesses of every pinned package, as pip-audit knows them; what could not be looked up counts as not audited.

Owns what its answer means: without a network it says that nothing was audited, where pip-audit itself would be content.
"""

import json
import subprocess
import sys
from typing import Any, Final

WEAK: Final = 1
NOT_AUDITED: Final = 2


def main(program: str, lock: str) -> int:
    """Look every package of a lock up; return 0 where all were and none is known to be weak."""
    command = [program, "--requirement", lock, "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        code, text = judged(json.loads(done.stdout)["dependencies"])
    except (ValueError, KeyError):
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        code, text = NOT_AUDITED, f"nothing was audited: {said}; is there a network?"
    print(text, file=sys.stderr if code else sys.stdout)
    return code


def judged(packages: list[dict[str, Any]]) -> tuple[int, str]:
    """Return the exit code and what to say of pip-audit's answer."""
    weak = [f"{each['name']} {each['version']}: {weakness['id']}" for each in packages for weakness in each.get("vulns", ())]
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if weak:
        return WEAK, "known weaknesses: " + ", ".join(weak) + "; take a version without them into pyproject.toml, then make lock"
    if skipped or not packages:
        some = f"{len(skipped)} of {len(packages)} packages could not be looked up, {', '.join(skipped[:3])} first"
        return NOT_AUDITED, f"not audited: {some}; ask again where the list of weaknesses can be reached"
    return 0, f"audited: none of {len(packages)} packages is known to be weak"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
