/** Server-sent events, incrementally: feed text in any chunking, get the `data` of each complete event. */
export class SseParser {
  private buffer = "";

  /** Returns the data of the events that `text` completed, in order. */
  push(text: string): string[] {
    this.buffer += text;
    // a CR at the very end may be half of a CRLF: leave it for the next chunk
    const held = this.buffer.endsWith("\r") ? 1 : 0;
    const ready = this.buffer.slice(0, this.buffer.length - held).replace(/\r\n?/g, "\n");
    const events = ready.split("\n\n");
    const rest = events.pop() ?? "";
    this.buffer = rest + this.buffer.slice(this.buffer.length - held);
    return events.map(eventData).filter((data) => data !== null);
  }
}

function eventData(event: string): string | null {
  const lines = event
    .split("\n")
    .filter((line) => line === "data" || line.startsWith("data:"))
    .map((line) => line.slice(5).replace(/^ /, ""));
  return lines.length === 0 ? null : lines.join("\n");
}

/** The `data` of each event of a response body, as it arrives. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const parser = new SseParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
