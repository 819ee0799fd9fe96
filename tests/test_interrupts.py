from __future__ import annotations

import contextlib
import os
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from duckdb_videsk import interrupts
from duckdb_videsk.interrupts import Doorbell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to oneself")


@pytest.fixture
def bell() -> Iterator[Doorbell]:
    doorbell = Doorbell()
    yield doorbell
    doorbell.close()


def test_it_rings_for_every_thread_until_the_next_time(bell: Doorbell) -> None:
    heard: list[bool] = []
    with bell.listening() as can_ring:
        assert can_ring
        assert not bell.rings()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        thread = threading.Thread(target=lambda: heard.append(bell.rings()))
        thread.start()
        thread.join()
    assert heard == [True]
    with bell.listening():
        assert not bell.rings()


def test_where_duckdb_returns_to_it_waits_for_the_end(bell: Doorbell) -> None:
    """What puts things back in order is not cut short."""
    order: list[str] = []
    amid_ours = compile("ring()\norder.append('went on')", interrupts.__file__, "exec")
    names = {"ring": partial(signal.raise_signal, signal.SIGINT), "order": order}

    def listen() -> None:
        with bell.listening():
            exec(amid_ours, names)  # noqa: S102 - it is ours

    with pytest.raises(KeyboardInterrupt):
        listen()
    assert order == ["went on"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("then", [lambda: None, lambda: 1 / 0])
def test_one_that_is_caught_on_the_way_comes_out_at_the_end(bell: Doorbell, then: Callable[[], object]) -> None:
    def go_on() -> None:
        with bell.insisting():
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            then()

    with pytest.raises(KeyboardInterrupt):
        go_on()
    with bell.insisting():
        assert not bell.rings()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_one_amid_our_own_code_goes_over_an_error(bell: Doorbell) -> None:
    amid_ours = compile("ring()\n1 / 0", interrupts.__file__, "exec")

    def listen() -> None:
        with bell.listening():
            exec(amid_ours, {"ring": partial(signal.raise_signal, signal.SIGINT)})  # noqa: S102 - it is ours

    with pytest.raises(KeyboardInterrupt):
        listen()


def test_other_signals_do_not_ring(bell: Doorbell) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with bell.listening():
            signal.raise_signal(signal.SIGUSR1)
            assert not bell.rings()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_wakeup_descriptor_of_another_is_served_and_comes_back(bell: Doorbell) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing)
    try:
        with bell.listening(), bell.listening(), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert os.read(reading, 10) == bytes([signal.SIGINT])
        assert signal.set_wakeup_fd(before) == writing
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)


def test_a_handler_of_the_users_is_let_alone(bell: Doorbell) -> None:
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with bell.listening() as can_ring:
            assert not can_ring
            signal.raise_signal(signal.SIGINT)
            assert not bell.rings()
    finally:
        signal.signal(signal.SIGINT, before)


def test_only_the_main_thread_listens(bell: Doorbell) -> None:
    heard: list[bool] = []

    def listen() -> None:
        with bell.listening() as can_ring:
            heard.append(can_ring)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert heard == [False]
