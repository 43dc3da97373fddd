"use client";

import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/lib/api/client";
import { toModel, type Model } from "./schema";

const FRESH_MS = 60_000;

async function readModels({ signal }: { signal: AbortSignal }): Promise<Model[]> {
  const answer = await unwrap(api.GET("/model/info", { signal }));
  return answer.data.map(toModel);
}

export function useModels() {
  return useQuery({ queryKey: ["models"], queryFn: readModels, staleTime: FRESH_MS });
}

/** The names a client may ask for, each once. */
export function useModelNames() {
  return useQuery({
    queryKey: ["models"],
    queryFn: readModels,
    staleTime: FRESH_MS,
    select: (models) => [...new Set(models.map((model) => model.name))].sort(),
  });
}
