import type { Metadata } from "next";
import { Suspense } from "react";
import { OnboardingView } from "@/features/auth/onboarding";

export const metadata: Metadata = { title: "Invitation" };

export default function Page() {
  return (
    <Suspense>
      <OnboardingView />
    </Suspense>
  );
}
