"use client";

import { formatDateTime, fromNow, parseTime } from "@/lib/format";
import { useNow } from "@/lib/use-now";

/** A moment as distance from now, with the exact time on hover and for machines. */
export function RelativeTime({ value, fallback = "–" }: { value: string | null | undefined; fallback?: string }) {
  const now = useNow();
  const date = parseTime(value);
  if (!date) return <span className="text-muted-foreground">{fallback}</span>;
  return (
    <time dateTime={date.toISOString()} title={formatDateTime(date)} className="whitespace-nowrap">
      {fromNow(date, now)}
    </time>
  );
}
