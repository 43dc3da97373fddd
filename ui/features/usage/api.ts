"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/lib/api/client";
import { frame, toUsage, type Dimension, type Range } from "./schema";

const LIVE_MS = 60_000;
/** Groups with a colour of their own. */
export const TOP = 8;

export function useUsage(range: Range, by: Dimension) {
  return useQuery({
    queryKey: ["usage", range, by],
    queryFn: async ({ signal }) => {
      const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
      const query = { ...frame(range, new Date()), timezone, by, top: TOP, group_series: true, compare: true, forecast: true };
      return toUsage(await unwrap(api.GET("/analytics/usage", { params: { query }, signal })), by);
    },
    refetchInterval: LIVE_MS,
    placeholderData: keepPreviousData,
  });
}
