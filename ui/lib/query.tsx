"use client";

import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { ApiError } from "./api/error";
import { under, within } from "./prefix";
import { loginUrl, routes } from "./routes";

const FRESH_MS = 10_000;
const RETRIES_MAX = 2;

/** What tells whether somebody is signed in. */
export const SESSION = ["session"] as const;

function leave(): void {
  const here = window.location;
  const page = within(here.pathname);
  const isOutside = [routes.login, routes.onboarding].some((open) => page.startsWith(open));
  if (!isOutside) here.replace(under(loginUrl(page + here.search)));
}

/** A 401 may also say that the role does not allow something: the session is asked, and its own 401 leads to sign-in. */
export function makeQueryClient(): QueryClient {
  const isRefused = (error: Error) => error instanceof ApiError && error.isSignedOut;
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (error, query) => {
        if (!isRefused(error)) return;
        if (query.queryKey[0] === SESSION[0]) leave();
        else void client.invalidateQueries({ queryKey: SESSION });
      },
    }),
    mutationCache: new MutationCache({
      onError: (error) => {
        if (isRefused(error)) void client.invalidateQueries({ queryKey: SESSION });
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        retry: (failures, error) => failures < RETRIES_MAX && error instanceof ApiError && error.isWorthRetrying,
      },
    },
  });
  return client;
}

export function QueryProvider({ children }: { children: ReactNode }) {
  const [client] = useState(makeQueryClient);
  return <QueryClientProvider client={client}>{children}</QueryClientProvider>;
}
