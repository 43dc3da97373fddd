"use client";

import { SortHeader } from "@/components/sort-header";
import { RelativeTime } from "@/components/time";
import { Skeleton } from "@/components/ui/skeleton";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { useNow } from "@/lib/use-now";
import {
  ActionsCell,
  COLUMNS,
  ExpiryCell,
  ModelsCell,
  NameCell,
  SpendCell,
  StatusBadge,
  type RowActions,
} from "./columns";
import type { KeyFilters, KeyRow, KeySort } from "./schema";

interface Sorting {
  sort: KeySort;
  order: KeyFilters["order"];
  onSort: (sort: KeySort, order: KeyFilters["order"]) => void;
}

interface KeysTableProps extends Sorting, RowActions {
  rows: KeyRow[];
  onOpen: (hash: string) => void;
}

export function KeysTable({ rows, onOpen, onEdit, onBlock, onDelete, ...sorting }: KeysTableProps) {
  const now = useNow();
  return (
    <Table>
      <KeysHeader {...sorting} />
      <TableBody>
        {rows.map((row) => (
          <TableRow key={row.token} data-testid="key-row" className="relative">
            <TableCell>
              <NameCell row={row} now={now} onOpen={() => onOpen(row.token)} />
            </TableCell>
            <TableCell className="hidden sm:table-cell">
              <StatusBadge row={row} now={now} />
            </TableCell>
            <TableCell className="hidden md:table-cell">
              <ModelsCell models={row.models} />
            </TableCell>
            <TableCell>
              <SpendCell spend={row.spend} budget={row.max_budget} />
            </TableCell>
            <TableCell className="hidden lg:table-cell">
              <ExpiryCell expires={row.expires} />
            </TableCell>
            <TableCell className="hidden text-muted-foreground lg:table-cell">
              <RelativeTime value={row.created_at} />
            </TableCell>
            <TableCell className="w-12 pl-0 text-right">
              <ActionsCell row={row} onEdit={onEdit} onBlock={onBlock} onDelete={onDelete} />
            </TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

function KeysHeader({ sort, order, onSort }: Sorting) {
  return (
    <TableHeader>
      <tr>
        {COLUMNS.map((column) => (
          <SortHeader
            key={column.id}
            label={column.label}
            className={column.className}
            by={column.sort}
            sort={sort}
            order={order}
            first={column.sort === "key_alias" ? "asc" : "desc"}
            onSort={onSort}
          />
        ))}
        <TableHead className="w-12">
          <span className="sr-only">Actions</span>
        </TableHead>
      </tr>
    </TableHeader>
  );
}

export function KeysSkeleton() {
  return (
    <div role="status" aria-label="Loading" className="grid divide-y">
      {[0, 1, 2, 3, 4, 5].map((row) => (
        <div key={row} className="flex h-14 items-center gap-6 px-4">
          <Skeleton className="h-4 w-44" />
          <Skeleton className="h-5 w-16 rounded-full" />
          <Skeleton className="h-4 w-28 max-md:hidden" />
          <Skeleton className="ml-auto h-4 w-20" />
        </div>
      ))}
    </div>
  );
}
