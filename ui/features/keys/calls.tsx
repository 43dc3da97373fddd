"use client";

import { Activity } from "lucide-react";
import { EmptyState, LoadFailed } from "@/components/states";
import { RelativeTime } from "@/components/time";
import { Badge } from "@/components/ui/badge";
import { Skeleton } from "@/components/ui/skeleton";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Call } from "@/lib/api/calls";
import { compactCount, duration, usd } from "@/lib/format";
import { useRecentCalls } from "./api";

export function RecentCalls({ hash }: { hash: string }) {
  const calls = useRecentCalls(hash);
  return (
    <section className="grid gap-3">
      <h3 className="text-[13px] font-medium">Recent calls</h3>
      <div className="overflow-hidden rounded-lg border bg-card shadow-xs">
        {calls.isPending ? (
          <Skeleton className="m-4 h-32" />
        ) : calls.isError ? (
          <LoadFailed error={calls.error} retry={() => void calls.refetch()} what="the recent calls" />
        ) : calls.data.length === 0 ? (
          <EmptyState icon={Activity} title="Not used yet" className="py-10">
            The first call shows up here a few seconds after it ends.
          </EmptyState>
        ) : (
          <CallsTable calls={calls.data} />
        )}
      </div>
    </section>
  );
}

function CallsTable({ calls }: { calls: Call[] }) {
  return (
    <Table>
      <TableHeader>
        <tr>
          <TableHead>When</TableHead>
          <TableHead>Model</TableHead>
          <TableHead className="hidden text-right sm:table-cell">Tokens</TableHead>
          <TableHead className="hidden text-right sm:table-cell">Time</TableHead>
          <TableHead className="text-right">Cost</TableHead>
        </tr>
      </TableHeader>
      <TableBody>
        {calls.map((call) => (
          <TableRow key={call.event_id} data-testid="call-row">
            <TableCell className="h-10 text-muted-foreground">
              <RelativeTime value={call.startTime} />
            </TableCell>
            <TableCell className="h-10">
              <span className="flex items-center gap-2">
                <span className="max-w-32 truncate sm:max-w-44">{call.model_group || call.model}</span>
                <Outcome call={call} />
              </span>
            </TableCell>
            <TableCell className="tabular hidden h-10 text-right sm:table-cell" title={tokensTitle(call)}>
              {compactCount(call.total_tokens)}
            </TableCell>
            <TableCell className="tabular hidden h-10 text-right whitespace-nowrap text-muted-foreground sm:table-cell">
              {duration(call.request_duration_ms)}
            </TableCell>
            <TableCell className="tabular h-10 text-right">{usd(call.spend)}</TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

/** Says how a call ended when it did not simply succeed; the provider's words are in the title. */
function Outcome({ call }: { call: Call }) {
  const { outcome, error_information: error } = call.metadata;
  if (call.status === "success") return null;
  const message = typeof error === "object" && error !== null && "error_message" in error ? error.error_message : null;
  return (
    <Badge tone={outcome === "cancelled" ? "warning" : "danger"} title={message ? String(message) : undefined}>
      {typeof outcome === "string" ? outcome.replaceAll("_", " ") : "failed"}
    </Badge>
  );
}

function tokensTitle(call: Call): string {
  return `${compactCount(call.prompt_tokens)} in, ${compactCount(call.completion_tokens)} out`;
}
