"""The README's Python is run as it is written, block after block."""

import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

README = Path(__file__).parents[1] / "README.md"


def test_its_code_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert len(blocks) > 4
    last = "import asyncio\nassert asyncio.run(main()) == (240, 240, 3)\n"
    program = "\n".join([*blocks, "mesh.close()", last])
    make_clip(tmp_path / "clip.mp4")
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert not run.stderr
    assert "bob joins room 1234" in run.stdout


def test_what_it_links_to_is_there() -> None:
    text = README.read_text("utf-8")
    local = [link for link in re.findall(r"\]\(([^)]*)\)", text) if "://" not in link]
    assert local
    for link in local:
        assert (README.parent / link).is_file()


def make_clip(path: Path) -> None:
    """A second of grey that gets lighter."""
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(10):
            picture = np.full((120, 160, 3), 20 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
