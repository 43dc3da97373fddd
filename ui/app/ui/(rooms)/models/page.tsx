import type { Metadata } from "next";
import { Suspense } from "react";
import { ModelsView } from "@/features/models/view";

export const metadata: Metadata = { title: "Models" };

export default function Page() {
  return (
    <Suspense>
      <ModelsView />
    </Suspense>
  );
}
