import type { ReactNode } from "react";
import { cn } from "@/lib/cn";
import { duration, percent } from "@/lib/format";
import { METRIC_LABELS, METRICS, writeMetric, yesterday, type Metric, type Overview, type Summary } from "./schema";

interface TilesProps {
  today: Summary;
  /** The last seven days, once they are there. */
  week: Overview | undefined;
  metric: Metric;
  onMetric: (metric: Metric) => void;
}

/** The figures of today next to yesterday's. Those that have a course choose what the chart below shows. */
export function Tiles({ today, week, metric, onMetric }: TilesProps) {
  const before = yesterday(week);
  return (
    <div
      role="group"
      aria-label="Today"
      className="grid grid-cols-2 gap-px bg-border *:bg-card max-lg:*:last:col-span-2 lg:grid-cols-5"
    >
      {METRICS.map((each) => (
        <button
          key={each}
          type="button"
          aria-pressed={each === metric}
          onClick={() => onMetric(each)}
          className={cn(
            "relative grid content-start gap-2 px-5 py-4 text-left transition-colors outline-none hover:bg-muted/60 focus-visible:z-10 focus-visible:ring-2 focus-visible:ring-ring/70 focus-visible:ring-inset",
            each === metric && "after:absolute after:inset-x-0 after:bottom-0 after:h-0.5 after:bg-brand",
          )}
        >
          <Label strong={each === metric}>
            {METRIC_LABELS[each]} <span className="font-normal text-muted-foreground">today</span>
          </Label>
          <Value testId={`overview-${each}`}>{writeMetric(each, today[each])}</Value>
          <Note>{before ? `${writeMetric(each, before[each])} yesterday` : "\u00a0"}</Note>
        </button>
      ))}
      <div className="grid content-start gap-2 px-5 py-4">
        <Label>
          Latency <span className="font-normal">today, median</span>
        </Label>
        <Value testId="overview-latency">{today.medianLatency === null ? "–" : duration(today.medianLatency)}</Value>
        <Note>{latencyNote(today, week)}</Note>
      </div>
    </div>
  );
}

function latencyNote(today: Summary, week: Overview | undefined): string {
  const parts = [
    today.p95Latency === null ? "" : `p95 ${duration(today.p95Latency)}`,
    week?.total.medianLatency ? `${duration(week.total.medianLatency)} in 7 days` : "",
  ];
  return parts.filter(Boolean).join(" · ") || "\u00a0";
}

/** How reliable today was, in one sentence. */
export function Health({ today }: { today: Summary }) {
  if (today.requests === 0) return null;
  const share = today.errors / today.requests;
  const refused = today.refusals > 0 ? ` ${writeMetric("requests", today.refusals)} were refused by a limit or a key.` : "";
  return (
    <span>
      {today.errors === 0 ? "No call failed today." : `${percent(share)} of today's calls failed.`}
      {refused}
    </span>
  );
}

function Label({ strong, children }: { strong?: boolean; children: ReactNode }) {
  return (
    <span className={cn("text-xs font-medium", strong ? "text-foreground" : "text-muted-foreground")}>{children}</span>
  );
}

function Value({ testId, children }: { testId: string; children: ReactNode }) {
  return (
    <span data-testid={testId} className="tabular text-2xl leading-none font-semibold tracking-[-0.03em]">
      {children}
    </span>
  );
}

function Note({ children }: { children: ReactNode }) {
  return <span className="tabular truncate text-xs text-muted-foreground">{children}</span>;
}
