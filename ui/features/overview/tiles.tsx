import { ArrowDownRight, ArrowUpRight, Minus } from "lucide-react";
import { cn } from "@/lib/cn";
import { change, percent } from "@/lib/format";
import { METRIC_LABELS, METRICS, writeMetric, type Metric, type Overview } from "./schema";

/** Whether more of it is good news; spend and requests are neither. */
const MORE_IS_BAD: Record<Metric, boolean> = { spend: false, requests: false, errors: true, latency: true };

interface TilesProps {
  overview: Overview;
  metric: Metric;
  onMetric: (metric: Metric) => void;
}

/** The four figures of today. Each is a tab: it chooses what the chart below shows. */
export function Tiles({ overview, metric, onMetric }: TilesProps) {
  return (
    <div
      role="tablist"
      aria-label="Figure shown in the chart"
      className="grid grid-cols-2 divide-border max-lg:[&>*:nth-child(-n+2)]:border-b [&>*:not(:first-child)]:border-l max-lg:[&>*:nth-child(3)]:border-l-0 lg:grid-cols-4"
    >
      {METRICS.map((each) => (
        <Tile key={each} metric={each} overview={overview} current={each === metric} onSelect={() => onMetric(each)} />
      ))}
    </div>
  );
}

interface TileProps {
  metric: Metric;
  overview: Overview;
  current: boolean;
  onSelect: () => void;
}

function Tile({ metric, overview, current, onSelect }: TileProps) {
  const value = overview.today[metric];
  const before = overview.before[metric];
  return (
    <button
      type="button"
      role="tab"
      aria-selected={current}
      onClick={onSelect}
      className="group relative grid content-start gap-2 px-5 py-4 text-left transition-colors outline-none hover:bg-muted/50 focus-visible:ring-2 focus-visible:ring-ring/70 focus-visible:ring-inset"
    >
      <span
        aria-hidden
        className={cn("absolute inset-x-0 -bottom-px z-10 h-0.5 bg-brand transition-opacity", current ? "" : "opacity-0")}
      />
      <span className={cn("text-xs font-medium", current ? "text-foreground" : "text-muted-foreground")}>
        {METRIC_LABELS[metric]}
        {metric === "latency" && <span className="font-normal text-muted-foreground"> median</span>}
      </span>
      <span
        data-testid={`overview-${metric}`}
        className="tabular text-2xl leading-none font-semibold tracking-[-0.03em]"
      >
        {writeMetric(metric, value)}
      </span>
      <Delta now={value} before={before} metric={metric} />
    </button>
  );
}

function Delta({ now, before, metric }: { now: number | null; before: number | null; metric: Metric }) {
  const delta = now === null || before === null ? null : change(now, before);
  if (delta === null) return <span className="text-xs text-muted-foreground">nothing to compare with</span>;
  const steady = Math.abs(delta) < 0.005;
  const Icon = steady ? Minus : delta > 0 ? ArrowUpRight : ArrowDownRight;
  const tone = steady || !MORE_IS_BAD[metric] ? "text-muted-foreground" : delta > 0 ? "text-destructive" : "text-success";
  return (
    <span className={cn("tabular flex items-center gap-1 text-xs whitespace-nowrap", tone)}>
      <Icon className="size-3.5 shrink-0" aria-hidden />
      {steady ? "steady" : `${percent(Math.abs(delta))} ${delta > 0 ? "more" : "less"}`}
      <span className="truncate text-muted-foreground max-sm:hidden" title="Yesterday, up to this time of day">
        · {writeMetric(metric, before)} before
      </span>
    </span>
  );
}
