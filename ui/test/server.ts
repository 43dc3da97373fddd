import { vi } from "vitest";

export interface Asked {
  name: string;
  query: URLSearchParams;
  body: unknown;
  headers: Headers;
}

type Handler = (asked: Asked) => Response | unknown;

export function refuse(status: number, message: string, headers: Record<string, string> = {}): Response {
  return Response.json({ error: { message, type: null, param: null, code: String(status) } }, { status, headers });
}

/** A stream of server-sent events, one chunk each. */
export function events(...data: string[]): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const each of data) controller.enqueue(encoder.encode(`data: ${each}\n\n`));
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream", "x-litellm-call-id": "call-1" } });
}

/** Answers `fetch` from `routes` ("GET /key/list"); plain values become JSON. Returns what was asked, in order. */
export function serve(routes: Record<string, Handler>): Asked[] {
  const log: Asked[] = [];
  const answer = async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = input instanceof Request ? input : new Request(new URL(String(input), window.location.href), strip(init));
    const url = new URL(request.url);
    const name = `${request.method} ${url.pathname}`;
    const text = await request.text();
    const asked = { name, query: url.searchParams, body: text === "" ? null : JSON.parse(text), headers: request.headers };
    log.push(asked);
    const handler = routes[name];
    if (!handler) return refuse(404, `the test has no ${name}`);
    const result = handler(asked);
    return result instanceof Response ? result : Response.json(result);
  };
  vi.stubGlobal("fetch", answer);
  return log;
}

/** jsdom's signals are not the ones that the `Request` of Node takes. */
function strip(init?: RequestInit): RequestInit {
  return { ...init, signal: null };
}
