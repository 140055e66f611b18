"""Lends the accelerator to a host: the frames of docs/uart-protocol.md over TCP, one client at a time.

``python3 -m hwsv.host.onboard.server [FOLDER] [--host ADDRESS] [--port N]``. The host's UART driver talks to it as
``socket://ADDRESS:PORT``. There is no password: by default only this machine, that is an ssh tunnel, can connect.
"""

import argparse
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from hwsv.host.axi_registers import AxiResult
from hwsv.host.onboard.accelerator import Accelerator, AcceleratorError
from hwsv.host.uart_protocol import MAX_PAYLOAD, PROTOCOL_VERSION, REPLY, Decoder, ErrorCode, Frame, Info, Kind

PORT = 7420


class Core(Protocol):
    """What computes: `Accelerator`."""

    @property
    def info(self) -> Info: ...
    def reset(self) -> None: ...
    def run(self, features: bytes, frames: int) -> AxiResult: ...


class Session:
    """The UART shell's requests, for one client (``rtl_templates/shell/shell.sv`` does the same in hardware)."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._features: bytearray | None = None  # of the run under way
        self._frames = self._size = self._expected = 0

    def answer(self, request: Frame) -> Iterator[Frame]:
        """The frames that a request earns, each as soon as it is known."""
        if len(request.payload) > MAX_PAYLOAD:
            return  # the hardware's buffer drops it
        yield self._respond(request)
        if self._features is not None and len(self._features) == self._size:
            features, self._features = bytes(self._features), None
            yield self._run(features, request)

    def _respond(self, request: Frame) -> Frame:
        if request.kind == Kind.LOOPBACK:
            return _reply(request, request.payload)
        if request.kind == Kind.BEGIN:
            return self._begin(request)
        if request.kind == Kind.FEATURES:
            return self._feed(request)
        if request.kind not in (Kind.INFO, Kind.RESET):
            return _error(request, ErrorCode.BAD_TYPE)
        if request.payload:
            return _error(request, ErrorCode.BAD_LENGTH)
        if request.kind == Kind.INFO:
            return _reply(request, replace(self._core.info, protocol=PROTOCOL_VERSION).encode())
        self._features = None
        try:
            self._core.reset()
        except AcceleratorError as error:
            return _failed(request, error)
        return _reply(request)

    def _begin(self, request: Frame) -> Frame:
        if len(request.payload) != 2:
            return _error(request, ErrorCode.BAD_LENGTH)
        info, frames = self._core.info, int.from_bytes(request.payload, "little")
        if not info.frames_min <= frames <= info.frames_max:
            return _error(request, ErrorCode.BAD_FRAMES)
        self._features, self._frames = bytearray(), frames
        self._size = frames * info.frame_words * info.feature_bytes
        self._expected = (request.sequence + 1) & 0xFF
        return _reply(request)

    def _feed(self, request: Frame) -> Frame:
        payload, info = request.payload, self._core.info
        if self._features is None:
            return _error(request, ErrorCode.NO_RUN)
        if not payload or len(payload) % info.feature_bytes:
            return _error(request, ErrorCode.BAD_LENGTH)
        if self._features and request.sequence == (self._expected - 1) & 0xFF:
            return _reply(request)  # again: its answer was lost
        if request.sequence != self._expected:
            return _error(request, ErrorCode.BAD_SEQUENCE)
        if len(self._features) + len(payload) > self._size:
            self._features = None
            return _error(request, ErrorCode.TOO_MANY)
        self._features += payload
        self._expected = (request.sequence + 1) & 0xFF
        return _reply(request)

    def _run(self, features: bytes, request: Frame) -> Frame:
        """RESULT, with the number of the last features."""
        try:
            result = self._core.run(features, self._frames)
        except AcceleratorError as error:
            return _failed(request, error)
        return Frame(Kind.RESULT, request.sequence, struct.pack("<II", result.total, result.latency) + result.words)


class Server(socketserver.ThreadingTCPServer):
    """Listens at (address, port), 0 for any free one."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, core: Core, address: "tuple[str, int]") -> None:
        self.core, self.taken = core, threading.Lock()
        super().__init__(address, _Client)


class _Client(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        if not self.server.taken.acquire(blocking=False):
            return  # a second client finds the connection closed
        try:
            connection: socket.socket = self.request
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # notices a host that has gone
            session, decoder = Session(self.server.core), Decoder()
            while received := connection.recv(65536):
                for request in decoder.feed(received):
                    for frame in session.answer(request):
                        connection.sendall(frame.encode())
        except OSError:
            pass  # the client has gone
        finally:
            self.server.taken.release()


def _reply(request: Frame, payload: bytes = b"") -> Frame:
    return Frame(request.kind + REPLY, request.sequence, payload)


def _error(request: Frame, code: ErrorCode) -> Frame:
    return Frame(Kind.ERROR, request.sequence, bytes([code, request.kind & 0xFF]))


def _failed(request: Frame, error: AcceleratorError) -> Frame:
    """The host learns that there is no answer, this board's console why."""
    print(f"{error}\n{error.dump}", file=sys.stderr, flush=True)
    return _error(request, ErrorCode.TIMED_OUT)


def main() -> int:
    parser = argparse.ArgumentParser(description="Lends the accelerator to a host over TCP.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("."), help="the overlay folder")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: whoever reaches this board")
    parser.add_argument("--port", type=int, default=PORT)
    options = parser.parse_args()
    try:
        accelerator = Accelerator(options.folder)
    except AcceleratorError as error:
        print(f"error: {error}\n{error.dump}".rstrip(), file=sys.stderr)
        return 1
    with Server(accelerator, (options.host, options.port)) as server:
        info = accelerator.info
        print(f"design {info.design_hash[:12]} at {accelerator.clock_mhz:g} MHz, port {options.port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
