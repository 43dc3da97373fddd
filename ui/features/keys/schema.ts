import type { components } from "@/lib/api/schema";
import { parseTime } from "@/lib/format";
import { parseChoice, parsePage, type UrlCodec } from "@/lib/url-state";

type Wire = components["schemas"]["KeyView"];

export interface KeyRow {
  /** SHA-256 of the key: its name in every address and request. */
  token: string;
  key_name: string;
  key_alias: string | null;
  /** US dollars in the current budget window. */
  spend: number;
  /** US dollars; `null` for no bound. */
  max_budget: number | null;
  expires: string | null;
  models: string[];
  metadata: Record<string, unknown>;
  blocked: boolean;
  user_id: string | null;
  team_id: string | null;
  created_at: string;
  created_by: string | null;
}

/** `hash` is what was asked for; rows of a list carry their own. */
export function toKeyRow(wire: Wire, hash = ""): KeyRow {
  return {
    token: wire.token ?? hash,
    key_name: wire.key_name,
    key_alias: wire.key_alias ?? null,
    spend: wire.spend,
    max_budget: wire.max_budget ?? null,
    expires: wire.expires ?? null,
    models: wire.models,
    metadata: wire.metadata,
    blocked: wire.blocked,
    user_id: wire.user_id ?? null,
    team_id: wire.team_id ?? null,
    created_at: wire.created_at,
    created_by: wire.created_by ?? null,
  };
}

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

/** The id that the compatible surface gives to whoever holds the master key. */
const MASTER_USER_ID = "default_user_id";

export function creatorName(userId: string): string {
  return userId === MASTER_USER_ID ? "the admin" : userId;
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
/** What an edit offers first: the end stays as it is. */
export const EXPIRIES_OF_EDIT = [{ value: "keep", label: "Unchanged" }, ...EXPIRIES] as const;
export type Expiry = (typeof EXPIRIES_OF_EDIT)[number]["value"];

export interface KeyDraft {
  alias: string;
  models: string[];
  expiry: Expiry;
  budget: string;
  metadata: string;
}

export const EMPTY_DRAFT: KeyDraft = { alias: "", models: [], expiry: "never", budget: "", metadata: "" };

/** What a key is now, to be edited. */
export function draftOf(row: KeyRow): KeyDraft {
  return {
    alias: row.key_alias ?? "",
    models: row.models,
    expiry: "keep",
    budget: row.max_budget === null ? "" : String(row.max_budget),
    metadata: Object.keys(row.metadata).length === 0 ? "" : JSON.stringify(row.metadata, null, 2),
  };
}

export type DraftErrors = Partial<Record<keyof KeyDraft, string>>;
export type KeyBody = components["schemas"]["KeyFields"];
export type Checked = { body: KeyBody } | { errors: DraftErrors };

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

interface Fields {
  alias: string;
  budget: number | null;
  metadata: Record<string, unknown>;
}

function check(draft: KeyDraft): { fields: Fields } | { errors: DraftErrors } {
  const alias = draft.alias.trim();
  const budget = parseBudget(draft.budget);
  const metadata = parseMetadata(draft.metadata);
  if (alias !== "" && budget !== undefined && metadata !== undefined) return { fields: { alias, budget, metadata } };
  return {
    errors: {
      ...(alias === "" ? { alias: "Give the key a name, so that its spend can be told apart." } : {}),
      ...(budget === undefined ? { budget: "An amount in US dollars, like 25 or 0.50." } : {}),
      ...(metadata === undefined ? { metadata: 'A JSON object, like {"team": "search"}.' } : {}),
    },
  };
}

/** The body that makes a key, or what is wrong with each field. What was not said is left out. */
export function toCreateBody(draft: KeyDraft): Checked {
  const checked = check(draft);
  if ("errors" in checked) return checked;
  const { alias, budget, metadata } = checked.fields;
  return {
    body: {
      key_alias: alias,
      models: draft.models,
      ...(draft.expiry === "never" || draft.expiry === "keep" ? {} : { duration: draft.expiry }),
      ...(budget === null ? {} : { max_budget: budget }),
      ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    },
  };
}

/** The body that changes a key: all that the form shows is set, `null` clears. */
export function toUpdateBody(draft: KeyDraft, hash: string): Checked {
  const checked = check(draft);
  if ("errors" in checked) return checked;
  const { alias, budget, metadata } = checked.fields;
  return {
    body: {
      key: hash,
      key_alias: alias,
      models: draft.models,
      max_budget: budget,
      metadata,
      ...(draft.expiry === "keep" ? {} : { duration: draft.expiry === "never" ? null : draft.expiry }),
    },
  };
}
