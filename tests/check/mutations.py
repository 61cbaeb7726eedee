"""Breaks a project's models in many ways and looks whether `kiln check` tells of each at the right place.

Usage: python mutations.py KILN PROJECT [COUNT [SEED]]

PROJECT is a folder with dbt_project.yml and profiles.yml, such as the sample at the root of the repository. What its
target names is built: a DuckDB file within the folder, of which a copy is used, or schemas of a Postgres database. Each mutation is
one of: a name of a column is written otherwise, a function has another name, a column is dropped from a select list, a
value gets a type that does not fit. It counts if a build really fails because of it, for another reason than the values
that it meets: a text that is no number is found by no check that reads no data. It is found if `kiln check` reports an
error in a file whose node failed, at the line that was changed or at one that names what was changed; where a line was
dropped, at the line after it, or at the set operation whose branches do not fit any more. Prints what was missed, and
ends with 1 if that is more than one in twenty.
"""

import collections
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

LEFT_OUT = shutil.ignore_patterns(".*", "target", "logs", "node_modules", "*.duckdb", "*.duckdb.wal")
WORDS = {"select", "from", "where", "group", "order", "by", "as", "on", "and", "or", "not", "in", "is", "null", "with"}


class Project:
    def __init__(self, kiln: str, source: pathlib.Path, folder: pathlib.Path):
        self.kiln, self.folder = kiln, folder
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=LEFT_OUT)
        self.run("build", "--exclude-resource-type", "unit_test")
        self.run("lineage", "--offline")
        self.databases = {path: path.read_bytes() for path in folder.glob("**/*.duckdb")}
        self.target = next(folder.glob("**/column_lineage.json")).parent
        manifest = json.loads((self.target / "manifest.json").read_text())
        self.nodes = manifest["nodes"]
        self.children = manifest["child_map"]
        lineage = json.loads((self.target / "column_lineage.json").read_text())
        self.columns = {node["id"]: {column["name"] for column in node["columns"]} for node in lineage["nodes"]}

    def run(self, *args: str) -> str:
        command = [self.kiln, "--no-use-colors", "--log-format", "json", *args]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True).stdout

    def models(self) -> list[str]:
        return [id for id, node in self.nodes.items() if node["resource_type"] == "model" and node["language"] == "sql"]

    def downstream(self, id: str) -> set[str]:
        found, waiting = set(), [id]
        while waiting:
            for child in self.children.get(waiting.pop(), []):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return found

    def failed(self, ids: list[str]) -> dict[str, bool]:
        """The nodes that a build of these models and what is below them fails at, and whether values are why."""
        # What earlier mutations left in the database is none of this one's business.
        for path, before in self.databases.items():
            path.write_bytes(before)
        names = [self.nodes[id]["name"] + "+" for id in ids]
        self.run("build", "--exclude-resource-type", "unit_test", "-s", *names)
        results = json.loads((self.target / "run_results.json").read_text())["results"]
        about_values = re.compile("Conversion Error|Invalid Input Error|Mismatch Type Error|Constraint Error")
        failed = [result for result in results if result["status"] == "error"]
        return {result["unique_id"]: bool(about_values.search(result["message"] or "")) for result in failed}

    def reported(self) -> set[tuple[str, int]]:
        """Files and lines of the errors that `check` tells."""
        places = set()
        for line in self.run("check").splitlines():
            for found in json.loads(line).get("data", {}).get("diagnostics", []) if line.startswith("{") else []:
                at = found.get("at") or found
                places.add((at.get("path") or at.get("file"), at.get("line")))
        return places


class Mutation:
    def __init__(self, id: str, path: pathlib.Path, kind: str, name: str, start: int, end: int, text: str):
        self.id, self.path, self.kind, self.name = id, path, kind, name
        self.start, self.end, self.text = start, end, text

    def apply(self) -> None:
        self.before = self.path.read_text()
        self.line = self.before.count("\n", 0, self.start) + 1
        self.path.write_text(self.before[: self.start] + self.text + self.before[self.end :])

    def undo(self) -> None:
        self.path.write_text(self.before)


def code(text: str) -> str:
    """The text with everything that is no SQL of its own blanked: templates, comments, strings."""
    hide = lambda found: re.sub(r"[^\n]", " ", found.group())
    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|--[^\n]*|/\*.*?\*/|'[^']*'", hide, text, flags=re.S)


