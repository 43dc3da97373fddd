"""Requests that several suites send, in both dialects."""

import base64
import struct
import zlib


def png(width=4, height=4):
    """A small valid picture."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x20\x80\xd0" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PNG = png()
PNG_BASE64 = base64.b64encode(PNG).decode()
IMAGE_URL = "https://example.com/cat.png"

WEATHER_PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
OPENAI_TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather in a city", "parameters": WEATHER_PARAMETERS},
}
ANTHROPIC_TOOL = {"name": "get_weather", "description": "The weather in a city", "input_schema": WEATHER_PARAMETERS}
# What the scripted provider calls the tool with.
CALLS = [{"city": "Paris", "days": 7}, {"city": 'London, "UK"', "days": 8}]

PERSON_SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "happy": {"type": "boolean"}},
    "required": ["name", "age", "happy"],
    "additionalProperties": False,
}
PERSON = {"name": "text é\U0001f600", "age": 7, "happy": True}

# The deployments of both providers, and the client's dialect with each: the four crossings.
PROVIDERS = ["oai", "ant"]
