"""Every artifact of every command is valid by the schema that dbt publishes for it, and dbt's own classes read it.

The published schemas are made of these classes by a script of dbt-core; made here, they need no network. (The file
that was published for 1.11 is older than the classes: it does not know that macros may support `javascript`.)
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
from dbt.artifacts.schemas.catalog import CatalogArtifact
from dbt.artifacts.schemas.freshness import FreshnessExecutionResultArtifact
from dbt.artifacts.schemas.manifest import WritableManifest
from dbt.artifacts.schemas.run import RunResultsArtifact
from dbt_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest

KINDS = {
    "manifest": WritableManifest,
    "run_results": RunResultsArtifact,
    "catalog": CatalogArtifact,
    "sources": FreshnessExecutionResultArtifact,
}

# With the exit code that each has on the sample, whose data is old.
COMMANDS = {
    "parse": 0,
    "list": 0,
    "compile": 0,
    "seed": 0,
    "run --select stg_accounts --empty": 0,
    "run": 0,
    "snapshot": 0,
    "test": 0,
    "build": 0,
    "show --select stg_accounts": 0,
    "show --inline select/**/1": 0,
    "run-operation --sql select/**/1": 0,
    "clone --state earlier": 0,
    "run --select stg_accounts --vars {}": 0,
    "retry": 0,
    "docs generate": 0,
    "source freshness": 1,
}

project = Path(os.environ["KILN_PROJECT"])
target = project / "target/kiln"
checks = {}
for name, kind in KINDS.items():
    schema = kind.json_schema()
    checks[name] = jsonschema.validators.validator_for(schema)(schema)


def problems_of(command):
    """Runs a command in an empty target folder and says what is wrong with what it leaves there."""
    if target.exists():
        shutil.copytree(target, project / "earlier", dirs_exist_ok=True)
    kept = ["run_results.json"] if command == "retry" else []
    for name in [*KINDS, "semantic_manifest"]:
        if f"{name}.json" not in kept:
            (target / f"{name}.json").unlink(missing_ok=True)
    words = [os.environ["KILN_BIN"], *command.split(" "), "--log-level", "none"]
    folders = ["--project-dir", str(project), "--profiles-dir", str(project)]
    code = subprocess.run([*words, *folders], stdout=subprocess.DEVNULL).returncode
    found = [] if code == COMMANDS[command] else [f"exit code {code}"]
    read = []
    for name, kind in KINDS.items():
        path = target / f"{name}.json"
        if not path.exists():
            continue
        read.append(name)
        for problem in checks[name].iter_errors(json.loads(path.read_text())):
            found.append(f"{name}: {list(problem.absolute_path)}: {problem.message[:300]}")
        kind.read_and_check_versions(str(path))
    if (target / "semantic_manifest.json").exists():
        PydanticSemanticManifest.parse_file(str(target / "semantic_manifest.json"))
        read.append("semantic_manifest")
    print(f"{command}: {', '.join(read) or 'nothing'}; {len(found)} problems")
    return found


found = [f"{command}: {problem}" for command in COMMANDS for problem in problems_of(command)]
print("\n".join(found))
for name, kind in KINDS.items():
    print(f"{name}: {kind.dbt_schema_version.path}")
sys.exit(bool(found))
