"""Makes docs/state-cases.md: which nodes `state:modified` selects after edits of a project, by dbt-core and by kiln.

    path/to/venv/bin/python tests/state/table.py --kiln target/debug/kiln

in an environment with the packages dbt-core and dbt-duckdb.

The version to compare with is made in the same environment, or in another one: other target, other environment
variables. What an edit changes does not depend on that, so the right answer is the same for both.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from dbt.cli.main import dbtRunner
from dbt.version import get_installed_version
from project import DEV, EDITS, FILES, PROD

HEAD = """# Cases of `state:modified`

What `state:modified` selects after an edit of a project, with its state made in the same environment (*same*: target `dev`) and in another one (*other*: target `prod`, other environment variables). In the columns: ✓ for the right answer, else what is missing (−) and what is too much (+).

dbt-core {version}, with its default flags and with `state_modified_compare_more_unrendered_values`; kiln with a manifest that kiln wrote, and with one that dbt wrote. Made by `tests/state/table.py`; the project and the edits are in `tests/state/project.py`. What counts as right, and why, is in [state.md](state.md).

| edit | environment | right | dbt-core | dbt-core, with the flag | kiln | kiln, dbt's manifest |
|---|---|---|---|---|---|---|
"""

SELECT = ["-q", "ls", "-s", "state:modified", "--indirect-selection", "empty"]
ENVIRONMENT = dict(os.environ)
FLAG = "flags: {state_modified_compare_more_unrendered_values: true}\n"


def lay(folder, edits=()):
    """Writes the project, edited; returns further arguments and environment variables that an edit wants."""
    arguments, env = [], dict(DEV)
    for path, text in FILES.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for edit in edits:
        match edit:
            case ("put", path, before, after):
                text = (folder / path).read_text()
                assert text.count(before) == 1, (path, before, text.count(before))
                (folder / path).write_text(text.replace(before, after))
            case ("write", path, text):
                (folder / path).write_text(text)
            case ("move", before, after):
                os.rename(folder / before, folder / after)
            case ("vars", text):
                arguments = ["--vars", text]
            case ("env", name, value):
                env[name] = value
    return arguments, env


def set_flag(folder):
    """Has dbt compare more values as they are written."""
    file = folder / "dbt_project.yml"
    file.write_text(file.read_text() + FLAG)


def run(program, arguments, folder, env):
    """The nodes that a program lists, or the last line of its error. Without a program dbt is asked, in this process."""
    env = {**ENVIRONMENT, **env, "DBT_PROFILES_DIR": str(folder), "DO_NOT_TRACK": "1"}
    if program is None:
        return run_dbt(arguments, folder, env)
    done = subprocess.run([program, *arguments], cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        return "error: " + " ".join((done.stderr + done.stdout).split())
    return {shown(line) for line in done.stdout.split()}


def run_dbt(arguments, folder, env):
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        done = dbtRunner().invoke([*arguments, "--no-partial-parse"])
    if not done.success:
        return "error: " + " ".join(str(done.exception).split())
    return {shown(line) for line in done.result} if isinstance(done.result, list) else set()


def shown(selector):
    """The short name of a node: `people.v2`, `orders`."""
    parts = selector.split(".")
    return ".".join(parts[-2:]) if parts[-1] in ("v1", "v2") else parts[-1].split(":")[-1]


def difference(right, answer):
    if isinstance(answer, str):
        return answer
    parts = [f"− {name}" for name in sorted(right - answer)] + [f"+ {name}" for name in sorted(answer - right)]
    return few(parts) if parts else "✓"


def few(names):
    return ", ".join(names) if len(names) < 6 else ", ".join(names[:4]) + f", {len(names) - 4} more"


class Table:
    def __init__(self, kiln, work, kept):
        self.kiln, self.work, self.kept = kiln, work, kept
        self.right = {"dbt": 0, "flag": 0, "kiln": 0, "kiln_dbt": 0}
        self.cases = 0

    def before(self, name, env):
        """The manifests of the project as it was, in an environment."""
        folder = self.work / "project"
        shutil.rmtree(folder, ignore_errors=True)
        lay(folder)
        target = ["--target", name]
        for program, state in ((None, "dbt"), (self.kiln, "kiln"), (None, "flag")):
            if state == "flag":
                set_flag(folder)
            path = str(self.work / f"{state}_{name}")
            done = run(program, ["-q", "parse", *target, "--target-path", path], folder, env)
            assert not isinstance(done, str), done

    def row(self, title, edits, right, environment, name):
        folder = self.work / "project"
        shutil.rmtree(folder, ignore_errors=True)
        arguments, env = lay(folder, edits)

        def ask(program, state):
            key = json.dumps([state, name, edits])
            if program is None and key in self.kept:
                answer = self.kept[key]
                return answer if isinstance(answer, str) else set(answer)
            given = [*SELECT, *arguments, "--state", str(self.work / f"{state}_{name}")]
            answer = run(program, given, folder, env)
            if program is None:
                self.kept[key] = answer if isinstance(answer, str) else sorted(answer)
            return answer

        answers = {
            "dbt": ask(None, "dbt"),
            "flag": None,
            "kiln": ask(self.kiln, "kiln"),
            "kiln_dbt": ask(self.kiln, "dbt"),
        }
        set_flag(folder)
        answers["flag"] = ask(None, "flag")
        self.cases += 1
        cells = []
        for who, answer in answers.items():
            cells.append(difference(right, answer))
            self.right[who] += cells[-1] == "✓"
        listed = few(sorted(right)) or "nothing"
        return f"| {title} | {environment} | {listed} | {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kiln", default="target/debug/kiln", type=os.path.abspath)
    parser.add_argument("--out", default=pathlib.Path(__file__).resolve().parents[2] / "docs" / "state-cases.md")
    parser.add_argument("--only", help="part of the name of an edit; prints the rows instead of writing them")
    parser.add_argument("--keep", type=pathlib.Path, help="file to keep dbt's answers in, to ask it only once")
    args = parser.parse_args()
    kept = json.loads(args.keep.read_text()) if args.keep and args.keep.exists() else {}
    version = get_installed_version().to_version_string(skip_matcher=True)
    with tempfile.TemporaryDirectory() as work:
        table = Table(args.kiln, pathlib.Path(work), kept)
        table.before("dev", DEV)
        table.before("prod", PROD)
        rows = []
        for title, edits, right in EDITS:
            if args.only and args.only not in title:
                continue
            for environment, name in (("same", "dev"), ("other", "prod")):
                rows.append(table.row(title, edits, set(right.split()), environment, name))
                print(rows[-1], flush=True)
                if args.keep:
                    args.keep.write_text(json.dumps(kept))
    counts = table.right
    total = (
        f"\nRight of {table.cases}: dbt-core {counts['dbt']}, dbt-core with the flag {counts['flag']}, "
        f"kiln {counts['kiln']}, kiln with dbt's manifest {counts['kiln_dbt']}.\n"
    )
    print(total)
    if not args.only:
        pathlib.Path(args.out).write_text(HEAD.format(version=version) + "\n".join(rows) + "\n" + total)


if __name__ == "__main__":
    main()
