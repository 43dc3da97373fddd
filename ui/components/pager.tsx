import { ChevronLeft, ChevronRight } from "lucide-react";
import { Button } from "@/components/ui/button";
import { count } from "@/lib/format";

interface PagerProps {
  page: number;
  pageSize: number;
  total: number;
  /** What is counted, in the plural. */
  noun: string;
  onPage: (page: number) => void;
}

export function Pager({ page, pageSize, total, noun, onPage }: PagerProps) {
  const pages = Math.max(1, Math.ceil(total / pageSize));
  const first = Math.min((page - 1) * pageSize + 1, total);
  const last = Math.min(page * pageSize, total);
  return (
    <nav
      aria-label="Pages"
      className="flex items-center justify-between gap-4 border-t px-4 py-2.5 text-xs text-muted-foreground"
    >
      <span className="tabular">
        {pages === 1 ? `All ${noun} are shown` : `${count(first)}–${count(last)} of ${count(total)} ${noun}`}
      </span>
      <div className="flex items-center gap-1.5">
        <span className="tabular mr-1.5">
          Page {count(page)} of {count(pages)}
        </span>
        <Button
          variant="outline"
          size="icon-sm"
          aria-label="Previous page"
          disabled={page <= 1}
          onClick={() => onPage(page - 1)}
        >
          <ChevronLeft />
        </Button>
        <Button
          variant="outline"
          size="icon-sm"
          aria-label="Next page"
          disabled={page >= pages}
          onClick={() => onPage(page + 1)}
        >
          <ChevronRight />
        </Button>
      </div>
    </nav>
  );
}
