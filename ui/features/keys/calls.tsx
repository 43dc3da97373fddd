"use client";

import { Activity } from "lucide-react";
import { EmptyState, LoadFailed } from "@/components/states";
import { RelativeTime } from "@/components/time";
import { Badge } from "@/components/ui/badge";
import { Skeleton } from "@/components/ui/skeleton";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { components } from "@/lib/api/schema";
import { compactCount, duration, parseTime, usd } from "@/lib/format";
import { useRecentCalls } from "./api";

type Call = components["schemas"]["SpendLog"];

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
          <TableHead className="text-right">Tokens</TableHead>
          <TableHead className="text-right">Time</TableHead>
          <TableHead className="text-right">Cost</TableHead>
        </tr>
      </TableHeader>
      <TableBody>
        {calls.map((call) => (
          <TableRow key={call.request_id} data-testid="call-row">
            <TableCell className="h-10 text-muted-foreground">
              <RelativeTime value={call.startTime} />
            </TableCell>
            <TableCell className="h-10">
              <span className="flex items-center gap-2">
                <span className="max-w-44 truncate">{call.model_group || call.model}</span>
                <Outcome status={call.status} />
              </span>
            </TableCell>
            <TableCell className="tabular h-10 text-right" title={tokensTitle(call)}>
              {compactCount(call.total_tokens)}
            </TableCell>
            <TableCell className="tabular h-10 text-right whitespace-nowrap text-muted-foreground">
              {callDuration(call)}
            </TableCell>
            <TableCell className="tabular h-10 text-right">{usd(call.spend)}</TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

function Outcome({ status }: { status: string | null | undefined }) {
  if (!status || status === "success") return null;
  return <Badge tone={status === "failure" ? "danger" : "warning"}>{status === "failure" ? "failed" : status}</Badge>;
}

function tokensTitle(call: Call): string {
  return `${compactCount(call.prompt_tokens)} in, ${compactCount(call.completion_tokens)} out`;
}

function callDuration(call: Call): string {
  const start = parseTime(call.startTime);
  const end = parseTime(call.endTime);
  const ms = call.request_duration_ms ?? (start && end ? end.getTime() - start.getTime() : null);
  return ms === null ? "–" : duration(ms);
}
