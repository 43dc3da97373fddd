import { describe, expect, it } from "vitest";
import { readEvents, SseParser } from "./sse";

const STREAM = 'data: {"a":1}\n\n: a comment\n\nevent: x\r\ndata: two\r\ndata: lines\r\n\r\ndata:tight\n\ndata: [DONE]\n\n';
const EVENTS = ['{"a":1}', "two\nlines", "tight", "[DONE]"];

describe("SseParser", () => {
  it("gives the same events whatever the chunks", () => {
    for (let size = 1; size <= STREAM.length; size++) {
      const parser = new SseParser();
      const events: string[] = [];
      for (let at = 0; at < STREAM.length; at += size) events.push(...parser.push(STREAM.slice(at, at + size)));
      expect(events, `chunks of ${size}`).toEqual(EVENTS);
    }
  });

  it("keeps an event that is not complete to itself", () => {
    const parser = new SseParser();
    expect(parser.push("data: half")).toEqual([]);
    expect(parser.push("\n")).toEqual([]);
    expect(parser.push("\n")).toEqual(["half"]);
  });
});

it("decodes characters that are split between chunks", async () => {
  const bytes = new TextEncoder().encode("data: 船🚢\n\n");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const events: string[] = [];
  for await (const event of readEvents(body)) events.push(event);
  expect(events).toEqual(["船🚢"]);
});
