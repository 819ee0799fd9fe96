"""Runs the notebooks of this folder and stores their outputs; charts as pictures, for pages that run no scripts.

Needs the extra `dev`, and `pip install vl-convert-python pillow`.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import nbformat
import vl_convert
from nbclient import NotebookClient
from PIL import Image

SPECS = "import altair; altair.renderers.enable('json')"


def picture(spec: dict[str, Any]) -> bytes:
    """A chart as a small PNG."""
    small = io.BytesIO()
    with Image.open(io.BytesIO(vl_convert.vegalite_to_png(spec, scale=1.25))) as drawn:
        drawn.convert("RGB").quantize(96).save(small, "png", optimize=True)
    return small.getvalue()


for path in sorted(Path(__file__).parent.glob("*.ipynb")):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(SPECS))
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    del notebook.cells[0]
    notebook.metadata.language_info = {"name": "python"}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, 1):
        cell.metadata.pop("execution", None)
        cell.execution_count = number
        # What is left of the progress of a scan that took long.
        cell.outputs = [output for output in cell.outputs if output.get("data") != {"text/plain": ""}]
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
            if spec := output.get("data", {}).pop("application/json", None):
                output.data["image/png"] = base64.b64encode(picture(spec)).decode()
    nbformat.write(notebook, path)
