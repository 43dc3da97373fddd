import type { Metadata } from "next";
import { Suspense } from "react";
import { PlaygroundView } from "@/features/playground/view";

export const metadata: Metadata = { title: "Playground" };

export default function Page() {
  return (
    <Suspense>
      <PlaygroundView />
    </Suspense>
  );
}
