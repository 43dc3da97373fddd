"use client";

import type { ReactNode } from "react";
import { Mark } from "@/components/brand";
import { LoadFailed } from "@/components/states";
import { ApiError } from "@/lib/api/error";
import { useSession } from "./api";

/** Shows the rooms only to someone signed in; a 401 leads to the sign-in page (see `lib/query.tsx`). */
export function SessionGate({ children }: { children: ReactNode }) {
  const session = useSession();
  if (session.isSuccess) return children;
  const leaving = session.error instanceof ApiError && session.error.isSignedOut;
  return (
    <main className="grid min-h-dvh place-items-center">
      {session.isError && !leaving ? (
        <LoadFailed error={session.error} retry={() => void session.refetch()} what="the dashboard" />
      ) : (
        <div role="status" aria-label="Loading">
          <Mark className="size-9 animate-pulse" />
        </div>
      )}
    </main>
  );
}
