"""Every artifact is valid by the schema that dbt publishes for it, and dbt's own classes read it.

The published schemas are made of these classes by a script of dbt-core; made here, they need no network. (The file
that was published for 1.11 is older than the classes: it does not know that macros may support `javascript`.)
"""

import json
import os
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

target = Path(os.environ["KILN_PROJECT"]) / "target/kiln"
n_problems = 0
for name, kind in KINDS.items():
    path = target / f"{name}.json"
    schema = kind.json_schema()
    check = jsonschema.validators.validator_for(schema)(schema)
    problems = list(check.iter_errors(json.loads(path.read_text())))
    for problem in problems:
        print(f"{name}: {list(problem.absolute_path)}: {problem.message[:300]}")
    n_problems += len(problems)
    read = kind.read_and_check_versions(str(path))
    print(f"{name}: {kind.dbt_schema_version.path}, {len(problems)} problems, read as {type(read).__name__}")
PydanticSemanticManifest.parse_file(str(target / "semantic_manifest.json"))
print("semantic_manifest: read as PydanticSemanticManifest")
sys.exit(n_problems > 0)
