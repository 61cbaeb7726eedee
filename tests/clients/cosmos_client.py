"""Airflow runs the DAG that Cosmos makes of the sample: every task ends well, and each ran kiln."""

import os
import re
import subprocess
import sys


def airflow(*words):
    done = subprocess.run(["airflow", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\nairflow {' '.join(words)} ended with {done.returncode}")
    return done.stdout


airflow("dags", "reserialize")
said = airflow("dags", "test", "sample")
states = re.findall(r"new_state=(\w+)", said)
finished = [state for state in states if state in ("success", "failed", "upstream_failed", "skipped")]
ran = len(re.findall(r"Running command: |Running with kiln=", said))
print(f"parsed by {os.environ['KILN_LOAD']}: {len(finished)} tasks ended, {finished.count('success')} of them well")
if len(finished) < 50 or set(finished) != {"success"} or ran < len(finished) // 2:
    sys.exit(said)
