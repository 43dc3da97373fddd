import createClient from "openapi-fetch";
import { PREFIX } from "../prefix";
import { networkError, toApiError } from "./error";
import type { paths } from "./schema";

/** A control plane that takes longer than this is told of as one that does not answer. */
export const ANSWER_TIMEOUT_MS = 15_000;

/** `fetch` is looked up at each call, so that a test can put its own in its place. */
function fetchInTime(request: Request): Promise<Response> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
  return globalThis.fetch(new Request(request, { signal }));
}

/** Same origin: the gateway's front door serves the dashboard and the management API under one address. */
export const api = createClient<paths>({
  baseUrl: typeof window === "undefined" ? "" : window.location.origin + PREFIX,
  credentials: "same-origin",
  fetch: fetchInTime,
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of an answer; anything else is thrown as an `ApiError`. */
export async function unwrap<T>(call: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const answer = await call.catch((cause: unknown) => {
    throw networkError(cause);
  });
  if (!answer.response.ok || answer.data === undefined || answer.data === null) {
    throw toApiError(answer.response.status, answer.error, answer.response.headers);
  }
  return answer.data;
}
