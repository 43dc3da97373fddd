"use client";

import { Boxes, KeyRound, Rocket } from "lucide-react";
import dynamic from "next/dynamic";
import Link from "next/link";
import { Page, PageHeader } from "@/components/page";
import { EmptyState, LoadFailed } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Segmented } from "@/components/ui/segmented";
import { Skeleton } from "@/components/ui/skeleton";
import { cn } from "@/lib/cn";
import { keyUrl, playgroundUrl, routes } from "@/lib/routes";
import { useUrlState } from "@/lib/url-state";
import { useLastWeek, useOverview } from "./api";
import { Ranking } from "./rankings";
import { isUntouched, overviewCodec, PERIOD_LABELS, PERIODS, type Overview, type OverviewFilters } from "./schema";
import { OverviewSkeleton } from "./skeleton";
import { Health, Tiles } from "./tiles";

// the chart library is the heaviest part of the dashboard: only this room loads it, and after the figures
const OverviewChart = dynamic(() => import("./chart"), { ssr: false, loading: () => <Skeleton className="h-full" /> });

const PERIOD_OPTIONS = PERIODS.map((value) => ({ value, label: value, title: PERIOD_LABELS[value] }));

export function OverviewView() {
  const [filters, setFilters] = useUrlState(overviewCodec);
  const overview = useOverview(filters.period);
  return (
    <Page>
      <PageHeader
        title="Overview"
        description={overview.data ? <TodayLine overview={overview.data} /> : "Today, next to yesterday."}
        actions={
          <Segmented
            label="Period of the chart and the lists"
            value={filters.period}
            onChange={(period) => setFilters({ period })}
            options={PERIOD_OPTIONS}
          />
        }
      />
      {overview.isPending ? (
        <OverviewSkeleton />
      ) : overview.isError ? (
        <Card>
          <LoadFailed error={overview.error} retry={() => void overview.refetch()} what="the overview" />
        </Card>
      ) : (
        <div className={cn("grid gap-6 transition-opacity", overview.isPlaceholderData && "opacity-60")}>
          <Room overview={overview.data} filters={filters} setFilters={setFilters} />
        </div>
      )}
    </Page>
  );
}

function TodayLine({ overview }: { overview: Overview }) {
  return overview.today.requests === 0 ? "No calls yet today." : <Health today={overview.today} />;
}

interface RoomProps {
  overview: Overview;
  filters: OverviewFilters;
  setFilters: (patch: Partial<OverviewFilters>) => void;
}

function Room({ overview, filters, setFilters }: RoomProps) {
  const week = useLastWeek();
  const span = PERIOD_LABELS[overview.period];
  return (
    <>
      <Card className="overflow-hidden">
        <div className="border-b">
          <Tiles
            today={overview.today}
            week={week.data}
            metric={filters.metric}
            onMetric={(metric) => setFilters({ metric })}
          />
        </div>
        <div className="h-68 py-4 pr-2 sm:pr-4">
          {isUntouched(overview) ? (
            <FirstSteps />
          ) : (
            <OverviewChart series={overview.series} metric={filters.metric} period={overview.period} />
          )}
        </div>
      </Card>
      <div className="grid gap-6 lg:grid-cols-2">
        <Ranking
          title="Top models"
          span={span}
          icon={Boxes}
          rows={overview.models}
          href={(row) => playgroundUrl(row.id)}
          all={routes.models}
          empty={`No model was called in the last ${span}.`}
        />
        <Ranking
          title="Top keys"
          span={span}
          icon={KeyRound}
          rows={overview.keys}
          href={(row) => (row.id === "" ? null : keyUrl(row.id))}
          all={routes.keys}
          empty={`No key was used in the last ${span}.`}
        />
      </div>
    </>
  );
}

function FirstSteps() {
  return (
    <EmptyState
      icon={Rocket}
      title="No requests yet"
      className="py-6"
      action={
        <div className="flex gap-2">
          <Button asChild size="sm">
            <Link href={`${routes.keys}?create=1`}>Create a key</Link>
          </Button>
          <Button asChild size="sm" variant="outline">
            <Link href={routes.playground}>Open the playground</Link>
          </Button>
        </div>
      }
    >
      Create a key for your application, or ask a model in the playground. Figures appear here within seconds.
    </EmptyState>
  );
}
