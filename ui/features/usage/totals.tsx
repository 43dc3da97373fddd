import { cn } from "@/lib/cn";
import { percent } from "@/lib/format";
import { change, METRIC_LABELS, METRICS, writeMetric, type Metric, type Usage } from "./schema";

interface TotalsProps {
  usage: Usage;
  metric: Metric;
  onMetric: (metric: Metric) => void;
  /** Which time it is compared with: "the 30 days before". */
  before: string;
}

/** The figures of the whole range. Each chooses what the bars below show. */
export function Totals({ usage, metric, onMetric, before }: TotalsProps) {
  return (
    <div role="group" aria-label="Totals" className="grid grid-cols-2 gap-px bg-border *:bg-card lg:grid-cols-4">
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
          <span className={cn("text-xs font-medium", each === metric ? "text-foreground" : "text-muted-foreground")}>
            {METRIC_LABELS[each]}
          </span>
          <span
            data-testid={`usage-${each}`}
            className="tabular text-2xl leading-none font-semibold tracking-[-0.03em]"
          >
            {writeMetric(each, usage.total[each])}
          </span>
          <span className="tabular truncate text-xs text-muted-foreground">
            {changeNote(usage.total[each], usage.previous?.[each], before)}
          </span>
        </button>
      ))}
    </div>
  );
}

function changeNote(now: number, previous: number | undefined, before: string): string {
  const share = change(now, previous);
  if (share === null) return "\u00a0";
  if (share === 0) return `as in ${before}`;
  return `${percent(Math.abs(share))} ${share > 0 ? "more" : "less"} than ${before}`;
}
