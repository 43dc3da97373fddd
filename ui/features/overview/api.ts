"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/lib/api/client";
import { toOverview, type Period } from "./schema";

const LIVE_MS = 15_000;
const COMPARISON_MS = 60_000;

function overviewQuery(period: Period, refetchInterval: number) {
  return {
    queryKey: ["overview", period],
    queryFn: async ({ signal }: { signal: AbortSignal }) => {
      // read at each call: clocks change twice a year, and laptops travel
      const query = { period, timezone: new Date().getTimezoneOffset() };
      return toOverview(await unwrap(api.GET("/analytics/overview", { params: { query }, signal })));
    },
    refetchInterval,
  };
}

export function useOverview(period: Period) {
  return useQuery({ ...overviewQuery(period, LIVE_MS), placeholderData: keepPreviousData });
}

/** The last days, which today is compared with. */
export function useLastWeek() {
  return useQuery(overviewQuery("7d", COMPARISON_MS));
}
