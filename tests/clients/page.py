"""dbt's own documentation page, from its package, shows kiln's manifest and catalog in a browser."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dbt.task.docs import DOCS_INDEX_FILE_PATH

#: What the page has to show of a model: its description, a column's type from the catalog, and its tests.
WANTED = ["What each unit earned in each month", "DECIMAL(38,2)", "cost_of_revenue", "Depends On"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


target = Path(os.environ["KILN_PROJECT"]) / "target/kiln"
browser = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome", "chrome"])), None)
if browser is None:
    sys.exit("there is no Chromium to look at the page with")
with tempfile.TemporaryDirectory() as folder:
    shutil.copy(DOCS_INDEX_FILE_PATH, Path(folder) / "index.html")
    for name in ("manifest.json", "catalog.json"):
        shutil.copy(target / name, folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/#!/model/model.lanternworks.unit_profit"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"]
    seen = subprocess.run([browser, *options, address], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    server.shutdown()
text = re.sub(r"<script.*?</script>|<[^>]+>", " ", seen.stdout, flags=re.S)
missing = [wanted for wanted in WANTED if wanted not in text]
if missing:
    sys.exit(f"the page does not show {missing}, but:\n{text[:3000]}")
print("dbt's page shows the model:", ", ".join(WANTED))
