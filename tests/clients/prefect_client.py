"""Prefect runs the sample through kiln's runner, by a changed import: each node is a task run of the flow."""

import os
import time
from collections import Counter

import prefect_dbt.core.runner
from prefect import flow, get_client
from prefect_dbt import PrefectDbtRunner, PrefectDbtSettings

import kiln

prefect_dbt.core.runner.dbtRunner = kiln.dbtRunner
prefect_dbt.core.runner.RunExecutionResult = kiln.RunExecutionResult

project = os.environ["KILN_PROJECT"]
settings = PrefectDbtSettings(project_dir=project, profiles_dir=project, target_path="target/kiln")


@flow(log_prints=True)
def sample(args):
    ended = PrefectDbtRunner(settings=settings).invoke(args)
    return [(result.node.unique_id, str(result.status)) for result in ended.result]


@flow
def broken():
    PrefectDbtRunner(settings=settings).invoke(["run", "--select", "stg_accounts", "--vars", "{"])


results = sample(["build"])
assert len(results) == 129, len(results)
assert {status for _, status in results} == {"success", "pass", "no-op"}, Counter(results)
print("results:", Counter(status for _, status in results))

# Prefect's server records task runs a little later than they end: it is waited until their number stays.
states, before = Counter(), None
deadline = time.monotonic() + 120
while (states != before or states.keys() != {"Completed"}) and time.monotonic() < deadline:
    time.sleep(3)
    before = states
    with get_client(sync_client=True) as client:
        states = Counter(run.state_name for run in client.read_task_runs(limit=200))
print("task runs:", dict(states))
assert states["Completed"] > 100 and not states.keys() - {"Completed"}, states

try:
    broken()
except ValueError as error:
    print("an error as Prefect sees it:", str(error).splitlines()[0])
else:
    raise AssertionError("a wrong command line is an error")
