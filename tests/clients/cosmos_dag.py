"""The sample as an Airflow DAG that Cosmos makes: a task for each model, one for its tests."""

import os
from datetime import datetime
from pathlib import Path

from cosmos import DbtDag, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, InvocationMode, LoadMode

project = Path(os.environ["KILN_PROJECT"])
kiln = os.environ["KILN_BIN"]
by_manifest = os.environ["KILN_LOAD"] == "manifest"
manifest = {"manifest_path": project / "target/kiln/manifest.json"} if by_manifest else {}

dag = DbtDag(
    dag_id="sample",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    catchup=False,
    project_config=ProjectConfig(dbt_project_path=project, **manifest),
    profile_config=ProfileConfig(
        profile_name="lanternworks", target_name="dev", profiles_yml_filepath=project / "profiles.yml"
    ),
    execution_config=ExecutionConfig(
        dbt_executable_path=kiln, execution_mode=ExecutionMode.LOCAL, invocation_mode=InvocationMode.SUBPROCESS
    ),
    render_config=RenderConfig(
        load_method=LoadMode.DBT_MANIFEST if by_manifest else LoadMode.DBT_LS,
        dbt_executable_path=kiln,
        invocation_mode=InvocationMode.SUBPROCESS,
        # Tests that read several models run when all of them are there.
        should_detach_multiple_parents_tests=True,
    ),
    operator_args={"install_deps": False},
)
