"use client";

import { ChartColumnStacked } from "lucide-react";
import dynamic from "next/dynamic";
import { Page, PageHeader } from "@/components/page";
import { EmptyState, LoadFailed } from "@/components/states";
import { Card } from "@/components/ui/card";
import { Segmented } from "@/components/ui/segmented";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { Skeleton } from "@/components/ui/skeleton";
import { cn } from "@/lib/cn";
import { usd } from "@/lib/format";
import { useUrlState } from "@/lib/url-state";
import { useUsage } from "./api";
import { Groups } from "./groups";
import {
  DIMENSION_NAMES,
  DIMENSIONS,
  RANGE_LABELS,
  RANGES,
  usageCodec,
  type Dimension,
  type Usage,
  type UsageFilters,
} from "./schema";
import { Totals } from "./totals";

const UsageChart = dynamic(() => import("./chart"), { ssr: false, loading: () => <Skeleton className="h-full" /> });

const RANGE_OPTIONS = RANGES.map((value) => ({ value, label: value, title: RANGE_LABELS[value] }));

export function UsageView() {
  const [filters, setFilters] = useUrlState(usageCodec);
  const usage = useUsage(filters.range, filters.by);
  return (
    <Page>
      <PageHeader
        title="Usage"
        description={`What was used in the last ${RANGE_LABELS[filters.range]}, and by whom.`}
        actions={
          <>
            <By value={filters.by} onChange={(by) => setFilters({ by })} />
            <Segmented
              label="Range"
              value={filters.range}
              onChange={(range) => setFilters({ range })}
              options={RANGE_OPTIONS}
            />
          </>
        }
      />
      {usage.isPending ? (
        <UsageSkeleton />
      ) : usage.isError ? (
        <Card>
          <LoadFailed error={usage.error} retry={() => void usage.refetch()} what="usage" />
        </Card>
      ) : (
        <div className={cn("grid gap-6 transition-opacity", usage.isPlaceholderData && "opacity-60")}>
          <Room usage={usage.data} filters={filters} setFilters={setFilters} />
        </div>
      )}
    </Page>
  );
}

function By({ value, onChange }: { value: Dimension; onChange: (by: Dimension) => void }) {
  return (
    <Select value={value} onValueChange={(by) => onChange(by as Dimension)}>
      <SelectTrigger aria-label="Grouped by" data-testid="usage-by" className="h-8 w-40 text-xs">
        <SelectValue />
      </SelectTrigger>
      <SelectContent>
        {DIMENSION_NAMES.map((name) => (
          <SelectItem key={name} value={name}>
            {DIMENSIONS[name]}
          </SelectItem>
        ))}
      </SelectContent>
    </Select>
  );
}

interface RoomProps {
  usage: Usage;
  filters: UsageFilters;
  setFilters: (patch: Partial<UsageFilters>) => void;
}

function Room({ usage, filters, setFilters }: RoomProps) {
  return (
    <>
      <Card className="overflow-hidden">
        <div className="border-b">
          <Totals
            usage={usage}
            metric={filters.metric}
            onMetric={(metric) => setFilters({ metric })}
            before={`the ${RANGE_LABELS[filters.range]} before`}
          />
        </div>
        <div className="h-80 py-4 pr-2 sm:pr-4" data-testid="usage-chart">
          {usage.total.requests === 0 ? (
            <EmptyState icon={ChartColumnStacked} title="No usage in this time" className="py-10">
              Choose a longer range, or send a first request.
            </EmptyState>
          ) : (
            <UsageChart usage={usage} metric={filters.metric} />
          )}
        </div>
        {usage.forecast && usage.forecast.expected > 0 && (
          <p className="border-t px-5 py-2.5 text-xs text-muted-foreground" data-testid="usage-forecast">
            {usage.forecast.month}: {usd(usage.forecast.spend)} so far, about {usd(usage.forecast.expected)} by its end if days go
            on as in the last four weeks; {usd(usage.forecast.previous)} the month before.
          </p>
        )}
        {!usage.isExact && (
          <p className="border-t px-5 py-2.5 text-xs text-muted-foreground">
            Old days are known as UTC days only: at the edges of local days and months some usage counts a few hours off.
          </p>
        )}
      </Card>
      {usage.groups.length > 0 && <Groups usage={usage} by={filters.by} range={filters.range} />}
    </>
  );
}

function UsageSkeleton() {
  return (
    <div role="status" aria-label="Loading" className="grid gap-6">
      <Skeleton className="h-104 rounded-lg" />
      <Skeleton className="h-64 rounded-lg" />
    </div>
  );
}
