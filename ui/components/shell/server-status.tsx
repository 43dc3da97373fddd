"use client";

import { useQuery } from "@tanstack/react-query";
import { cn } from "@/lib/cn";

const POLL_MS = 15_000;

/** The gateway's own probe, which says nothing of the control plane: it is what LLM clients depend on. */
async function gatewayAnswers({ signal }: { signal: AbortSignal }): Promise<boolean> {
  const answer = await fetch("/health/liveliness", { signal }).catch(() => null);
  return answer?.ok ?? false;
}

export function ServerStatus() {
  const { data } = useQuery({ queryKey: ["gateway"], queryFn: gatewayAnswers, refetchInterval: POLL_MS });
  const down = data === false;
  return (
    <div className="flex items-center gap-2.5 rounded-md border bg-card px-3 py-2 text-xs shadow-xs" role="status">
      <span className="relative flex size-2" aria-hidden>
        {!down && data && (
          <span className="absolute inset-0 animate-ping rounded-full bg-success opacity-45 [animation-duration:2.4s]" />
        )}
        <span
          className={cn(
            "relative size-2 rounded-full",
            down ? "bg-destructive" : data ? "bg-success" : "bg-muted-foreground/50",
          )}
        />
      </span>
      <span className="text-muted-foreground">
        {down ? "Gateway does not answer" : data ? "Gateway serving" : "Asking the gateway…"}
      </span>
    </div>
  );
}
