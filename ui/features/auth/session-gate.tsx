"use client";

import { useRouter, useSearchParams } from "next/navigation";
import { useEffect, type ReactNode } from "react";
import { Mark } from "@/components/brand";
import { LoadFailed } from "@/components/states";
import { ApiError } from "@/lib/api/error";
import { onboardingUrl } from "@/lib/routes";
import { useSession } from "./api";

/** Shows the rooms to those who are signed in; who comes with an invitation is led to its page, whoever is signed in. */
export function SessionGate({ children }: { children: ReactNode }) {
  const invitation = useSearchParams().get("invitation_id");
  const router = useRouter();
  useEffect(() => {
    if (invitation) router.replace(onboardingUrl(invitation));
  }, [invitation, router]);
  return invitation ? null : <SignedIn>{children}</SignedIn>;
}

/** Shows the rooms only to someone signed in; a 401 leads to the sign-in page (see `lib/query.tsx`). */
function SignedIn({ children }: { children: ReactNode }) {
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