def mutations(project: Project, id: str, dice: random.Random) -> list[Mutation]:
    node = project.nodes[id]
    path = project.folder / node["original_file_path"]
    sql = code(path.read_text())
    known = set().union(*(project.columns.get(parent, set()) for parent in node["depends_on"]["nodes"]))
    found = []
    for match in re.finditer(r"\b[a-z_][a-z0-9_]*\b", sql):
        name = match.group()
        if name in WORDS:
            continue
        if re.match(r"\s*\(", sql[match.end() :]) and len(name) > 3:
            found.append(Mutation(id, path, "function", name, match.start(), match.end(), name + "x"))
        elif name in known:
            other = name[:-1] + dice.choice("qxz") if len(name) > 2 else name + "q"
            found.append(Mutation(id, path, "rename", name, match.start(), match.end(), other))
            qualified = re.search(r"\w+\.$", sql[: match.start()])
            start = qualified.start() if qualified else match.start()
            value = path.read_text()[start : match.end()]
            found.append(Mutation(id, path, "type", name, start, match.end(), f"[{value}]"))
    for match in re.finditer(r"^[ \t]+(?:[^\n()]*\s)?(?:\w+\.)?(\w+),?[ \t]*\n", sql, re.M):
        if match.group(1) in project.columns.get(id, set()):
            found.append(Mutation(id, path, "drop", match.group(1), match.start(), match.end(), ""))
    return found


def is_found(project: Project, mutation: Mutation, failed: set[str], reported: set[tuple[str, int]]) -> bool:
    own = project.nodes[mutation.id]["original_file_path"]
    after = range(mutation.line, mutation.line + (4 if mutation.kind == "drop" else 1))
    if any((own, line) in reported for line in after):
        return True
    for file in [own, *(project.nodes[id]["original_file_path"] for id in failed)]:
        lines = (project.folder / file).read_text().splitlines()
        sets = [at for at, line in enumerate(lines, 1) if re.match(r"\s*(union|except|intersect)\b", line)]
        if mutation.kind in ("drop", "type") and any((file, line) in reported for line in sets):
            return True
        names = [at for at, line in enumerate(lines, 1) if re.search(rf"\b{re.escape(mutation.name)}\b", line)]
        if file.endswith((".yml", ".yaml")):
            # A test stands below the column that it is about, or names it among its arguments.
            names = [line for at in names for line in range(at - 10, at + 30)]
        if any((file, line) in reported for line in names):
            return True
    return False


def main() -> None:
    kiln, source = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 300
    dice = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 7)
    made, found, harmless = collections.Counter(), collections.Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        project = Project(kiln, source, pathlib.Path(folder))
        false = project.reported()
        if false:
            sys.exit(f"the project has errors before it is changed: {sorted(false)}")
        todo = {id: mutations(project, id, dice) for id in project.models()}
        below = {id: project.downstream(id) for id in todo}
        seen_harmless = 0
        while sum(made.values()) < count and any(todo.values()) and seen_harmless < 20 * count:
            # Several at once, where neither reads what the other makes.
            chosen: list[Mutation] = []
            for id in dice.sample(sorted(todo), len(todo)):
                apart = all(id not in below[other.id] and other.id not in below[id] for other in chosen)
                if todo[id] and apart and len(chosen) < 4:
                    kinds = sorted({mutation.kind for mutation in todo[id]})
                    kind = dice.choice(kinds)
                    mutation = dice.choice([mutation for mutation in todo[id] if mutation.kind == kind])
                    todo[id].remove(mutation)
                    chosen.append(mutation)
            for mutation in chosen:
                mutation.apply()
            failed, reported = project.failed([mutation.id for mutation in chosen]), project.reported()
            for mutation in chosen:
                others = set().union(*(below[other.id] for other in chosen if other is not mutation))
                mine = (failed.keys() & ({mutation.id} | below[mutation.id])) - others
                if not mine or any(failed[id] for id in mine):
                    harmless += 1
                    continue
                made[mutation.kind] += 1
                if is_found(project, mutation, mine, reported):
                    found[mutation.kind] += 1
                else:
                    where = f"{mutation.path.relative_to(project.folder)}:{mutation.line}"
                    print(f"missed: {mutation.kind} of `{mutation.name}` at {where}; failed {sorted(mine)}, reported {sorted(reported)}", flush=True)
            for mutation in chosen:
                mutation.undo()
            if not project.databases:
                names = [project.nodes[mutation.id]["name"] + "+" for mutation in chosen]
                project.run("build", "--exclude-resource-type", "unit_test", "-s", *names)
    total, good = sum(made.values()), sum(found.values())
    kinds = ", ".join(f"{kind} {found[kind]} of {made[kind]}" for kind in sorted(made))
    print(f"{good} of {total} found ({100 * good / max(total, 1):.1f} %): {kinds}; {harmless} others were refused by no build, or for the values only")
    sys.exit(good < 0.95 * total)


main()
