import type { components } from "@/lib/api/schema";
import { parseTime } from "@/lib/format";
import { parseChoice, parsePage, type UrlCodec } from "@/lib/url-state";

export type KeyRow = components["schemas"]["KeyRow"];

export const PAGE_SIZE = 20;

export type KeyStatus = "active" | "blocked" | "expired";

export function keyStatus(key: Pick<KeyRow, "blocked" | "expires">, now: Date): KeyStatus {
  if (key.blocked) return "blocked";
  const expires = parseTime(key.expires);
  return expires && expires <= now ? "expired" : "active";
}

/** What people call the key: its alias, else the masked name, else the start of its hash. */
export function keyTitle(key: Pick<KeyRow, "key_alias" | "key_name" | "token">): string {
  return key.key_alias || key.key_name || `${key.token.slice(0, 10)}…`;
}

export const SORTS = ["created_at", "spend", "key_alias"] as const;
export type KeySort = (typeof SORTS)[number];

export interface KeyFilters {
  search: string;
  page: number;
  sort: KeySort;
  order: "asc" | "desc";
  /** Hash of the key whose detail is open. */
  open: string | null;
  creating: boolean;
}

export const keyCodec: UrlCodec<KeyFilters> = {
  parse: (params) => ({
    search: params.get("q") ?? "",
    page: parsePage(params.get("page")),
    sort: parseChoice(params.get("sort"), SORTS, "created_at"),
    order: parseChoice(params.get("order"), ["asc", "desc"], "desc"),
    open: params.get("key"),
    creating: params.get("create") === "1",
  }),
  write: ({ search, page, sort, order, open, creating }) => ({
    q: search,
    page: page === 1 ? undefined : String(page),
    sort: sort === "created_at" ? undefined : sort,
    order: order === "desc" ? undefined : order,
    key: open ?? undefined,
    create: creating ? "1" : undefined,
  }),
};

/** How long a new key lives; the server's own duration words. */
export const EXPIRIES = [
  { value: "never", label: "Never" },
  { value: "1d", label: "In 1 day" },
  { value: "7d", label: "In 7 days" },
  { value: "30d", label: "In 30 days" },
  { value: "90d", label: "In 90 days" },
  { value: "365d", label: "In 1 year" },
] as const;
export type Expiry = (typeof EXPIRIES)[number]["value"];

export interface KeyDraft {
  alias: string;
  models: string[];
  expiry: Expiry;
  budget: string;
  metadata: string;
}

export const EMPTY_DRAFT: KeyDraft = { alias: "", models: [], expiry: "never", budget: "", metadata: "" };

export type DraftErrors = Partial<Record<keyof KeyDraft, string>>;
export type GenerateBody = components["schemas"]["GenerateKey"];

function parseBudget(text: string): number | null | undefined {
  const trimmed = text.trim().replace(/^\$/, "");
  if (trimmed === "") return null;
  const value = Number(trimmed);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

function parseMetadata(text: string): Record<string, unknown> | undefined {
  if (text.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // told to the user as "not an object" all the same
  }
  return undefined;
}

/** The request body of a draft, or what is wrong with each field. */
export function toGenerateBody(draft: KeyDraft): { body: GenerateBody } | { errors: DraftErrors } {
  const errors: DraftErrors = {};
  const alias = draft.alias.trim();
  if (alias === "") errors.alias = "Give the key a name, so that its spend can be told apart.";
  const budget = parseBudget(draft.budget);
  if (budget === undefined) errors.budget = "An amount in US dollars, like 25 or 0.50.";
  const metadata = parseMetadata(draft.metadata);
  if (metadata === undefined) errors.metadata = 'A JSON object, like {"team": "search"}.';
  if (Object.keys(errors).length > 0) return { errors };
  return {
    body: {
      key_alias: alias,
      models: draft.models,
      ...(draft.expiry === "never" ? {} : { duration: draft.expiry }),
      ...(budget === null ? {} : { max_budget: budget }),
      ...(metadata && Object.keys(metadata).length > 0 ? { metadata } : {}),
    },
  };
}
