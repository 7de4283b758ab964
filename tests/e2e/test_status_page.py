"""The status page in a real Chromium."""

import json
import re
import subprocess

from support.client import Http
from support.members import fill

# As root in a container, without a network: no sandbox, no GPU, nothing in the background.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def dom(address: str, directory) -> str:
    """The page's elements after its scripts have run for a while."""
    command = ["chromium", *FLAGS, f"--user-data-dir={directory / 'chromium'}", "--virtual-time-budget=4000"]
    done = subprocess.run(
        [*command, "--dump-dom", f"http://{address}/"], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def test_the_status_page_shows_what_the_api_says(kafka, sluice, directory):
    daemon = sluice(partitions=2)
    fill(kafka.bootstrap, daemon.topic, 2, 100)
    held = daemon.consumer().fetch(max_records=10, wait_ms=20000)
    partition = held["records"][0]["partition"]

    page = dom(daemon.admin_address, directory)
    status = json.loads(Http(daemon.admin_address).request("GET", "/status").body)

    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page)
    assert cells.count(daemon.topic) == 2
    assert held["batch_id"] in " ".join(cells)
    assert "leased by batch " + held["batch_id"] in page
    assert "member " + status["consumers"][0]["member_id"] in page
    row = cells[next(i for i, cell in enumerate(cells) if cell == daemon.topic and cells[i + 1] == str(partition)) :]
    assert row[4] == "10", "position: the first record that was never handed out"
    assert row[5] == "50", "end of the log"
    assert not [cell for cell in cells if "undefined" in cell or "NaN" in cell]


def test_the_status_page_fetches_nothing_from_elsewhere(kafka, sluice):
    daemon = sluice(partitions=1)
    answer = Http(daemon.admin_address).request("GET", "/")

    assert answer.status == 200
    body = answer.body.decode() if isinstance(answer.body, bytes) else answer.body
    assert not re.search(r"""(src|href)=["']https?://""", body)
    assert len(body) < 100_000
