"use client";

import { useQuery } from "@tanstack/react-query";
import { readCalls } from "@/lib/api/calls";
import { api, unwrap } from "@/lib/api/client";
import { networkError, responseError } from "@/lib/api/error";
import { under } from "@/lib/prefix";

const LEDGER_POLL_MS = 700;
const LEDGER_POLLS_MAX = 14;

/** A short-lived key for this page. It stays in memory: a reload asks for a new one. */
export function useSessionKey() {
  return useQuery({
    queryKey: ["session-key"],
    queryFn: async () => (await unwrap(api.POST("/session/key", {}))).key,
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
}

async function readNames(key: string, signal: AbortSignal): Promise<string[]> {
  const response = await fetch(under("/v1/models"), {
    headers: { authorization: `Bearer ${key}` },
    credentials: "omit",
    signal,
  }).catch((cause: unknown) => {
    throw networkError(cause);
  });
  // a pasted key that is refused must not end the dashboard's own session
  if (!response.ok) throw new Error((await responseError(response)).message);
  const body = (await response.json()) as { data?: { id?: unknown }[] };
  const names = (body.data ?? []).map((model) => model.id).filter((id) => typeof id === "string");
  return [...new Set(names)].sort();
}

/** The models that this key may ask, from the data plane itself. */
export function useAskableModels(key: string | undefined) {
  return useQuery({
    queryKey: ["askable", key],
    queryFn: ({ signal }) => readNames(key ?? "", signal),
    enabled: key !== undefined && key !== "",
    staleTime: Infinity,
    gcTime: 0,
  });
}

/** The call's row is not in the database yet. */
class NotShipped extends Error {}

/** The cost of a call as the ledger has it, in US dollars; asked a few times, since rows are shipped in batches. */
export function useLedgerCost(callId: string | null) {
  return useQuery({
    queryKey: ["call", callId],
    queryFn: async ({ signal }): Promise<number> => {
      const rows = await readCalls({ request_id: callId ?? "" }, signal);
      // a call that was retried has a row for each attempt
      if (rows.length === 0) throw new NotShipped();
      return rows.reduce((sum, row) => sum + row.spend, 0);
    },
    enabled: callId !== null,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    retry: (failures, error) => error instanceof NotShipped && failures < LEDGER_POLLS_MAX,
    retryDelay: LEDGER_POLL_MS,
  });
}
