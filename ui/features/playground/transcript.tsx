"use client";

import { Brain, CircleAlert, CircleStop } from "lucide-react";
import { useEffect, useRef } from "react";
import { Mark } from "@/components/brand";
import type { Model } from "@/features/models/schema";
import { MetricsLine } from "./metrics";
import { RichText } from "./rich-text";
import type { Turn } from "./schema";

const NEAR_END_PX = 120;

export function Transcript({ turns, models }: { turns: Turn[]; models: Model[] }) {
  const end = useRef<HTMLDivElement>(null);
  const last = turns.at(-1);
  const length = (last?.answer.length ?? 0) + (last?.reasoning.length ?? 0);

  // follow the answer, unless the reader scrolled back to read
  useEffect(() => {
    const box = end.current?.parentElement;
    if (box && box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX + box.clientHeight * 0.2) {
      end.current?.scrollIntoView({ block: "end" });
    }
  }, [length, turns.length, last?.state]);

  return (
    <div className="scroll-thin flex-1 overflow-y-auto px-4 py-6 sm:px-6">
      <ol className="mx-auto grid max-w-3xl gap-8">
        {turns.map((turn) => (
          <TurnItem key={turn.id} turn={turn} latest={turn === last} models={models} />
        ))}
      </ol>
      <div ref={end} />
    </div>
  );
}

interface TurnItemProps {
  turn: Turn;
  /** Only the latest answer carries the names that tests look for. */
  latest: boolean;
  models: Model[];
}

function TurnItem({ turn, latest, models }: TurnItemProps) {
  return (
    <li className="grid gap-5">
      <p className="ml-auto max-w-[85%] rounded-2xl rounded-br-md bg-muted px-4 py-2.5 leading-relaxed break-words whitespace-pre-wrap">
        {turn.question}
      </p>
      <div className="grid grid-cols-[1.75rem_minmax(0,1fr)] gap-3">
        <span className="grid size-7 place-items-center rounded-lg border bg-card shadow-xs">
          <Mark className={turn.state === "waiting" ? "size-4 animate-pulse" : "size-4"} />
        </span>
        <div className="grid min-w-0 gap-3 pt-0.5">
          <span className="text-xs leading-6 font-medium text-muted-foreground">{turn.model}</span>
          {turn.reasoning !== "" && <Reasoning text={turn.reasoning} thinking={turn.answer === ""} />}
          {turn.answer !== "" && (
            <div data-testid={latest ? "playground-answer" : undefined} aria-busy={turn.state === "streaming"}>
              <RichText text={turn.answer} />
            </div>
          )}
          <Ending turn={turn} />
          {turn.metrics && <MetricsLine metrics={turn.metrics} model={turn.model} models={models} latest={latest} />}
        </div>
      </div>
    </li>
  );
}

function Ending({ turn }: { turn: Turn }) {
  if (turn.state === "waiting") {
    return (
      <p role="status" className="animate-pulse text-muted-foreground">
        Waiting for the first token…
      </p>
    );
  }
  if (turn.state === "stopped") {
    return (
      <p className="flex items-center gap-2 text-xs text-muted-foreground">
        <CircleStop className="size-3.5" aria-hidden />
        Stopped. What was used up to here is charged.
      </p>
    );
  }
  if (turn.state === "failed") {
    return (
      <div
        role="alert"
        data-testid="playground-error"
        className="flex gap-2.5 rounded-lg border border-destructive/30 bg-destructive-soft px-3.5 py-3 leading-relaxed"
      >
        <CircleAlert className="mt-0.5 size-4 shrink-0 text-destructive" aria-hidden />
        <span className="min-w-0 break-words">{turn.error}</span>
      </div>
    );
  }
  if (turn.state === "done" && turn.answer === "") {
    return <p className="text-muted-foreground">The model ended without an answer.</p>;
  }
  return null;
}

function Reasoning({ text, thinking }: { text: string; thinking: boolean }) {
  return (
    <details open={thinking} className="rounded-lg border bg-muted/40 px-3.5 py-2.5 text-[13px] text-muted-foreground">
      <summary className="flex cursor-pointer items-center gap-2 text-xs font-medium select-none">
        <Brain className="size-3.5" aria-hidden />
        Reasoning
      </summary>
      <p className="mt-2 leading-relaxed break-words whitespace-pre-wrap">{text}</p>
    </details>
  );
}
