"""Dagster materializes the sample: every node's events arrive, as assets, checks and observations."""

import os
from collections import Counter
from pathlib import Path

from dagster import AssetExecutionContext, materialize
from dagster_dbt import DbtCliResource, dbt_assets

project = os.environ["KILN_PROJECT"]
dbt = DbtCliResource(project_dir=project, profiles_dir=project, dbt_executable=os.environ["KILN_BIN"])

parsed = dbt.cli(["parse"]).wait()
assert parsed.is_successful()


@dbt_assets(manifest=Path(parsed.target_path) / "manifest.json")
def sample(context: AssetExecutionContext, dbt: DbtCliResource):
    yield from dbt.cli(["build"], context=context).stream()


ended = materialize([sample], resources={"dbt": dbt})
assert ended.success
events = Counter(event.event_type_value for event in ended.all_events)
print("events:", dict(events))

# Models, seeds and snapshots are assets; a test is a check of one, or where it reads several an observation.
assert events["ASSET_MATERIALIZATION"] == 28, events
checks = [event.asset_check_evaluation_data for event in ended.all_events if event.event_type_value == "ASSET_CHECK_EVALUATION"]
assert len(checks) > 90 and all(check.passed for check in checks), checks
assert len(checks) + events["ASSET_OBSERVATION"] >= 99, events
for event in ended.get_asset_materialization_events():
    facts = event.materialization.metadata
    assert facts["status"].value == "success" and facts["Execution Duration"].value >= 0, facts

failed = dbt.cli(["run", "--select", "nothing.such:"], raise_on_error=False).wait()
assert failed.process.returncode == 2 and failed.get_error() is not None
print("an error as Dagster sees it:", str(failed.get_error()).strip().splitlines()[-1])
