import type { Metadata } from "next";
import { Suspense } from "react";
import { KeysView } from "@/features/keys/view";

export const metadata: Metadata = { title: "Keys" };

export default function Page() {
  return (
    <Suspense>
      <KeysView />
    </Suspense>
  );
}
