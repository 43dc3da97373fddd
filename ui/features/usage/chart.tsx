"use client";

import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { groupColor, OTHER_COLOR } from "./colors";
import { writeMetric, type Bar as Step, type Metric, type Usage } from "./schema";

interface UsageChartProps {
  usage: Usage;
  metric: Metric;
}

/** Bars of each step, one part for each group and a last one for the rest. */
export default function UsageChart({ usage, metric }: UsageChartProps) {
  const tick = { fill: "var(--muted-foreground)", fontSize: 11 };
  const parts = usage.bars[0]?.parts.length ?? 0;
  return (
    <ResponsiveContainer width="100%" height="100%">
      <BarChart data={usage.bars} margin={{ top: 8, right: 16, bottom: 0, left: 0 }} barCategoryGap="18%" accessibilityLayer>
        <CartesianGrid vertical={false} stroke="var(--border)" />
        <XAxis dataKey="label" tickLine={false} axisLine={false} minTickGap={32} tickMargin={10} tick={tick} />
        <YAxis
          width={62}
          tickLine={false}
          axisLine={false}
          tickCount={4}
          allowDecimals={metric === "spend"}
          tickFormatter={(value: number) => writeMetric(metric, value)}
          tick={tick}
        />
        <Tooltip
          cursor={{ fill: "var(--muted)" }}
          isAnimationActive={false}
          content={({ active, payload }) => {
            const step = payload?.[0]?.payload as Step | undefined;
            return active && step ? <StepCard step={step} usage={usage} metric={metric} /> : null;
          }}
        />
        {Array.from({ length: parts }, (_, index) => (
          <Bar
            key={index}
            stackId="parts"
            dataKey={(step: Step) => step.parts[index]?.[metric] ?? 0}
            fill={index < usage.groups.length ? groupColor(index) : OTHER_COLOR}
            fillOpacity={index < usage.groups.length ? 1 : 0.35}
            isAnimationActive={false}
          />
        ))}
      </BarChart>
    </ResponsiveContainer>
  );
}

function StepCard({ step, usage, metric }: { step: Step; usage: Usage; metric: Metric }) {
  const named = step.parts.map((part, index) => ({
    name: usage.groups[index]?.name ?? "Other",
    color: index < usage.groups.length ? groupColor(index) : OTHER_COLOR,
    value: part[metric],
  }));
  return (
    <div className="grid min-w-44 gap-1.5 rounded-lg border bg-popover px-3 py-2 text-xs shadow-lg">
      <span className="tabular flex items-baseline gap-4 font-medium">
        {step.label}
        <span className="ml-auto">{writeMetric(metric, step.figures[metric])}</span>
      </span>
      {named
        .filter((part) => part.value > 0)
        .map((part) => (
          <span key={part.name} className="tabular flex items-center gap-2 text-muted-foreground">
            <span aria-hidden className="size-2 shrink-0 rounded-[2px]" style={{ background: part.color }} />
            <span className="max-w-48 truncate">{part.name}</span>
            <span className="ml-auto pl-3">{writeMetric(metric, part.value)}</span>
          </span>
        ))}
    </div>
  );
}
