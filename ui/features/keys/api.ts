"use client";

import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { readCalls } from "@/lib/api/calls";
import { api, unwrap } from "@/lib/api/client";
import { PAGE_SIZE, toKeyRow, type KeyBody, type KeyFilters, type KeyRow } from "./schema";

const LIVE_MS = 10_000;
const RECENT_CALLS = 25;

export interface KeyPage {
  rows: KeyRow[];
  total: number;
}

export function useKeys(filters: Pick<KeyFilters, "search" | "page" | "sort" | "order">) {
  const { search, page, sort, order } = filters;
  return useQuery({
    queryKey: ["keys", { search, page, sort, order }],
    queryFn: async ({ signal }): Promise<KeyPage> => {
      const query = {
        page,
        size: PAGE_SIZE,
        ...(search ? { search } : {}),
        sort_by: sort,
        sort_order: order,
        return_full_object: true,
      };
      const answer = await unwrap(api.GET("/key/list", { params: { query }, signal }));
      const rows = answer.keys.filter((entry) => typeof entry !== "string").map((view) => toKeyRow(view));
      return { rows, total: answer.total_count };
    },
    placeholderData: keepPreviousData,
  });
}

export function useKey(hash: string) {
  return useQuery({
    queryKey: ["key", hash],
    queryFn: async ({ signal }): Promise<KeyRow> => {
      const { info } = await unwrap(api.GET("/key/info", { params: { query: { key: hash } }, signal }));
      return toKeyRow(info, hash);
    },
    refetchInterval: LIVE_MS,
  });
}

export function useRecentCalls(hash: string) {
  return useQuery({
    queryKey: ["key", hash, "calls"],
    queryFn: ({ signal }) => readCalls({ api_key: hash, page_size: RECENT_CALLS }, signal),
    refetchInterval: LIVE_MS,
  });
}

/** After any change: the lists and this key's detail are read anew. */
function useRefreshKeys() {
  const client = useQueryClient();
  return () =>
    Promise.all([
      client.invalidateQueries({ queryKey: ["keys"] }),
      client.invalidateQueries({ queryKey: ["key"] }),
    ]);
}

export function useCreateKey() {
  const refresh = useRefreshKeys();
  return useMutation({
    mutationFn: (body: KeyBody) => unwrap(api.POST("/key/generate", { body })),
    onSuccess: () => void refresh(),
  });
}

export function useUpdateKey() {
  const refresh = useRefreshKeys();
  return useMutation({
    mutationFn: (body: KeyBody) => unwrap(api.POST("/key/update", { body })),
    onSuccess: () => refresh(),
  });
}

export function useBlockKey() {
  const refresh = useRefreshKeys();
  return useMutation({
    mutationFn: ({ hash, blocked }: { hash: string; blocked: boolean }) =>
      unwrap(api.POST(blocked ? "/key/block" : "/key/unblock", { body: { key: hash } })),
    onSuccess: () => refresh(),
  });
}

export function useDeleteKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (hash: string) => unwrap(api.POST("/key/delete", { body: { keys: [hash] } })),
    onSuccess: (_answer, hash) => {
      client.removeQueries({ queryKey: ["key", hash] });
      return client.invalidateQueries({ queryKey: ["keys"] });
    },
  });
}
