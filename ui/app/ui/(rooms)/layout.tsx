import { Suspense, type ReactNode } from "react";
import { Shell } from "@/components/shell/shell";
import { SessionGate } from "@/features/auth/session-gate";

export default function RoomsLayout({ children }: { children: ReactNode }) {
  return (
    <Suspense>
      <SessionGate>
        <Shell>{children}</Shell>
      </SessionGate>
    </Suspense>
  );
}
