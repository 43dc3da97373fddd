import { ArrowDown, ArrowUp } from "lucide-react";
import { TableHead } from "@/components/ui/table";
import { cn } from "@/lib/cn";

type Order = "asc" | "desc";

interface SortHeaderProps<T extends string> {
  label: string;
  title?: string;
  className?: string;
  /** What this column sorts by; without it the heading is plain text. */
  by: T | undefined;
  sort: T;
  order: Order;
  first: Order;
  onSort: (sort: T, order: Order) => void;
}

/** A column heading that sorts: the first click in the `first` direction, the next one the other way. */
export function SortHeader<T extends string>(props: SortHeaderProps<T>) {
  const { label, title, className, by, sort, order, first, onSort } = props;
  if (by === undefined) {
    return (
      <TableHead className={className} title={title}>
        {label}
      </TableHead>
    );
  }
  const current = by === sort;
  const opposite = order === "asc" ? "desc" : "asc";
  const numeric = className?.includes("text-right");
  const Icon = (current ? order : first) === "asc" ? ArrowUp : ArrowDown;
  return (
    <TableHead
      className={className}
      title={title}
      aria-sort={current ? (order === "asc" ? "ascending" : "descending") : undefined}
    >
      <button
        type="button"
        onClick={() => onSort(by, current ? opposite : first)}
        className={cn(
          numeric && "flex-row-reverse",
          "group inline-flex items-center gap-1 rounded outline-none hover:text-foreground focus-visible:ring-2 focus-visible:ring-ring/70",
          current && "text-foreground",
        )}
      >
        {label}
        <Icon className={cn("size-3", !current && "opacity-0 group-hover:opacity-60")} aria-hidden />
      </button>
    </TableHead>
  );
}
