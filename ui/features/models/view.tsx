"use client";

import { Boxes, SearchX } from "lucide-react";
import { useMemo } from "react";
import { Page, PageHeader } from "@/components/page";
import { SearchInput } from "@/components/search-input";
import { EmptyState, LoadFailed } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { count } from "@/lib/format";
import { useUrlState } from "@/lib/url-state";
import { useModels } from "./api";
import { ANY_PROVIDER, modelCodec, providersOf, selectModels, type Model } from "./schema";
import { ModelsSkeleton, ModelsTable } from "./table";

export function ModelsView() {
  const models = useModels();
  return (
    <Page>
      <PageHeader
        title="Models"
        description="What clients may ask for by name, and what it costs. Prices are US dollars per million tokens."
      />
      <Card className="overflow-hidden">
        {models.isPending ? (
          <ModelsSkeleton />
        ) : models.isError ? (
          <LoadFailed error={models.error} retry={() => void models.refetch()} what="the models" />
        ) : models.data.length === 0 ? (
          <EmptyState icon={Boxes} title="No models yet">
            Add a <code className="font-mono text-xs">model_list</code> to config.yaml, or start Bulkhead with a
            provider&apos;s key in its environment.
          </EmptyState>
        ) : (
          <Browser models={models.data} />
        )}
      </Card>
    </Page>
  );
}

function Browser({ models }: { models: Model[] }) {
  const [filters, setFilters] = useUrlState(modelCodec);
  const shown = useMemo(() => selectModels(models, filters), [models, filters]);
  const providers = useMemo(() => providersOf(models), [models]);
  return (
    <>
      <div className="flex flex-wrap items-center gap-2 border-b p-3">
        <SearchInput
          value={filters.search}
          onChange={(search) => setFilters({ search })}
          placeholder="Search models"
          className="w-full max-w-xs"
        />
        <Select value={filters.provider} onValueChange={(provider) => setFilters({ provider })}>
          <SelectTrigger className="w-44" aria-label="Provider">
            <SelectValue />
          </SelectTrigger>
          <SelectContent>
            <SelectItem value={ANY_PROVIDER}>All providers</SelectItem>
            {providers.map((provider) => (
              <SelectItem key={provider} value={provider}>
                {provider}
              </SelectItem>
            ))}
          </SelectContent>
        </Select>
        <span className="tabular ml-auto text-xs text-muted-foreground" role="status">
          {shown.length === models.length ? count(models.length) : `${count(shown.length)} of ${count(models.length)}`}{" "}
          {models.length === 1 ? "model" : "models"}
        </span>
      </div>
      {shown.length === 0 ? (
        <EmptyState
          icon={SearchX}
          title="No model matches"
          action={
            <Button variant="outline" size="sm" onClick={() => setFilters({ search: "", provider: ANY_PROVIDER })}>
              Clear the filters
            </Button>
          }
        />
      ) : (
        <ModelsTable
          models={shown}
          sort={filters.sort}
          order={filters.order}
          onSort={(sort, order) => setFilters({ sort, order })}
        />
      )}
    </>
  );
}
