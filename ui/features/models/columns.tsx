import { Badge } from "@/components/ui/badge";
import { contextWindow, usdPerMillion } from "@/lib/format";
import { modeLabel, type Model, type ModelSort } from "./schema";

export interface Column {
  id: string;
  label: string;
  title?: string;
  sort?: ModelSort;
  className?: string;
}

export const COLUMNS: readonly Column[] = [
  { id: "name", label: "Model", sort: "name" },
  { id: "provider", label: "Provider", sort: "provider", className: "hidden sm:table-cell" },
  { id: "mode", label: "Mode", className: "hidden md:table-cell" },
  { id: "input", label: "Input", title: "US dollars per million tokens", sort: "input", className: "text-right" },
  { id: "output", label: "Output", title: "US dollars per million tokens", sort: "output", className: "text-right" },
  { id: "context", label: "Context", sort: "context", className: "hidden text-right lg:table-cell" },
];

export function NameCell({ model }: { model: Model }) {
  return (
    <div className="grid min-w-0 gap-0.5">
      <span className="max-w-64 truncate font-medium" title={model.name}>
        {model.name}
      </span>
      {model.upstream !== model.name && (
        <span className="max-w-64 truncate font-mono text-[11px] text-muted-foreground" title={model.upstream}>
          {model.upstream}
        </span>
      )}
    </div>
  );
}

export function ModeCell({ model }: { model: Model }) {
  return (
    <span className="flex flex-wrap items-center gap-1">
      {model.mode && <Badge>{modeLabel(model.mode)}</Badge>}
      {model.abilities.map((ability) => (
        <Badge key={ability} tone="outline">
          {ability}
        </Badge>
      ))}
    </span>
  );
}

export function PriceCell({ perToken }: { perToken: number | null }) {
  return <span className={perToken === null ? "text-muted-foreground" : undefined}>{usdPerMillion(perToken)}</span>;
}

export function ContextCell({ model }: { model: Model }) {
  return (
    <div className="grid gap-0.5">
      <span>{contextWindow(model.context)}</span>
      {model.outputMax && (
        <span className="text-[11px] whitespace-nowrap text-muted-foreground">{contextWindow(model.outputMax)} out</span>
      )}
    </div>
  );
}
