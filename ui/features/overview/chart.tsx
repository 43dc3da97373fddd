"use client";

import { Area, AreaChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import { formatDateTime } from "@/lib/format";
import { METRIC_LABELS, pointLabel, writeMetric, type Metric, type Period, type Point } from "./schema";

const COLORS: Record<Metric, string> = {
  spend: "var(--brand)",
  requests: "var(--brand)",
  errors: "var(--destructive)",
  tokens: "var(--brand)",
};

interface OverviewChartProps {
  series: Point[];
  metric: Metric;
  period: Period;
}

export default function OverviewChart({ series, metric, period }: OverviewChartProps) {
  const color = COLORS[metric];
  const tick = { fill: "var(--muted-foreground)", fontSize: 11 };
  return (
    <ResponsiveContainer width="100%" height="100%">
      <AreaChart data={series} margin={{ top: 8, right: 16, bottom: 0, left: 0 }} accessibilityLayer>
        <defs>
          <linearGradient id="overview-fill" x1="0" y1="0" x2="0" y2="1">
            <stop offset="0%" stopColor={color} stopOpacity={0.26} />
            <stop offset="100%" stopColor={color} stopOpacity={0.01} />
          </linearGradient>
        </defs>
        <CartesianGrid vertical={false} stroke="var(--border)" />
        <XAxis
          dataKey={(point: Point) => point.at.getTime()}
          tickFormatter={(at: number) => pointLabel(new Date(at), period)}
          tickLine={false}
          axisLine={false}
          minTickGap={40}
          tickMargin={10}
          tick={tick}
        />
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
          cursor={{ stroke: "var(--muted-foreground)", strokeDasharray: "3 3" }}
          isAnimationActive={false}
          content={({ active, payload }) => {
            const point = payload?.[0]?.payload as Point | undefined;
            return active && point ? <PointCard point={point} metric={metric} period={period} /> : null;
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
        />
      </AreaChart>
    </ResponsiveContainer>
  );
}

function PointCard({ point, metric, period }: { point: Point; metric: Metric; period: Period }) {
  return (
    <div className="grid gap-1 rounded-lg border bg-popover px-3 py-2 text-xs shadow-lg">
      <span className="text-muted-foreground">
        {period === "24h" ? formatDateTime(point.at) : pointLabel(point.at, period)}
      </span>
      <span className="tabular flex items-baseline gap-3 font-medium">
        {METRIC_LABELS[metric]}
        <span className="ml-auto">{writeMetric(metric, point[metric])}</span>
      </span>
    </div>
  );
}
