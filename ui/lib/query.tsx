"use client";

import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { ApiError } from "./api/error";
import { loginUrl } from "./routes";

const FRESH_MS = 10_000;
const RETRIES_MAX = 2;

function signedOut(error: Error): void {
  const here = window.location;
  if (!(error instanceof ApiError) || !error.isSignedOut || here.pathname.startsWith(loginUrl())) return;
  here.replace(loginUrl(here.pathname + here.search));
}

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError: signedOut }),
    mutationCache: new MutationCache({ onError: signedOut }),
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        retry: (failures, error) => failures < RETRIES_MAX && error instanceof ApiError && error.isWorthRetrying,
      },
    },
  });
}

export function QueryProvider({ children }: { children: ReactNode }) {
  const [client] = useState(makeQueryClient);
  return <QueryClientProvider client={client}>{children}</QueryClientProvider>;
}
