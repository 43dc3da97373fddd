import createClient from "openapi-fetch";
import { networkError, toApiError } from "./error";
import type { paths } from "./schema";

/** Same origin: the gateway's front door serves the dashboard and the management API under one address. */
export const api = createClient<paths>({
  baseUrl: typeof window === "undefined" ? "" : window.location.origin,
  credentials: "same-origin",
  // looked up at each call, so that a test can put its own in the place of `fetch`
  fetch: (request) => globalThis.fetch(request),
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
