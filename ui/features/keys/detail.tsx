"use client";

import { Ban, CircleCheck, Pencil, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { CopyButton } from "@/components/copy-button";
import { LoadFailed } from "@/components/states";
import { RelativeTime } from "@/components/time";
import { Button } from "@/components/ui/button";
import { Meter } from "@/components/ui/meter";
import { Sheet, SheetContent, SheetDescription, SheetTitle } from "@/components/ui/sheet";
import { Skeleton } from "@/components/ui/skeleton";
import { percent, usd } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import { useKey } from "./api";
import { RecentCalls } from "./calls";
import { ExpiryCell, ModelsCell, StatusBadge, type RowActions } from "./columns";
import { creatorName, keyTitle, type KeyRow } from "./schema";

interface KeyDetailProps extends RowActions {
  hash: string | null;
  onClose: () => void;
}

/** One key: what it may do, what it spent, and its recent calls. */
export function KeyDetail({ hash, onClose, ...actions }: KeyDetailProps) {
  return (
    <Sheet open={hash !== null} onOpenChange={(open) => !open && onClose()}>
      <SheetContent className="max-w-2xl" aria-describedby={undefined} data-testid="key-detail">
        {hash !== null && <Loaded hash={hash} {...actions} />}
      </SheetContent>
    </Sheet>
  );
}

function Loaded({ hash, ...actions }: RowActions & { hash: string }) {
  const key = useKey(hash);
  if (key.isPending) return <DetailSkeleton />;
  if (key.isError) {
    return (
      <>
        <SheetTitle className="sr-only">Key</SheetTitle>
        <LoadFailed error={key.error} retry={() => void key.refetch()} what="this key" className="my-auto" />
      </>
    );
  }
  return <Detail row={key.data} {...actions} />;
}

function Detail({ row, onEdit, onBlock, onDelete }: RowActions & { row: KeyRow }) {
  const now = useNow();
  return (
    <>
      <header className="grid gap-3 border-b px-6 pt-5 pb-5 pr-14">
        <div className="flex flex-wrap items-center gap-3">
          <SheetTitle className="text-lg font-semibold tracking-tight">{keyTitle(row)}</SheetTitle>
          <StatusBadge row={row} now={now} />
        </div>
        <SheetDescription className="flex items-center gap-1 font-mono text-xs text-muted-foreground">
          <span className="truncate" title={row.token}>
            {row.key_name}
          </span>
          <CopyButton text={row.token} label="Copy the key's hash" className="size-6" />
        </SheetDescription>
        <div className="flex gap-2">
          <Button variant="outline" size="sm" onClick={() => onEdit(row)} data-testid="detail-edit">
            <Pencil aria-hidden />
            Edit
          </Button>
          <Button variant="outline" size="sm" onClick={() => onBlock(row, !row.blocked)} data-testid="detail-block">
            {row.blocked ? <CircleCheck aria-hidden /> : <Ban aria-hidden />}
            {row.blocked ? "Unblock" : "Block"}
          </Button>
          <Button
            variant="outline"
            size="sm"
            className="text-destructive"
            onClick={() => onDelete(row)}
            data-testid="detail-delete"
          >
            <Trash2 aria-hidden />
            Delete
          </Button>
        </div>
      </header>
      <div tabIndex={0} className="scroll-thin grid flex-1 content-start gap-7 overflow-y-auto px-6 py-6 outline-none">
        <Spend row={row} />
        <Facts row={row} />
        <RecentCalls hash={row.token} />
      </div>
    </>
  );
}

function Spend({ row }: { row: KeyRow }) {
  const budget = row.max_budget;
  const bounded = budget !== null;
  return (
    <section className="grid gap-3 rounded-lg border bg-card px-5 py-4 shadow-xs">
      <div className="flex items-end justify-between gap-4">
        <div className="grid gap-1.5">
          <h3 className="text-xs font-medium text-muted-foreground">Spend</h3>
          <span data-testid="key-spend" className="tabular text-2xl leading-none font-semibold tracking-[-0.03em]">
            {usd(row.spend)}
          </span>
        </div>
        <span className="tabular text-xs text-muted-foreground">
          {!bounded
            ? "No budget set"
            : budget > 0
              ? `${percent(row.spend / budget)} of ${usd(budget)}`
              : "Budget of $0: every call is refused"}
        </span>
      </div>
      {bounded && <Meter value={row.spend} max={budget} label="Budget used" />}
    </section>
  );
}

function Facts({ row }: { row: KeyRow }) {
  const metadata = Object.keys(row.metadata).length > 0 ? JSON.stringify(row.metadata, null, 2) : null;
  return (
    <dl className="grid grid-cols-[7rem_minmax(0,1fr)] gap-x-4 gap-y-3 text-[13px]">
      <Fact name="Models">
        <ModelsCell models={row.models} />
      </Fact>
      <Fact name="Expires">
        <ExpiryCell expires={row.expires} />
      </Fact>
      <Fact name="Created">
        <RelativeTime value={row.created_at} />
        {row.created_by && <span className="text-muted-foreground"> by {creatorName(row.created_by)}</span>}
      </Fact>
      {row.user_id && <Fact name="User">{row.user_id}</Fact>}
      {row.team_id && <Fact name="Team">{row.team_id}</Fact>}
      {metadata && (
        <Fact name="Metadata">
          <pre className="scroll-thin max-h-40 overflow-auto rounded-md border bg-muted/50 px-3 py-2 font-mono text-xs">
            {metadata}
          </pre>
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted-foreground">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}

function DetailSkeleton() {
  return (
    <div role="status" aria-label="Loading" className="grid gap-6 p-6">
      <SheetTitle className="sr-only">Key</SheetTitle>
      <Skeleton className="h-6 w-48" />
      <Skeleton className="h-24" />
      <Skeleton className="h-28" />
      <Skeleton className="h-48" />
    </div>
  );
}
