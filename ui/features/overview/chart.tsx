"use client";

import { Area, AreaChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { compactCount, duration, usd } from "@/lib/format";
import { METRIC_LABELS, writeMetric, type Metric, type Point } from "./schema";

const COLORS: Record<Metric, string> = {
  spend: "var(--brand)",
  requests: "var(--brand)",
  errors: "var(--destructive)",
  latency: "var(--warning)",
};

function tick(metric: Metric, value: number): string {
  if (metric === "spend") return usd(value);
  return metric === "latency" ? duration(value) : compactCount(value);
}

const HOURS_BETWEEN_TICKS = 2;

function fullHours(series: Point[]): string[] {
  return series.map((point) => point.clock).filter((clock) => {
    const [hour, minute] = clock.split(":").map(Number);
    return minute === 0 && (hour ?? 0) % HOURS_BETWEEN_TICKS === 0;
  });
}

export default function OverviewChart({ series, metric }: { series: Point[]; metric: Metric }) {
  const color = COLORS[metric];
  return (
    <ResponsiveContainer width="100%" height="100%">
      <AreaChart data={series} margin={{ top: 8, right: 12, bottom: 0, left: 0 }} accessibilityLayer>
        <defs>
          <linearGradient id="overview-fill" x1="0" y1="0" x2="0" y2="1">
            <stop offset="0%" stopColor={color} stopOpacity={0.26} />
            <stop offset="100%" stopColor={color} stopOpacity={0.01} />
          </linearGradient>
        </defs>
        <CartesianGrid vertical={false} stroke="var(--border)" />
        <XAxis
          dataKey="clock"
          ticks={fullHours(series)}
          tickLine={false}
          axisLine={false}
          minTickGap={24}
          tickMargin={10}
          tick={{ fill: "var(--muted-foreground)", fontSize: 11 }}
        />
        <YAxis
          width={62}
          tickLine={false}
          axisLine={false}
          tickCount={4}
          allowDecimals={metric !== "requests" && metric !== "errors"}
          tickFormatter={(value: number) => tick(metric, value)}
          tick={{ fill: "var(--muted-foreground)", fontSize: 11 }}
        />
        <Tooltip
          cursor={{ stroke: "var(--muted-foreground)", strokeDasharray: "3 3" }}
          isAnimationActive={false}
          content={({ active, payload }) => {
            const point = payload?.[0]?.payload as Point | undefined;
            return active && point ? <PointCard point={point} metric={metric} /> : null;
          }}
        />
        <Area
          type="monotone"
          dataKey={metric}
          stroke={color}
          strokeWidth={1.75}
          fill="url(#overview-fill)"
          activeDot={{ r: 3.5, strokeWidth: 2, stroke: "var(--card)", fill: color }}
          isAnimationActive={false}
          connectNulls
        />
      </AreaChart>
    </ResponsiveContainer>
  );
}

function PointCard({ point, metric }: { point: Point; metric: Metric }) {
  return (
    <div className="grid gap-1 rounded-lg border bg-popover px-3 py-2 text-xs shadow-lg">
      <span className="text-muted-foreground">{point.clock}</span>
      <span className="tabular flex items-baseline gap-3 font-medium">
        {METRIC_LABELS[metric]}
        <span className="ml-auto">{writeMetric(metric, point[metric])}</span>
      </span>
    </div>
  );
}
