import { Ban, CircleCheck, MoreHorizontal, Pencil, Trash2 } from "lucide-react";
import { RelativeTime } from "@/components/time";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuSeparator,
  DropdownMenuTrigger,
} from "@/components/ui/dropdown-menu";
import { Meter } from "@/components/ui/meter";
import { usd } from "@/lib/format";
import { keyStatus, keyTitle, type KeyRow, type KeySort, type KeyStatus } from "./schema";

export interface Column {
  id: string;
  label: string;
  sort?: KeySort;
  /** Columns that give way first on narrow screens. */
  className?: string;
}

export const COLUMNS: readonly Column[] = [
  { id: "name", label: "Key", sort: "key_alias" },
  { id: "status", label: "Status", className: "hidden sm:table-cell" },
  { id: "models", label: "Models", className: "hidden md:table-cell" },
  { id: "spend", label: "Spend", sort: "spend" },
  { id: "expires", label: "Expires", className: "hidden lg:table-cell" },
  { id: "created", label: "Created", sort: "created_at", className: "hidden lg:table-cell" },
];

const STATUS: Record<KeyStatus, { label: string; tone: "success" | "danger" | "warning" }> = {
  active: { label: "Active", tone: "success" },
  blocked: { label: "Blocked", tone: "danger" },
  expired: { label: "Expired", tone: "warning" },
};

export function StatusBadge({ row, now }: { row: KeyRow; now: Date }) {
  const { label, tone } = STATUS[keyStatus(row, now)];
  return (
    <Badge tone={tone} dot data-testid="key-status">
      {label}
    </Badge>
  );
}

export function NameCell({ row, now, onOpen }: { row: KeyRow; now: Date; onOpen: () => void }) {
  return (
    <div className="grid min-w-0 justify-items-start gap-0.5">
      <button
        type="button"
        onClick={onOpen}
        className="max-w-44 truncate rounded text-left font-medium outline-none after:absolute after:inset-0 focus-visible:after:rounded-md focus-visible:after:ring-2 focus-visible:after:ring-ring/70 focus-visible:after:ring-inset sm:max-w-64"
      >
        {keyTitle(row)}
      </button>
      {row.key_alias && row.key_name && (
        <span className="font-mono text-[11px] text-muted-foreground">{row.key_name}</span>
      )}
      {keyStatus(row, now) !== "active" && (
        <span className="mt-0.5 sm:hidden">
          <StatusBadge row={row} now={now} />
        </span>
      )}
    </div>
  );
}

const MODELS_SHOWN = 2;

export function ModelsCell({ models }: { models: string[] }) {
  if (models.length === 0) return <span className="text-muted-foreground">All models</span>;
  const more = models.length - MODELS_SHOWN;
  return (
    <span className="flex flex-wrap items-center gap-1" title={models.join(", ")}>
      {models.slice(0, MODELS_SHOWN).map((model) => (
        <Badge key={model} tone="outline" className="max-w-36">
          <span className="truncate">{model}</span>
        </Badge>
      ))}
      {more > 0 && <span className="text-xs text-muted-foreground">+{more}</span>}
    </span>
  );
}

export function SpendCell({ spend, budget }: { spend: number; budget: number | null }) {
  const bounded = budget !== null;
  return (
    <div className="grid w-28 gap-1.5 lg:w-32">
      <span className="tabular whitespace-nowrap">
        {usd(spend)}
        {bounded && <span className="text-muted-foreground"> / {usd(budget)}</span>}
      </span>
      {bounded && <Meter value={spend} max={budget} label="Budget used" className="h-1" />}
    </div>
  );
}

export function ExpiryCell({ expires }: { expires: string | null }) {
  return <RelativeTime value={expires} fallback="Never" />;
}

export interface RowActions {
  onEdit: (row: KeyRow) => void;
  onBlock: (row: KeyRow, blocked: boolean) => void;
  onDelete: (row: KeyRow) => void;
}

export function ActionsCell({ row, onEdit, onBlock, onDelete }: RowActions & { row: KeyRow }) {
  return (
    <DropdownMenu>
      <DropdownMenuTrigger asChild>
        <Button
          variant="ghost"
          size="icon-sm"
          className="relative z-10"
          aria-label={`Actions for ${keyTitle(row)}`}
          data-testid="key-actions"
        >
          <MoreHorizontal />
        </Button>
      </DropdownMenuTrigger>
      <DropdownMenuContent align="end">
        <DropdownMenuItem onSelect={() => onEdit(row)} data-testid="key-edit">
          <Pencil aria-hidden />
          Edit…
        </DropdownMenuItem>
        <DropdownMenuItem onSelect={() => onBlock(row, !row.blocked)} data-testid="key-block">
          {row.blocked ? <CircleCheck aria-hidden /> : <Ban aria-hidden />}
          {row.blocked ? "Unblock" : "Block"}
        </DropdownMenuItem>
        <DropdownMenuSeparator />
        <DropdownMenuItem danger onSelect={() => onDelete(row)} data-testid="key-delete">
          <Trash2 aria-hidden />
          Delete…
        </DropdownMenuItem>
      </DropdownMenuContent>
    </DropdownMenu>
  );
}
