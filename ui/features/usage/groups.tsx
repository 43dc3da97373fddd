import Link from "next/link";
import { Card, CardHeader, CardTitle } from "@/components/ui/card";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { percent } from "@/lib/format";
import { keyUrl } from "@/lib/routes";
import { groupColor, OTHER_COLOR } from "./colors";
import {
  DIMENSIONS,
  fileUrl,
  METRIC_LABELS,
  METRICS,
  writeMetric,
  type Dimension,
  type Figures,
  type Range,
  type Usage,
} from "./schema";

interface GroupsProps {
  usage: Usage;
  by: Dimension;
  range: Range;
}

/** The groups with all their figures, the dearest first, and what is in none of them. */
export function Groups({ usage, by, range }: GroupsProps) {
  const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <Card className="overflow-hidden">
      <CardHeader>
        <CardTitle>By {DIMENSIONS[by].toLowerCase()}</CardTitle>
        {usage.other === null && (
          <span className="text-xs text-muted-foreground">A request with several tags counts for each of them.</span>
        )}
        <a
          href={fileUrl(range, by, timezone, new Date())}
          download
          className="ml-auto rounded text-xs text-muted-foreground hover:text-foreground hover:underline"
        >
          Download CSV
        </a>
      </CardHeader>
      <Table>
        <TableHeader>
          <TableRow>
            <TableHead>{DIMENSIONS[by]}</TableHead>
            {METRICS.map((metric) => (
              <TableHead key={metric} className="text-right">
                {METRIC_LABELS[metric]}
              </TableHead>
            ))}
            <TableHead className="text-right max-sm:hidden">Share of spend</TableHead>
          </TableRow>
        </TableHeader>
        <TableBody>
          {usage.groups.map((group) => (
            <Row
              key={group.id}
              name={group.name}
              href={by === "key" && group.name !== "Master key" && group.id !== "" ? keyUrl(group.id) : null}
              color={groupColor(group.index)}
              figures={group.figures}
              all={usage.total}
            />
          ))}
          {usage.other && usage.other.requests > 0 && (
            <Row name="Other" href={null} color={OTHER_COLOR} figures={usage.other} all={usage.total} />
          )}
        </TableBody>
      </Table>
    </Card>
  );
}

interface RowProps {
  name: string;
  href: string | null;
  color: string;
  figures: Figures;
  all: Figures;
}

function Row({ name, href, color, figures, all }: RowProps) {
  return (
    <TableRow data-testid="usage-group">
      <TableCell>
        <span className="flex items-center gap-2.5">
          <span aria-hidden className="size-2.5 shrink-0 rounded-[3px]" style={{ background: color }} />
          {href === null ? (
            <span className="max-w-64 truncate font-medium">{name}</span>
          ) : (
            <Link href={href} className="max-w-64 truncate rounded font-medium hover:underline">
              {name}
            </Link>
          )}
        </span>
      </TableCell>
      {METRICS.map((metric) => (
        <TableCell key={metric} className="tabular text-right">
          {writeMetric(metric, figures[metric])}
        </TableCell>
      ))}
      <TableCell className="tabular text-right text-muted-foreground max-sm:hidden">
        {all.spend > 0 ? percent(figures.spend / all.spend) : "–"}
      </TableCell>
    </TableRow>
  );
}
