"use client";

import { Boxes, KeyRound, Rocket } from "lucide-react";
import dynamic from "next/dynamic";
import Link from "next/link";
import { Page, PageHeader } from "@/components/page";
import { EmptyState, LoadFailed } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Skeleton } from "@/components/ui/skeleton";
import { keyUrl, playgroundUrl, routes } from "@/lib/routes";
import { useUrlState } from "@/lib/url-state";
import { useOverview } from "./api";
import { Ranking } from "./rankings";
import { isUntouched, overviewCodec, type Overview } from "./schema";
import { OverviewSkeleton } from "./skeleton";
import { Tiles } from "./tiles";

// the chart library is the heaviest part of the dashboard: only this room loads it, and after the figures
const OverviewChart = dynamic(() => import("./chart"), { ssr: false, loading: () => <Skeleton className="h-full" /> });

export function OverviewView() {
  const overview = useOverview();
  return (
    <Page>
      <PageHeader title="Overview" description="Today so far, next to yesterday at this time." />
      {overview.isPending ? (
        <OverviewSkeleton />
      ) : overview.isError ? (
        <Card>
          <LoadFailed error={overview.error} retry={() => void overview.refetch()} what="the overview" />
        </Card>
      ) : (
        <Figures overview={overview.data} />
      )}
    </Page>
  );
}

function Figures({ overview }: { overview: Overview }) {
  const [{ metric }, setFilters] = useUrlState(overviewCodec);
  return (
    <>
      <Card className="overflow-hidden">
        <div className="border-b">
          <Tiles overview={overview} metric={metric} onMetric={(next) => setFilters({ metric: next })} />
        </div>
        <div className="h-68 py-4 pr-2 sm:pr-4">
          {isUntouched(overview) ? <FirstSteps /> : <OverviewChart series={overview.series} metric={metric} />}
        </div>
      </Card>
      <div className="grid gap-6 lg:grid-cols-2">
        <Ranking
          title="Top models"
          icon={Boxes}
          rows={overview.models}
          href={(row) => playgroundUrl(row.id)}
          all={routes.models}
          empty="No model was called today."
        />
        <Ranking
          title="Top keys"
          icon={KeyRound}
          rows={overview.keys}
          href={(row) => keyUrl(row.id)}
          all={routes.keys}
          empty="No key was used today."
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
