"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/lib/api/client";
import { toOverview } from "./schema";

const REFRESH_MS = 15_000;

export function useOverview() {
  return useQuery({
    queryKey: ["overview"],
    queryFn: async ({ signal }) => toOverview(await unwrap(api.GET("/analytics/overview", { signal }))),
    refetchInterval: REFRESH_MS,
    placeholderData: keepPreviousData,
  });
}
