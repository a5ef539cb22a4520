"""The package runs from a zip file, as in a zipapp: nothing that it ships is asked for by path."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

APP = """
import sys
import urllib.request
from pathlib import Path

zipped, folder = sys.argv[1], Path(sys.argv[2])
sys.path.insert(0, zipped)

import roark_otel
from opentelemetry.sdk.trace import TracerProvider
from roark_otel._instrumentation import pipecat
from roark_otel.cli import main
from roark_otel.sandbox import Sandbox

assert roark_otel.__file__.startswith(zipped), roark_otel.__file__

def read(path):
    with urllib.request.urlopen(sandbox.url + path) as answer:
        return answer.headers["Content-Type"], answer.read()

with Sandbox() as sandbox:
    assert b"<script" in read("/")[1]
    assert read("/static/call.js")[0].startswith("text/javascript")
    assert read("/openapi.json")[1].startswith(b"{")
    kind, sound = read("/recordings/demo-plain-call.wav")
    assert kind == "audio/ogg" and sound.startswith(b"OggS"), kind
    processor = roark_otel.RoarkSpanProcessor(
        api_key="test", base_url=sandbox.url, recording_url="https://example.com/a.wav", spool_dir=folder / "spool"
    )
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    with roark_otel.conversation("call-1", tracer_provider=provider) as call:
        call.customer_said("Where is my order?")
    assert processor.force_flush(60_000)
    assert [call["externalId"] for call in sandbox.calls()] == ["call-1"]

pipecat.listen(sys)
import os
assert "async def setup_pipeline_worker" in Path(os.environ["PIPECAT_SETUP_FILES"]).read_text(encoding="utf-8")

sys.argv = ["roark-otel", "demo", "--html", str(folder / "demo.html")]
assert main() == 0
assert (folder / "demo.html").read_text(encoding="utf-8").count("data:audio/ogg") == 1
"""


@pytest.fixture(name="zipped")
def _zipped(tmp_path: Path) -> Path:
    """Makes a zip file of the packages as they are in the tree."""
    path = tmp_path / "app.zip"
    with zipfile.ZipFile(path, "w") as opened:
        for file in sorted((ROOT / "src").rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                opened.write(file, file.relative_to(ROOT / "src"))
    return path


def test_a_zip_file_has_all(zipped: Path, tmp_path: Path) -> None:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ROARK_", "PIPECAT"))
    }
    ran = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", APP, str(zipped), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
