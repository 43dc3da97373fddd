"use client";

import { KeyRound, Plus, SearchX } from "lucide-react";
import { useState } from "react";
import { toast } from "sonner";
import { Page, PageHeader } from "@/components/page";
import { Pager } from "@/components/pager";
import { SearchInput } from "@/components/search-input";
import { EmptyState, LoadFailed } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { cn } from "@/lib/cn";
import { useUrlState } from "@/lib/url-state";
import { useBlockKey, useKeys } from "./api";
import { CreateKeyDialog } from "./create-dialog";
import { DeleteKeyDialog } from "./delete-dialog";
import { KeyDetail } from "./detail";
import { EditKeyDialog } from "./edit-dialog";
import { keyCodec, keyTitle, PAGE_SIZE, type KeyRow } from "./schema";
import { KeysSkeleton, KeysTable } from "./table";

export function KeysView() {
  const [filters, setFilters] = useUrlState(keyCodec);
  const [editing, setEditing] = useState<KeyRow | null>(null);
  const [deleting, setDeleting] = useState<KeyRow | null>(null);
  const keys = useKeys(filters);
  const block = useBlockKey();

  function setBlocked(row: KeyRow, blocked: boolean) {
    block.mutate(
      { hash: row.token, blocked },
      {
        onSuccess: () => toast.success(`${blocked ? "Blocked" : "Unblocked"} ${keyTitle(row)}`),
        onError: (error) => toast.error("Could not change the key", { description: error.message }),
      },
    );
  }

  const actions = { onEdit: setEditing, onBlock: setBlocked, onDelete: setDeleting };
  const create = () => setFilters({ creating: true });
  return (
    <Page>
      <PageHeader
        title="Keys"
        description="Virtual keys for applications and people, each with models, a budget and spend of its own."
        actions={
          <Button onClick={create} data-testid="key-create">
            <Plus aria-hidden />
            Create key
          </Button>
        }
      />
      <Card className="overflow-hidden">
        <div className="border-b p-3">
          <SearchInput
            value={filters.search}
            onChange={(search) => setFilters({ search, page: 1 })}
            placeholder="Search by name"
            className="max-w-xs"
          />
        </div>
        {keys.isPending ? (
          <KeysSkeleton />
        ) : keys.isError ? (
          <LoadFailed error={keys.error} retry={() => void keys.refetch()} what="the keys" />
        ) : keys.data.rows.length === 0 ? (
          <NoKeys
            search={filters.search}
            onClear={() => setFilters({ search: "", page: 1 })}
            onCreate={create}
            beyond={filters.page > 1}
          />
        ) : (
          <div className={cn("transition-opacity", keys.isPlaceholderData && "opacity-60")}>
            <KeysTable
              rows={keys.data.rows}
              sort={filters.sort}
              order={filters.order}
              onSort={(sort, order) => setFilters({ sort, order, page: 1 })}
              onOpen={(hash) => setFilters({ open: hash }, { history: "push" })}
              {...actions}
            />
            <Pager
              page={filters.page}
              pageSize={PAGE_SIZE}
              total={keys.data.total}
              noun="keys"
              onPage={(page) => setFilters({ page }, { history: "push" })}
            />
          </div>
        )}
      </Card>
      <CreateKeyDialog open={filters.creating} onOpenChange={(creating) => setFilters({ creating })} />
      <KeyDetail hash={filters.open} onClose={() => setFilters({ open: null })} {...actions} />
      <EditKeyDialog row={editing} onClose={() => setEditing(null)} />
      <DeleteKeyDialog
        row={deleting}
        onClose={() => setDeleting(null)}
        onDeleted={(row) => filters.open === row.token && setFilters({ open: null })}
      />
    </Page>
  );
}

interface NoKeysProps {
  search: string;
  beyond: boolean;
  onClear: () => void;
  onCreate: () => void;
}

function NoKeys({ search, beyond, onClear, onCreate }: NoKeysProps) {
  if (search !== "" || beyond) {
    return (
      <EmptyState
        icon={SearchX}
        title={search === "" ? "There is no such page" : `No key matches “${search}”`}
        action={
          <Button variant="outline" size="sm" onClick={onClear}>
            Show all keys
          </Button>
        }
      />
    );
  }
  return (
    <EmptyState
      icon={KeyRound}
      title="No keys yet"
      action={
        <Button size="sm" onClick={onCreate}>
          <Plus aria-hidden />
          Create the first key
        </Button>
      }
    >
      Give each application a key of its own: then its models, budget and spend can be told apart, and it can be revoked
      alone.
    </EmptyState>
  );
}
