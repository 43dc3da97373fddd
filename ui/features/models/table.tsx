import { MessagesSquare } from "lucide-react";
import Link from "next/link";
import { SortHeader } from "@/components/sort-header";
import { Button } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/skeleton";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { playgroundUrl } from "@/lib/routes";
import { COLUMNS, ContextCell, ModeCell, NameCell, PriceCell } from "./columns";
import type { Model, ModelFilters, ModelSort } from "./schema";

interface ModelsTableProps {
  models: Model[];
  sort: ModelSort;
  order: ModelFilters["order"];
  onSort: (sort: ModelSort, order: ModelFilters["order"]) => void;
}

const CHAT_MODES = ["", "chat", "completion", "responses"];

/** A pattern such as `openai/*` names no model that could be asked. */
function isAskable(model: Model): boolean {
  return CHAT_MODES.includes(model.mode) && !model.name.includes("*");
}

export function ModelsTable({ models, ...sorting }: ModelsTableProps) {
  return (
    <Table>
      <TableHeader>
        <tr>
          {COLUMNS.map((column) => (
            <SortHeader
              key={column.id}
              label={column.label}
              title={column.title}
              className={column.className}
              by={column.sort}
              first={column.sort === "context" ? "desc" : "asc"}
              {...sorting}
            />
          ))}
          <TableHead className="w-12">
            <span className="sr-only">Actions</span>
          </TableHead>
        </tr>
      </TableHeader>
      <TableBody>
        {models.map((model) => (
          <TableRow key={model.id} data-testid="model-row">
            <TableCell>
              <NameCell model={model} />
            </TableCell>
            <TableCell className="hidden text-muted-foreground sm:table-cell">{model.provider}</TableCell>
            <TableCell className="hidden md:table-cell">
              <ModeCell model={model} />
            </TableCell>
            <TableCell className="tabular text-right">
              <PriceCell perToken={model.inputPrice} />
            </TableCell>
            <TableCell className="tabular text-right">
              <PriceCell perToken={model.outputPrice} />
            </TableCell>
            <TableCell className="tabular hidden text-right lg:table-cell">
              <ContextCell model={model} />
            </TableCell>
            <TableCell className="w-12 pl-0 text-right">
              {isAskable(model) && (
                <Button asChild variant="ghost" size="icon-sm">
                  <Link
                    href={playgroundUrl(model.name)}
                    aria-label={`Ask ${model.name} in the playground`}
                    title="Ask in the playground"
                  >
                    <MessagesSquare />
                  </Link>
                </Button>
              )}
            </TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

export function ModelsSkeleton() {
  return (
    <div role="status" aria-label="Loading" className="grid divide-y">
      {[0, 1, 2, 3, 4, 5, 6].map((row) => (
        <div key={row} className="flex h-14 items-center gap-6 px-4">
          <Skeleton className="h-4 w-52" />
          <Skeleton className="h-4 w-20" />
          <Skeleton className="h-5 w-16 rounded-full max-md:hidden" />
          <Skeleton className="ml-auto h-4 w-32" />
        </div>
      ))}
    </div>
  );
}
