"""A real kernel for the tests of the notebook parts: what a cell answers, shows and completes."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client.blocking.client import BlockingKernelClient

_SECONDS = 60


@dataclass
class Ran:
    """One cell's run.

    Attributes:
        results: what the cell's last expression gave, by media type.
        shown: each display, and each change of one.
        streams: text by stream.
        error: name, value and the lines shown; None where there was none.
    """

    results: dict[str, Any] = field(default_factory=dict)
    shown: list[dict[str, Any]] = field(default_factory=list)
    streams: dict[str, str] = field(default_factory=dict)
    error: tuple[str, str, list[str]] | None = None

    @property
    def text(self) -> str:
        """The result as text; fails with the error where there was one."""
        assert self.error is None, self.error
        return self.results.get("text/plain", "")


class Kernel:
    """A kernel that runs."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def begin(self, code: str) -> str:
        return self.client.execute(code, allow_stdin=False)

    def end(self, number: str) -> Ran:
        ran, deadline = Ran(), time.monotonic() + _SECONDS
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            if message["parent_header"].get("msg_id") != number:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return ran
            _take(ran, kind, content)

    def run(self, code: str) -> Ran:
        return self.end(self.begin(code))

    def complete(self, code: str) -> tuple[list[str], str]:
        """The matches where `|` stands, and the text that they replace."""
        place = code.index("|")
        code = code.replace("|", "", 1)
        reply = self.client.complete(code, place, reply=True, timeout=_SECONDS)["content"]
        return reply["matches"], code[reply["cursor_start"] : reply["cursor_end"]]


def _take(ran: Ran, kind: str, content: dict[str, Any]) -> None:
    if kind == "execute_result":
        ran.results = content["data"]
    elif kind in {"display_data", "update_display_data"}:
        ran.shown.append(content["data"])
    elif kind == "stream":
        ran.streams[content["name"]] = ran.streams.get(content["name"], "") + content["text"]
    elif kind == "error":
        ran.error = content["ename"], content["evalue"], content["traceback"]


@contextlib.contextmanager
def kernel(**environment: str) -> Iterator[Kernel]:
    """A kernel of this Python, with an environment of its own."""
    manager = KernelManager()
    manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel(env={**os.environ, **environment})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=_SECONDS)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
