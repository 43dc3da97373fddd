"use client";

import { Coins, Gauge, Hash, Timer, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import type { Model } from "@/features/models/schema";
import { count, duration, usd } from "@/lib/format";
import { useLedgerCost } from "./api";
import { estimateCost, type Metrics } from "./schema";

interface MetricsLineProps {
  metrics: Metrics;
  model: string;
  models: Model[];
  latest: boolean;
}

/** Under each answer: what it took. The cost is the ledger's once its row is there, the list price until then. */
export function MetricsLine({ metrics, model, models, latest }: MetricsLineProps) {
  const { tokens, firstTokenMs, totalMs, callId } = metrics;
  const testId = (name: string) => (latest ? `playground-${name}` : undefined);
  return (
    <dl className="tabular flex flex-wrap gap-x-5 gap-y-1.5 border-t pt-3 text-xs text-muted-foreground">
      <Figure icon={Hash} name="Tokens" testId={testId("tokens")}>
        {tokens ? `${count(tokens.input)} in · ${count(tokens.output)} out` : "not reported"}
      </Figure>
      <Cost metrics={metrics} callId={callId} model={model} models={models} testId={testId("cost")} />
      <Figure icon={Gauge} name="First token" testId={testId("ttft")}>
        {firstTokenMs === null ? "–" : duration(firstTokenMs)}
      </Figure>
      <Figure icon={Timer} name="Total" testId={testId("total")}>
        {duration(totalMs)}
      </Figure>
    </dl>
  );
}

interface CostProps {
  metrics: Metrics;
  callId: string | null;
  model: string;
  models: Model[];
  testId: string | undefined;
}

function Cost({ metrics, callId, model, models, testId }: CostProps) {
  const ledger = useLedgerCost(callId);
  const priced = models.find((each) => each.name === model);
  const estimate = metrics.tokens && priced ? estimateCost(metrics.tokens, priced) : null;
  const exact = ledger.data ?? null;
  const shown = exact ?? estimate;
  const unknown = callId === null || ledger.isError ? "unknown" : "…";
  const title = exact === null ? "By list price; the ledger's figure follows" : "As charged in the ledger";
  return (
    <Figure icon={Coins} name="Cost" testId={testId} title={title}>
      {shown === null ? unknown : exact === null ? `≈ ${usd(shown)}` : usd(shown)}
    </Figure>
  );
}

interface FigureProps {
  icon: LucideIcon;
  name: string;
  testId: string | undefined;
  title?: string;
  children: ReactNode;
}

function Figure({ icon: Icon, name, testId, title, children }: FigureProps) {
  return (
    <div className="flex items-center gap-1.5" title={title}>
      <Icon className="size-3.5" aria-hidden />
      <dt>{name}</dt>
      <dd data-testid={testId} className="font-medium text-foreground">
        {children}
      </dd>
    </div>
  );
}
