import type { Metadata } from "next";
import { Suspense } from "react";
import { UsageView } from "@/features/usage/view";

export const metadata: Metadata = { title: "Usage" };

export default function Page() {
  return (
    <Suspense>
      <UsageView />
    </Suspense>
  );
}
