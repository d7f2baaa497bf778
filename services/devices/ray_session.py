"""One actor on a Ray cluster, from the wish of a server to the actor's end.

Theory of operation: a session has a control socket and one for each lane. It has Ray
create an actor, says who answered, and then takes chunks on the lanes. It ends when
the server shuts the control socket down, or when the actor is found dead. At its end,
and only then, the lanes' sockets end: after that nothing of this session writes to
the pool. A thread that Ray holds up for longer finds the session over when it comes
back, and drops what it got.
"""

import contextlib
import importlib
import mmap
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from services.devices import ray_actor
from services.devices.frames import (
    FAILED,
    LOST,
    MADE,
    READY,
    EndOfFrames,
    receive_frame,
    send_frame,
)
from weightbank.algorithm import VERSION

PLACE_SECONDS = 60.0
WARM_UP_SECONDS = 300.0
PULSE_SECONDS = 2.0
ANSWER_SECONDS = 30.0
"""In which an actor has to say something, chunks that it was given before included."""

PLACED = "placed"

_LONGEST_REASON_CHARACTERS = 400

Answer = tuple[str, Any]


class RefusedError(Exception):
    """An actor cannot be had, or must not be used."""


class RaySession:
    """An actor and the sockets of a device. Has threads of its own, and ends by itself."""

    def __init__(
        self,
        create: Callable[[], Any],
        control: socket.socket,
        lanes: Sequence[socket.socket],
        pages: mmap.mmap,
    ) -> None:
        """Begin.

        Args:
            create: Returns a new actor, which need not live yet.
            control: Of the device; ours to close.
            lanes: Of the device; ours to close.
            pages: Where chunks go.
        """
        self._ray: Any = importlib.import_module("ray")
        self._create = create
        self._control = control
        self._lanes = [(lane, threading.Lock()) for lane in lanes]
        self._pages = pages
        self._actor: Any = None
        self._is_over = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with self._control:
            with contextlib.suppress(EndOfFrames):
                try:
                    self._begin()
                except Exception as error:  # noqa: BLE001 - the server logs it and tries again
                    send_frame(self._control, (FAILED, reason_of(error)))
                else:
                    self._wait()
            self._end()

    def _begin(self) -> None:
        self._actor = self._create()
        try:
            report = self._ray.get(self._actor.report.remote(), timeout=PLACE_SECONDS)
            check_report(report)
            send_frame(self._control, (PLACED, report))
            self._ray.get(self._actor.warm_up.remote(), timeout=WARM_UP_SECONDS)
        except self._ray.exceptions.GetTimeoutError:
            raise RefusedError(
                "the cluster gave no actor in time: no node has free what it asks for, or the "
                "node does not answer"
            ) from None
        for connection, is_copying in self._lanes:
            work = threading.Thread(target=self._work, args=(connection, is_copying), daemon=True)
            work.start()
        send_frame(self._control, (READY, None))

    def _wait(self) -> None:
        """Wait until the server goes, or the actor: asked now and then, idle or not."""
        self._control.settimeout(PULSE_SECONDS)
        pulse, asked = None, 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                receive_frame(self._control)  # nothing comes but the end
            if pulse is not None and not pulse.done():
                if time.monotonic() - asked > ANSWER_SECONDS:
                    return
                continue
            if pulse is not None and pulse.exception() is not None:
                return
            pulse, asked = self._actor.report.remote().future(), time.monotonic()

    def _work(self, connection: socket.socket, is_copying: threading.Lock) -> None:
        with connection, contextlib.suppress(EndOfFrames):
            while True:
                offset, size_bytes, pieces = receive_frame(connection)
                answer = self._make(offset, size_bytes, pieces, is_copying)
                send_frame(connection, answer)
                if answer[0] == LOST:
                    break
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RD)

    def _make(
        self, offset: int, size_bytes: int, pieces: Sequence[Any], is_copying: threading.Lock
    ) -> Answer:
        exceptions = self._ray.exceptions
        try:
            # Not by get: a thread that waits there holds up those that others' objects are for.
            made = self._actor.fill.remote(pieces, size_bytes).future().result()
        except exceptions.RayTaskError as error:
            return FAILED, reason_of(error)
        except exceptions.RayError as error:
            return LOST, reason_of(error)
        with is_copying:
            if self._is_over:
                return LOST, "the session is over"
            np.frombuffer(self._pages, np.uint8, size_bytes, offset)[:] = made
        return MADE, None

    def _end(self) -> None:
        for _, is_copying in self._lanes:
            is_copying.acquire()
        self._is_over = True
        for connection, is_copying in self._lanes:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            is_copying.release()
        if self._actor is not None:
            self._ray.kill(self._actor, no_restart=True)


def actor_factory(*, cpus: float, gpus: float, buffer_bytes: int) -> Callable[[], Any]:
    """Return what has a cluster create an actor, wherever it has room.

    Args:
        cpus: That Ray keeps for it.
        gpus: That Ray keeps for it.
        buffer_bytes: Most bytes of a chunk.
    """
    ray: Any = importlib.import_module("ray")
    ray.cloudpickle.register_pickle_by_value(ray_actor)
    actor_class = ray.remote(ray_actor.WeightbankActor).options(
        num_cpus=cpus,
        num_gpus=gpus,
        scheduling_strategy="SPREAD",
        # What is lost is made elsewhere at once; Ray would take seconds to be sure.
        max_restarts=0,
        max_task_retries=0,
    )

    def create() -> Any:
        return actor_class.remote(buffer_bytes=buffer_bytes, has_gpu=gpus > 0)

    return create


def check_report(report: Mapping[str, Any]) -> None:
    """See that an actor makes the same bytes as this process.

    Raises:
        RefusedError: If it is of another algorithm.

    Examples:
        >>> check_report({"version": "9.0", "algorithm": 9, "host": "node7", "pid": 1})
        Traceback (most recent call last):
        services.devices.ray_session.RefusedError: node node7 has weightbank 9.0 of algorithm 9, \
this server is of algorithm 1; accepted: nodes with the server's weightbank
    """
    if report["algorithm"] != VERSION:
        raise RefusedError(
            f"node {report['host']} has weightbank {report['version']} of algorithm "
            f"{report['algorithm']}, this server is of algorithm {VERSION}; accepted: nodes with "
            "the server's weightbank"
        )


def reason_of(error: Exception) -> str:
    r"""Return what an error says, in one line; Ray says it last, after traces of a page.

    Examples:
        >>> reason_of(ValueError("Traceback:\n  file 1\nKeyError: 3\n"))
        'ValueError: KeyError: 3'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = lines[-1] if lines else "no reason given"
    reason = told if isinstance(error, RefusedError) else f"{type(error).__name__}: {told}"
    return (
        reason
        if len(reason) <= _LONGEST_REASON_CHARACTERS
        else f"{reason[:_LONGEST_REASON_CHARACTERS]}..."
    )
