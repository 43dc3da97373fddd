/** A refusal or failure of the server, in one shape whichever dialect it was phrased in. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** HTTP status; 0 when there was no answer at all. */
    readonly status: number,
    message: string,
    readonly kind?: string,
    readonly param?: string,
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
  }

  get isSignedOut(): boolean {
    return this.status === 401;
  }

  /** Likely to pass without a change: nothing reached the server, or it was too busy or too slow. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }

  /** Worth asking again at once; who was already waited for long enough is not. */
  get isWorthRetrying(): boolean {
    return this.isTransient && this.status !== 504;
  }
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** `{"detail": …}`: a sentence, an object with a sentence, or the list of a request that broke the schema. */
function detailMessage(detail: unknown): string | undefined {
  if (Array.isArray(detail)) {
    const parts = detail.filter(isObject).map((item) => {
      const place = Array.isArray(item.loc) ? item.loc.filter((part) => part !== "body").join(".") : "";
      return [place, text(item.msg)].filter(Boolean).join(": ");
    });
    return text(parts.join("; "));
  }
  if (isObject(detail)) return text(detail.error) ?? text(detail.message);
  return text(detail);
}

const STATUS_SENTENCES: Record<number, string> = {
  401: "You are signed out.",
  403: "Your role does not allow this.",
  404: "Not found.",
  413: "The request is too large.",
  429: "Too many requests. Try again in a moment.",
  502: "The control plane cannot be reached. LLM requests are not affected.",
  503: "The control plane is busy or starting. LLM requests are not affected.",
  504: "The control plane did not answer in time. LLM requests are not affected.",
};

function retryAfter(headers: Headers | undefined): number | undefined {
  const seconds = Number(headers?.get("retry-after") ?? NaN);
  return Number.isFinite(seconds) ? seconds : undefined;
}

/** Reads an error body of either convention (`{"error": {…}}`, `{"detail": …}`), or plain text, or nothing. */
export function toApiError(status: number, body: unknown, headers?: Headers): ApiError {
  const wait = retryAfter(headers);
  const fallback = STATUS_SENTENCES[status] ?? `The server answered ${status}.`;
  if (isObject(body) && isObject(body.error)) {
    const { message, type, param } = body.error;
    return new ApiError(status, text(message) ?? fallback, text(type), text(param), wait);
  }
  if (isObject(body)) {
    const message = detailMessage(body.detail) ?? text(body.error) ?? text(body.message);
    return new ApiError(status, message ?? fallback, undefined, undefined, wait);
  }
  const plain = text(body)?.trim();
  const readable = plain && plain.length < 300 && !plain.startsWith("<") ? plain : fallback;
  return new ApiError(status, readable, undefined, undefined, wait);
}

/** The body of a failed response: JSON when it is, else its text. */
export async function responseError(response: Response): Promise<ApiError> {
  const body = await response.text().catch(() => "");
  try {
    return toApiError(response.status, JSON.parse(body), response.headers);
  } catch {
    return toApiError(response.status, body, response.headers);
  }
}

export function networkError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  // a DOMException, which not every browser counts among the errors
  if (isObject(cause) && cause.name === "TimeoutError") return toApiError(504, null);
  return new ApiError(0, "No answer from Bulkhead. Is it running, and are you online?");
}
