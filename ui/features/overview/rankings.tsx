import { ArrowUpRight, type LucideIcon } from "lucide-react";
import Link from "next/link";
import type { ReactNode } from "react";
import { Card, CardHeader, CardTitle } from "@/components/ui/card";
import { cn } from "@/lib/cn";
import { compactCount, usd } from "@/lib/format";
import type { Ranked } from "./schema";

interface RankingProps {
  title: string;
  /** Which time it is about: "24 hours". */
  span: string;
  icon: LucideIcon;
  rows: Ranked[];
  /** `null` for a row that leads nowhere. */
  href: (row: Ranked) => string | null;
  all: string;
  empty: string;
}

/** The costliest of a period, each with a bar in proportion to the first. */
export function Ranking({ title, span, icon: Icon, rows, href, all, empty }: RankingProps) {
  const most = Math.max(...rows.map((row) => row.spend), 0);
  return (
    <Card>
      <CardHeader>
        <CardTitle className="flex items-center gap-2">
          <Icon className="size-4 text-muted-foreground" aria-hidden />
          {title}
          <span className="text-xs font-normal text-muted-foreground">{span}</span>
        </CardTitle>
        <Link
          href={all}
          className="flex items-center gap-0.5 rounded text-xs text-muted-foreground hover:text-foreground"
        >
          All
          <ArrowUpRight className="size-3.5" aria-hidden />
        </Link>
      </CardHeader>
      {rows.length === 0 ? (
        <p className="px-5 pt-4 pb-10 text-center text-[13px] text-muted-foreground">{empty}</p>
      ) : (
        <ol className="grid gap-1 px-3 pb-3">
          {rows.map((row) => (
            <li key={row.name}>
              <RowLink href={href(row)}>
                <span
                  aria-hidden
                  className="absolute inset-y-0.5 left-0 rounded-md bg-brand/12"
                  style={{ width: `${most > 0 ? Math.max(2, (row.spend / most) * 100) : 0}%` }}
                />
                <span className="relative mr-auto truncate font-medium">{row.name}</span>
                <span className="tabular relative text-xs whitespace-nowrap text-muted-foreground max-sm:hidden">
                  {compactCount(row.requests)} requests
                </span>
                <span className="tabular relative w-20 shrink-0 text-right">{usd(row.spend)}</span>
              </RowLink>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}

function RowLink({ href, children }: { href: string | null; children: ReactNode }) {
  const classes = "relative flex h-9 items-center gap-3 overflow-hidden rounded-md px-2.5 text-[13px]";
  if (href === null) return <div className={classes}>{children}</div>;
  return (
    <Link
      href={href}
      className={cn(classes, "outline-none hover:bg-muted/70 focus-visible:ring-2 focus-visible:ring-ring/70")}
    >
      {children}
    </Link>
  );
}
