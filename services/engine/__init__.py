"""The engine: streams of chunks, made by devices, fairly and within fixed memory."""

from services.engine.buffers import BufferPool, Lease
from services.engine.chunks import Chunk, Span
from services.engine.device import Device, DeviceLostError, UnsuitableError, Work
from services.engine.engine import SMALL_READ_BYTES, Engine, EngineOptions
from services.engine.observer import Observer, Reason, Unobserved
from services.engine.source import ByteSource
from services.engine.stream import Stream

__all__ = [
    "SMALL_READ_BYTES",
    "BufferPool",
    "ByteSource",
    "Chunk",
    "Device",
    "DeviceLostError",
    "Engine",
    "EngineOptions",
    "Lease",
    "Observer",
    "Reason",
    "Span",
    "Stream",
    "Unobserved",
    "UnsuitableError",
    "Work",
]
